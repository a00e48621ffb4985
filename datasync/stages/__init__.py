"""One stage of a run per file."""
