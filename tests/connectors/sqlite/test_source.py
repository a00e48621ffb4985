"""The SQLite source: cells as they are stored, one snapshot, windows over text, cancellation."""

from __future__ import annotations

import sqlite3
import threading
import time as clock
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasync.connectors.sqlite.source import SqliteSource
from datasync.contract.endpoints import Partition
from datasync.contract.endpoints import SqliteSource as Endpoint
from datasync.contract.types import parse_type
from datasync.errors import PermanentError, TransientError, UsageError
from datasync.seams import ReadRequest, Surroundings, Window

Open = Callable[..., SqliteSource]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    yield connection
    connection.close()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Open]:
    opened: list[SqliteSource] = []

    def make(table: str | None = None, query: str | None = None) -> SqliteSource:
        endpoint = Endpoint(type="sqlite", database="shop.db", table=table, query=query)
        opened.append(
            SqliteSource(endpoint, Surroundings(tmp_path, tmp_path / ".datasync", lambda _: pytest.fail("no connection")))
        )
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def frames(source: SqliteSource, **request: Any) -> list[pl.DataFrame]:
    with source.read(ReadRequest(**request)) as reading:
        return [batch.frame for batch in reading.batches()]


STORED: list[tuple[str, Any, str | None, Any]] = [
    ("INTEGER", -(2**63), "int64", -(2**63)),
    ("BOOLEAN_INTEGER", 1, "bool", True),
    ("BOOLEAN", 0, "bool", False),
    ("REAL", 0.1, "float64", 0.1),
    ("TEXT", "é'\"\n", "string", "é'\"\n"),
    ("VARCHAR(10)", "", "string", ""),
    ("BLOB", b"\x00\xff", "binary", b"\x00\xff"),
    ("DECIMAL_TEXT(18,4)", "-12345678901234.5600", "decimal(18,4)", Decimal("-12345678901234.5600")),
    ("DATE_TEXT", "9999-12-31", "date", date(9999, 12, 31)),
    ("TIME_TEXT", "23:59:59.000001", "time", time(23, 59, 59, 1)),
    ("TIMESTAMP_TEXT", "2024-01-02 03:04:05.000006", "timestamp[us]", datetime(2024, 1, 2, 3, 4, 5, 6)),
    ("TIMESTAMPTZ_TEXT", "2024-01-02 03:04:05.000006+00:00", "timestamp[us, UTC]", datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
    ("JSON_TEXT", '{"a": 1.10}', "json", '{"a": 1.10}'),
    ("UUID_TEXT", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("LIST_TEXT", "[1, null]", None, "[1, null]"),
    ("DATETIME", "2024-01-02 03:04:05", None, "2024-01-02 03:04:05"),
    ("DATE_TEXT", "someday", "date", "someday"),
    ("INTEGER", "many", "int64", "many"),
    ("BOOLEAN", 7, "bool", 7),
    ("", 7, None, 7),
]


@pytest.mark.parametrize(("declared", "cell", "kind", "value"), STORED)
def test_cells_arrive_exactly(database: Any, source: Open, declared: str, cell: Any, kind: str | None, value: Any) -> None:
    database.execute(f"CREATE TABLE t (a {declared})")
    database.execute("INSERT INTO t VALUES (?), (NULL)", [cell])
    made = source(table="t")
    with made.read(ReadRequest()) as reading:
        assert reading.types == {"a": parse_type(kind) if kind else None}
        assert [batch.frame["a"].to_list() for batch in reading.batches()] == [[value, None]]


@pytest.mark.parametrize(
    ("cells", "hint", "expected"),
    [
        ([1, "two"], "int64", ["1", "two"]),
        ([1, 2.5], "float64", [1.0, 2.5]),
        ([1, 2.5], None, [1.0, 2.5]),
        ([1, 2.5], "int64", ["1", "2.5"]),
        ([2**53 + 1, 2.5], "float64", ["9007199254740993", "2.5"]),
        ([0, 1], "bool", [False, True]),
        ([0, 2], "bool", [0, 2]),
        ([None, None], None, [None, None]),
    ],
)
def test_mixed_cells_are_never_bent(database: Any, source: Open, cells: list[Any], hint: str | None, expected: list[Any]) -> None:
    database.execute("CREATE TABLE t (a)")
    database.executemany("INSERT INTO t VALUES (?)", [[cell] for cell in cells])
    types = {"a": parse_type(hint)} if hint else {}
    assert frames(source(table="t"), types=types)[0]["a"].to_list() == expected


def test_blobs_among_text_are_refused(database: Any, source: Open) -> None:
    database.execute("CREATE TABLE t (a TEXT)")
    database.execute("INSERT INTO t VALUES ('x'), (x'00')")
    with pytest.raises(PermanentError, match="column a holds BLOBs"):
        frames(source(table="t"))


def test_a_batch_may_hold_what_another_does_not(database: Any, source: Open) -> None:
    database.execute("CREATE TABLE t (a INTEGER)")
    database.execute("INSERT INTO t VALUES (1), (2), ('x')")
    assert [frame["a"].dtype for frame in frames(source(table="t"), batch_rows=2)] == [pl.Int64, pl.String]


def test_types_of_a_query_are_those_of_its_columns(database: Any, source: Open) -> None:
    database.execute("CREATE TABLE t (a DATE_TEXT, b INTEGER)")
    with source(query="SELECT a AS day, b, b AS b, b + 1 AS more FROM t").read(ReadRequest()) as reading:
        assert list(reading.header) == ["day", "b", "b", "more"]
        assert reading.types["day"] == parse_type("date")


def test_one_snapshot(database: Any, source: Open) -> None:
    database.execute("CREATE TABLE t (a INTEGER)")
    database.executemany("INSERT INTO t VALUES (?)", [[n] for n in range(100)])
    with source(table="t").read(ReadRequest(batch_rows=30)) as reading:
        database.execute("DELETE FROM t WHERE a > 10")
        assert reading.count() == 100
        assert [batch.frame.height for batch in reading.batches()] == [30, 30, 30, 10]


SEOUL = Window(datetime(2024, 1, 9, 15, tzinfo=UTC), datetime(2024, 1, 19, 15, tzinfo=UTC))
GREENWICH = Window(datetime(2024, 1, 10, tzinfo=UTC), datetime(2024, 1, 20, tzinfo=UTC))
KINDS = [
    ("int64", "INTEGER", lambda n: n, Window(10, 20)),
    ("date", "TEXT", lambda n: f"2024-01-{n:02}", Window(date(2024, 1, 10), date(2024, 1, 20))),
    ("timestamp[us]", "TEXT", lambda n: f"2024-01-{n:02} 00:00:00", SEOUL),
    ("timestamp[us]", "DATETIME", lambda n: f"2024-01-{n:02}T00:00:00.0", SEOUL),
    ("timestamp[us, UTC]", "TEXT", lambda n: f"2024-01-{n:02}T00:00:00Z", GREENWICH),
    ("timestamp[us, UTC]", "TIMESTAMPTZ_TEXT", lambda n: f"2024-01-{n:02} 00:00:00.000000+00:00", GREENWICH),
]


@pytest.mark.parametrize(("kind", "declared", "cell", "window"), KINDS)
def test_windows_are_half_open(database: Any, source: Open, kind: str, declared: str, cell: Any, window: Window) -> None:
    database.execute(f"CREATE TABLE t (n INTEGER, c {declared})")
    database.executemany("INSERT INTO t VALUES (?, ?)", [*((n, cell(n)) for n in range(1, 31)), (99, None)])
    request = ReadRequest(cursor="c", cursor_type=parse_type(kind), cursor_zone="Asia/Seoul", window=window)
    made = source(table="t")
    with made.read(request) as reading:
        assert reading.count() == 10
        assert reading.null_cursors() == 1
        assert [n for batch in reading.batches() for n in batch.frame["n"]] == list(range(10, 20))
    greatest = made.max_cursor("c", {})
    last = datetime(2024, 1, 30, tzinfo=UTC if "UTC" in kind else None)
    assert greatest == {"int64": 30, "date": date(2024, 1, 30)}.get(kind, last)


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("timestamp[us]", 1704067200),
        ("timestamp[us]", "2024-01-01 00:00:00Z"),
        ("timestamp[us, UTC]", "2024-01-01 00:00:00"),
        ("timestamp[us, UTC]", "2024-01-01T00:00:00+09:00"),
        ("timestamp[us]", "01/02/2024"),
        ("date", "2024-1-1"),
        ("int64", "seven"),
    ],
)
def test_a_cursor_that_no_window_would_find_ends_the_read(database: Any, source: Open, kind: str, cell: Any) -> None:
    database.execute("CREATE TABLE t (c)")
    database.execute("INSERT INTO t VALUES (?)", [cell])
    end = {"int64": 5, "date": date(2025, 1, 1)}.get(kind, datetime(2025, 1, 1, tzinfo=UTC))
    with pytest.raises(PermanentError, match="the cursor c holds"):
        frames(source(table="t"), cursor="c", cursor_type=parse_type(kind), cursor_zone="UTC", window=Window(None, end))


def test_a_missing_cursor_is_no_text(database: Any, source: Open) -> None:
    database.execute("CREATE TABLE t (a)")
    with pytest.raises(PermanentError, match="no cursor column"):
        frames(source(table="t"), cursor="nowhere", cursor_type=parse_type("int64"), window=Window(1, 2))
    with pytest.raises(PermanentError, match="no cursor column"):
        source(table="t").cursor_type("nowhere", {})


def test_a_query_bounds_its_own_window(database: Any, source: Open) -> None:
    database.execute("CREATE TABLE t (a INTEGER)")
    database.executemany("INSERT INTO t VALUES (?)", [[n] for n in range(10)])
    made = source(query="SELECT a FROM t WHERE a >= :window_start AND a < :window_end")
    assert made.cursor_type("a", {}) == parse_type("int64")
    assert made.max_cursor("a", {}) == 9
    request = {"cursor": "a", "cursor_type": parse_type("int64")}
    assert frames(made, window=Window(2, 4), **request)[0]["a"].to_list() == [2, 3]
    assert len(frames(made, window=Window(None, 4), **request)[0]) == 4


def test_variables_are_values_and_names_are_names(database: Any, source: Open) -> None:
    database.execute('CREATE TABLE "t""; --" ("a""b" TEXT)')
    database.execute('INSERT INTO "t""; --" VALUES (?)', ["x'; DROP TABLE t; --"])
    assert frames(source(table='t"; --'))[0].columns == ['a"b']
    made = source(query='SELECT * FROM {table} WHERE "a""b" = :name')
    found = frames(made, variables={"table": 't"; --', "name": "x'; DROP TABLE t; --"})
    assert found[0].height == 1


def test_reads_cannot_write(database: Any, source: Open) -> None:
    database.execute("CREATE TABLE t (a)")
    with pytest.raises(PermanentError):
        frames(source(query="DELETE FROM t RETURNING a"))
    with source(table="t").read(ReadRequest()) as reading, pytest.raises(sqlite3.Error):
        reading._connection.execute("INSERT INTO t VALUES (1)")  # type: ignore[attr-defined]


def test_a_missing_file_is_not_made(source: Open, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="there is no file"):
        source(table="t").files()
    with pytest.raises(PermanentError, match="there is no file"):
        frames(source(table="t"))
    assert not (tmp_path / "shop.db").exists()


def test_what_is_no_database_or_no_table_is_permanent(database: Any, source: Open, tmp_path: Path) -> None:
    database.execute("CREATE TABLE t (a)")
    with pytest.raises(PermanentError, match="no such table"):
        frames(source(table="nowhere"))
    database.execute("PRAGMA journal_mode = DELETE")
    database.close()
    (tmp_path / "shop.db").write_bytes(b"no database" * 1000)
    with pytest.raises(PermanentError, match="no SQLite database"):
        frames(source(table="t"))


def test_errors_of_a_generator_are_translated(database: Any, source: Open) -> None:
    opened = source(query="SELECT abs(n) AS a FROM (SELECT 1 AS n UNION ALL SELECT -9223372036854775808)").read(ReadRequest())
    batches = iter(opened.__enter__().batches())
    with pytest.raises(PermanentError):
        next(batches)
    opened.__exit__(None, None, None)


def test_parts_are_refused(tmp_path: Path) -> None:
    endpoint = Endpoint(type="sqlite", database="shop.db", table="t", partition=Partition(column="a", size=5))
    with pytest.raises(UsageError, match="one stream"):
        SqliteSource(endpoint, Surroundings(tmp_path, tmp_path, lambda _: pytest.fail("no connection")))


def test_cancel_ends_a_read_within_a_second(database: Any, source: Open) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n"
    made = source(query=endless)
    raised: list[BaseException] = []
    started = threading.Event()

    def read() -> None:
        try:
            with made.read(ReadRequest()) as reading:
                started.set()
                list(reading.batches())
        except BaseException as error:
            raised.append(error)

    worker = threading.Thread(target=read)
    worker.start()
    assert started.wait(5)
    clock.sleep(0.3)
    made.cancel()
    worker.join(timeout=3)
    assert not worker.is_alive()
    assert isinstance(raised[0], TransientError)
