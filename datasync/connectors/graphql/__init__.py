"""A GraphQL API's pages in, rows out."""
