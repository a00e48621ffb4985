"""Connectors: postgres."""
