"""Fixtures that every test may use."""

from tests.services import postgres_connection_of, postgres_database, postgres_url

__all__ = ["postgres_connection_of", "postgres_database", "postgres_url"]
