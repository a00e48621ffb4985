"""A contract and its situation in, a list of frozen steps out."""
