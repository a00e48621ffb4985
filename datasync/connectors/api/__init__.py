"""Connectors: APIs that take rows."""
