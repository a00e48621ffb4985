"""Engines for the tests of comparing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compare.engines import Engines


@pytest.fixture
def engines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engines]:
    """A database of each kind; servers start when they are asked for."""
    made = Engines(tmp_path, lambda kind: str(request.getfixturevalue(f"{kind}_database")))
    # A server's database is dropped before this fixture ends unless it was made before.
    for kind in ("postgres", "mysql"):
        request.getfixturevalue(f"{kind}_database")
    yield made
    made.close()
