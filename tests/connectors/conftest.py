"""A database of each kind, fresh for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.sql_targets import KINDS, Place
from tests.services import connection_of


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database of each kind in turn."""
    if request.param != "postgres":
        return Place(request.param, tmp_path)
    return Place("postgres", tmp_path, connection_of(request.getfixturevalue("postgres_database")))


@pytest.fixture
def postgres(tmp_path: Path, postgres_database: str) -> Place:
    """An empty PostgreSQL database."""
    return Place("postgres", tmp_path, connection_of(postgres_database))
