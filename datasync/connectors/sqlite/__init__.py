"""Connectors: sqlite."""
