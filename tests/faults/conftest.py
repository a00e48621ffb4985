"""A PostgreSQL database that a test has to itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.sql_targets import Place
from tests.services import connection_of


@pytest.fixture
def postgres(tmp_path: Path, postgres_database: str) -> Iterator[Place]:
    """An empty database."""
    made = Place("postgres", tmp_path, connection_of(postgres_database))
    yield made
    made.close()
