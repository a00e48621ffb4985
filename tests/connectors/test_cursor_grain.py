"""A window ends where the source can write nothing more: before the second that is running, where it keeps seconds (F33)."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from datasync.connectors.registry import open_source
from datasync.contract.endpoints import MysqlSource, PostgresSource, SqliteSource
from datasync.contract.loader import examine_text
from datasync.contract.model import Contract
from datasync.contract.types import DataType
from datasync.plan.window import automatic_window, cursor_facts
from datasync.seams import Connection, Surroundings, WindowValue
from tests.connectors.sql_targets import Place

CLOCK = datetime(2026, 1, 31, 12, 0, 0, 345678, tzinfo=UTC)
CONTRACT = """\
contract: grain
version: 1.0.0
source: {type: SOURCE, cursor: {column: at, start: 2026-01-01, timezone: UTC}}
columns: {id: {type: int64, key: true}, at: {type: timestamp, required: true}}
"""
SOURCES = {
    "sqlite": SqliteSource(type="sqlite", database="db.sqlite", table="t"),
    "mysql": MysqlSource(type="mysql", connection="shop", table="t"),
    "postgres": PostgresSource(type="postgres", connection="shop", table="t"),
}
SPELLED = [("sqlite", "TIMESTAMP", 0), ("mysql", "DATETIME(0)", 0), ("mysql", "TIMESTAMP(2)", 0), ("mysql", "DATETIME(3)", 345000),
           ("mysql", "DATETIME(6)", 345678), ("postgres", "timestamp(0)", 0), ("postgres", "timestamptz(3)", 345000),
           ("postgres", "timestamptz", 345678)]  # fmt: skip


@pytest.mark.parametrize(("kind", "spelled", "left"), SPELLED)
def test_the_end_is_as_fine_as_the_column(
    kind: str, spelled: str, left: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = Place("sqlite", tmp_path) if kind == "sqlite" else request.getfixturevalue(kind)
    with place.sql() as run:
        run(f"CREATE TABLE t (id bigint, at {spelled})")
    around = Surroundings(tmp_path, tmp_path, lambda _: connected(place))
    with closing(open_source(SOURCES[kind], around)) as source:
        found = source.cursor_type("at", {})
    assert _end(kind, found) == CLOCK.replace(microsecond=left)


def connected(place: Place) -> Connection:
    assert place.connection is not None
    return place.connection


def test_an_api_that_does_not_say_keeps_seconds() -> None:
    assert _end("rest", None) == CLOCK.replace(microsecond=0)


def test_the_watermark_stays_where_it_was_finer() -> None:
    facts = cursor_facts(_contract("rest"), None)
    assert facts is not None
    window = automatic_window(facts, CLOCK, CLOCK + timedelta(milliseconds=2), None)
    assert (window.start, window.end) == (CLOCK, CLOCK)


def _contract(kind: str) -> Contract:
    place = {"rest": "rest, connection: c, endpoint: /x", "sqlite": "sqlite, database: db.sqlite, table: t"}
    text = CONTRACT.replace("SOURCE", place.get(kind, f"{kind}, connection: shop, table: t"))
    loaded, problems = examine_text(text.encode(), Path("c.yaml"))
    assert loaded is not None, problems
    return loaded.contract


def _end(kind: str, found: DataType | None) -> WindowValue:
    facts = cursor_facts(_contract(kind), found)
    assert facts is not None
    return automatic_window(facts, None, CLOCK, None).end
