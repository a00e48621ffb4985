"""Connectors: oracle."""
