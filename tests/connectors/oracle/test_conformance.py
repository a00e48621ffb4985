"""The one conformance suite over Oracle's source and target, on the stand-in."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasync.testing.conformance import HOSTILE, Conformance, Harness
from tests.connectors.oracle.stand_in import CONNECTION, Server
from tests.connectors.test_conformance import harness_of


class TestOracle(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path, oracle: Server) -> Harness:
        place = {"type": "oracle", "connection": "erp", "table": "T"}
        # A name with a double quote is none of Oracle's.
        hostile = tuple(name for name in HOSTILE if '"' not in name)
        lacks = frozenset({"negative_zero", "empty_string", "empty_binary", "time", "list", "list_of_text"})
        return harness_of(tmp_path, lambda _: CONNECTION, place, hostile=hostile, lacks=lacks)

    @pytest.mark.parametrize("kind", ["timestamp[us, UTC]"])
    def test_windows_are_half_open(self, harness: Harness, kind: str) -> None:
        """An `int64` comes back as `NUMBER(19)`, whose 19 digits are more than it has; and a DATE has a time of day."""
        super().test_windows_are_half_open(harness, kind)
