"""A window ends where the source can write nothing more: before the second that is running, where it keeps seconds (F33)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import datasync
from datasync.connectors.registry import open_source
from datasync.contract.endpoints import MysqlSource, PostgresSource, SqliteSource
from datasync.contract.loader import examine_text, load_contract
from datasync.contract.model import Contract
from datasync.contract.types import DataType
from datasync.plan.window import automatic_window, cursor_facts
from datasync.seams import Connection, Surroundings, WindowValue
from datasync.sync.changes import Changes, changes
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


def test_rows_that_share_the_last_second_of_an_epoch_are_read_by_lag(tmp_path: Path) -> None:
    place, sync = Place("sqlite", tmp_path), tmp_path / "ties.yaml"
    (tmp_path / "datasync.toml").touch()
    sync.write_text(
        "contract: ties\nversion: 1.0.0\n"
        "source: {type: sqlite, database: db.sqlite, table: t, cursor: {column: at, lag: 1}}\n"
        "columns: {id: {type: int64, key: true}, at: {type: int64, required: true}}\n"
        "target: {type: sqlite, database: out.sqlite, table: t, write: merge}\n",
        encoding="utf-8",
    )
    with place.sql() as run:
        run("CREATE TABLE t (id INTEGER, at INTEGER)")
        run("INSERT INTO t VALUES (1, 1700000000), (2, 1700000005)")
    assert datasync.load(sync).run().rows.published == 2
    assert changes(load_contract(sync), {}) == Changes(False, 0, "cursor")
    with place.sql() as run:
        run("INSERT INTO t VALUES (3, 1700000005)")
    assert datasync.load(sync).run().rows.published == 2
    with closing(sqlite3.connect(tmp_path / "out.sqlite")) as connection:
        assert connection.execute("SELECT id FROM t ORDER BY id").fetchall() == [(1,), (2,), (3,)]
    with place.sql() as run:
        run("INSERT INTO t VALUES (4, 1700000006)")
    assert changes(load_contract(sync), {}) == Changes(True, 1, "cursor")


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
