"""Runs, checks, watermarks and quarantine batches, kept in a small SQL database."""
