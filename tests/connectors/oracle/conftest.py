"""Targets that write to the stand-in for an Oracle server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from datasync.connectors.oracle.target import OracleTarget
from datasync.contract.endpoints import OracleTarget as Endpoint
from datasync.seams import Surroundings
from tests.connectors.oracle.stand_in import CONNECTION, Server


class Targets:
    """Opens targets of one table each; all are closed at the end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.opened: list[OracleTarget] = []

    def __call__(self, table: str = "T", home: str = ".datasync") -> OracleTarget:
        endpoint = Endpoint(type="oracle", connection="erp", table=table, write="append")
        around = Surroundings(self.root, self.root / home, lambda _: CONNECTION)
        self.opened.append(OracleTarget(endpoint, around))
        return self.opened[-1]


@pytest.fixture
def targets(oracle: Server, tmp_path: Path) -> Iterator[Targets]:
    """Opens targets."""
    made = Targets(tmp_path)
    yield made
    for target in made.opened:
        target.close()
