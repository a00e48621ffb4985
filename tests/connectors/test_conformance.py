"""Every connector that ships goes through the one conformance suite."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from datasync.connectors.registry import open_source, open_target
from datasync.contract import endpoints
from datasync.seams import Connection, Surroundings
from datasync.testing.conformance import HOSTILE, Conformance, Harness
from tests.connectors.files.stores import Bucket, lookup
from tests.connectors.http.servers import Asked, reply, serving
from tests.connectors.http.sources import source_of
from tests.services import connection_of

SOURCES: TypeAdapter[Any] = TypeAdapter(endpoints.Source)
TARGETS: TypeAdapter[Any] = TypeAdapter(endpoints.Target)


def harness_of(root: Path, connection: Callable[[str], Connection], place: dict[str, str], **facts: Any) -> Harness:
    """One place that a target writes and a source reads."""
    around = Surroundings(root, root / ".datasync", connection)
    return Harness(
        target=lambda: open_target(TARGETS.validate_python({**place, "write": "append"}), around),
        source=lambda: open_source(SOURCES.validate_python(place), around),
        **facts,
    )


def nowhere(name: str) -> Connection:
    raise AssertionError(f"no connection {name}")


class TestDuckdb(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        return harness_of(tmp_path, nowhere, {"type": "duckdb", "database": "place.duckdb", "table": "t"})


class TestSqlite(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        lacks = frozenset({"uint64", "decimal38", "nan", "negative_zero"})
        return harness_of(tmp_path, nowhere, {"type": "sqlite", "database": "place.sqlite", "table": "t"}, lacks=lacks)


class TestPostgres(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path, postgres_database: str) -> Harness:
        place = {"type": "postgres", "connection": "warehouse", "table": "s.t"}
        return harness_of(tmp_path, lambda name: connection_of(postgres_database, name), place)


class TestMysql(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path, mysql_database: str) -> Harness:
        place = {"type": "mysql", "connection": "warehouse", "table": "t"}
        lacks = frozenset({"nan", "negative_zero"})
        return harness_of(tmp_path, lambda name: connection_of(mysql_database, name), place, lacks=lacks)


class TestParquet(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        return harness_of(tmp_path, nowhere, {"type": "parquet", "path": "place.parquet"})


class TestNdjson(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        facts = {"windows": False, "counts": False, "lacks": frozenset({"nan"})}
        return harness_of(tmp_path, nowhere, {"type": "ndjson", "path": "place.ndjson"}, **facts)


class TestJson(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        facts = {"windows": False, "counts": False, "lacks": frozenset({"nan"})}
        return harness_of(tmp_path, nowhere, {"type": "json", "path": "place.json"}, **facts)


class TestXml(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        facts = {"windows": False, "counts": False, "lacks": frozenset({"nan"}), "hostile": ("select", "Ünïcödé", "a.b", "_x-1")}
        return harness_of(tmp_path, nowhere, {"type": "xml", "path": "place.xml", "options": {"row_tag": "row"}}, **facts)


class TestStores(Conformance):
    """Parquet in each store."""

    @pytest.fixture
    def harness(self, tmp_path: Path, bucket: Bucket) -> Harness:
        place = {"type": "parquet", "path": bucket.url("lake/place"), "connection": "lake"}
        return harness_of(tmp_path, lookup(bucket), place)


class TestCsv(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        facts = {"windows": False, "counts": False, "lacks": frozenset({"nan", "empty_string", "empty_binary"})}
        return harness_of(tmp_path, nowhere, {"type": "csv", "path": "place.csv"}, hostile=HOSTILE, **facts)


class TestRest(Conformance):
    """The suite's part for sources: what an ndjson target writes is served as one JSON array, and read over HTTP."""

    @pytest.fixture
    def harness(self, tmp_path: Path) -> Iterator[Harness]:
        place = tmp_path / "place.ndjson"

        def answer(asked: Asked, sock: socket.socket) -> bytes:
            return reply(b"[" + b",".join(place.read_bytes().splitlines()) + b"]")

        # Nested values are written again: the same JSON, without the blanks between its values.
        facts = {"windows": False, "counts": False, "lacks": frozenset({"nan", "json"})}
        with serving(answer) as server:
            written = harness_of(tmp_path, nowhere, {"type": "ndjson", "path": "place.ndjson"}, **facts)
            yield replace(written, source=lambda: source_of(server, {"type": "rest", "endpoint": "/"}, tmp_path))


DELTA_NAMES = ("it's", "select", "per%cent", ":name", "back\\slash", "a.b", 'q"uote', "Ünï_cödé")
"""Delta's own rules forbid spaces and `,;{}()=`."""


class TestDelta(Conformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        place = {"type": "delta", "path": "lake/place"}
        return harness_of(tmp_path, nowhere, place, lacks=frozenset({"time"}), hostile=DELTA_NAMES)
