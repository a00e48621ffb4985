"""Connectors: duckdb."""
