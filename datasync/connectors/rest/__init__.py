"""A REST API's pages in, rows out."""
