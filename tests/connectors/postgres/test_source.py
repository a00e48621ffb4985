"""The PostgreSQL source against a real server: exact values, one snapshot, windows, cancellation."""

from __future__ import annotations

import threading
import time as clock
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest

from datasync.connectors.postgres.source import PostgresSource
from datasync.contract.endpoints import Partition
from datasync.contract.endpoints import PostgresSource as Endpoint
from datasync.contract.types import DataType, parse_type
from datasync.errors import PermanentError, TransientError, UsageError
from datasync.seams import ReadRequest, Surroundings, Window
from tests.services import connection_of

Open = Callable[..., PostgresSource]


@pytest.fixture
def server(postgres_database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def source(postgres_database: str, tmp_path: Path) -> Iterator[Open]:
    opened: list[PostgresSource] = []

    def make(table: str | None = None, query: str | None = None, partition: Partition | None = None) -> PostgresSource:
        around = Surroundings(tmp_path, tmp_path, lambda name: connection_of(postgres_database, name))
        endpoint = Endpoint(type="postgres", connection="shop", table=table, query=query, partition=partition)
        opened.append(PostgresSource(endpoint, around))
        return opened[-1]

    yield make
    for each in opened:
        each.close()
        each.close()


def rows(source: PostgresSource, **request: Any) -> pl.DataFrame:
    with source.read(ReadRequest(**request)) as reading:
        return pl.concat([batch.frame for batch in reading.batches()])


TYPES: list[tuple[str, str, str | None, Any]] = [
    ("smallint", "-32768", "int16", -32768),
    ("integer", "2147483647", "int32", 2147483647),
    ("bigint", "-9223372036854775808", "int64", -(2**63)),
    ("numeric(12,2)", "-9999999999.99", "decimal(12,2)", Decimal("-9999999999.99")),
    (
        "numeric(38,18)",
        "12345678901234567890.123456789012345678",
        "decimal(38,18)",
        Decimal("12345678901234567890.123456789012345678"),
    ),
    ("numeric", "1.50", None, "1.50"),
    ("numeric(50,2)", "1.50", None, "1.50"),
    ("numeric(4,-2)", "1200", None, "1200"),
    ("real", "1.5", "float32", 1.5),
    ("double precision", "1e300", "float64", 1e300),
    ("boolean", "true", "bool", True),
    ("text", "é'\"\n\U0001f600", "string", "é'\"\n\U0001f600"),
    ("varchar(5)", "", "string", ""),
    ("char(4)", "ab", "string", "ab  "),
    ("bytea", "\\x00ff", "binary", b"\x00\xff"),
    ("date", "0001-01-01", "date", date(1, 1, 1)),
    ("date", "9999-12-31", "date", date(9999, 12, 31)),
    ("time", "23:59:59.999999", "time", time(23, 59, 59, 999999)),
    ("timestamp", "9999-12-31 23:59:59.999999", "timestamp[us]", datetime(9999, 12, 31, 23, 59, 59, 999999)),
    ("timestamptz", "2024-03-10 01:30:00.000001-05", "timestamp[us, UTC]", datetime(2024, 3, 10, 6, 30, 0, 1, tzinfo=UTC)),
    ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("json", '{"a":  1.10}', "json", '{"a":  1.10}'),
    ("jsonb", '{"a":  1.10}', "json", '{"a": 1.10}'),
    ("oid", "4294967295", "int64", 4294967295),
    ("inet", "10.0.0.1/8", "string", "10.0.0.1/8"),
    ("mood", "sad", "string", "sad"),
    ("positive", "7", "int32", 7),
    ("integer[]", "{1,NULL,3}", "list<int32>", [1, None, 3]),
    ("integer[]", "{}", "list<int32>", []),
    ("text[]", '{"a,b",NULL,""}', "list<string>", ["a,b", None, ""]),
    ("uuid[]", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "list<uuid>", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("numeric(10,2)[]", "{1.10,NULL}", "list<decimal(10,2)>", [Decimal("1.10"), None]),
]


@pytest.mark.parametrize(("declared", "text", "kind", "value"), TYPES)
def test_values_arrive_exactly(server: Any, source: Open, declared: str, text: str, kind: str | None, value: Any) -> None:
    server.execute("CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN positive AS integer CHECK (VALUE > 0)")
    server.execute(f"CREATE TABLE t (a {declared})")
    server.execute(f"INSERT INTO t VALUES (%s::{declared}), (NULL)", [text])
    with source(table="t").read(ReadRequest()) as reading:
        assert reading.types == {"a": parse_type(kind) if kind else None}
        frames = [batch.frame for batch in reading.batches()]
    assert pl.concat(frames)["a"].to_list() == [value, None]


@pytest.mark.parametrize("declared", ["interval", "int4range", "point", "timetz", "money", "tsvector", "pg_lsn"])
def test_a_type_without_a_name_is_refused_with_a_way_out(server: Any, source: Open, declared: str) -> None:
    server.execute(f"CREATE TABLE t (id int, a {declared})")
    with source(table="t").read(ReadRequest()) as reading:
        assert reading.types["a"] is None
        with pytest.raises(PermanentError, match=r"column a is .*read a::text"):
            list(reading.batches())
    server.execute("INSERT INTO t (id) VALUES (1)")
    assert rows(source(table="t"), columns=("id",))["id"].to_list() == [1]


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("date", "infinity"),
        ("timestamptz", "-infinity"),
        ("timestamp", "290000-01-01"),
        ("date", "0044-03-15 BC"),
        ("time", "24:00"),
        ("int[]", "{{1,2},{3,4}}"),
        ("date[]", "{infinity}"),
        ("numeric(6,2)", "NaN"),
        ("numeric(6,2)[]", "{NaN}"),
    ],
)
def test_a_value_without_a_name_is_refused(server: Any, source: Open, declared: str, text: str) -> None:
    server.execute(f"CREATE TABLE t (a {declared})")
    server.execute(f"INSERT INTO t VALUES (%s::{declared})", [text])
    with pytest.raises(PermanentError, match="column a holds"):
        rows(source(table="t"))


def test_a_numeric_without_digits_takes_the_declared_ones(server: Any, source: Open) -> None:
    server.execute("CREATE TABLE t AS SELECT 1.5::numeric AS a")
    hint = {"a": parse_type("decimal(10,3)")}
    assert rows(source(table="t"), types=hint)["a"].to_list() == [Decimal("1.500")]
    server.execute("INSERT INTO t VALUES (1.2345), ('NaN')")
    assert rows(source(table="t"), types=hint)["a"].to_list() == ["1.5", "1.2345", "NaN"]


def test_the_header_has_a_column_as_often_as_the_query(source: Open) -> None:
    with source(query="SELECT 1 AS a, 2 AS a").read(ReadRequest()) as reading:
        assert list(reading.header) == ["a", "a"]


def test_hostile_names_are_names(server: Any, source: Open) -> None:
    server.execute('CREATE SCHEMA "se""x"; CREATE TABLE "se""x"."t; --" ("a""b%s" int, ":x" int, "select" int)')
    server.execute('INSERT INTO "se""x"."t; --" VALUES (1, 2, 3)')
    assert rows(source(table='se"x.t; --')).to_dicts() == [{'a"b%s': 1, ":x": 2, "select": 3}]


def test_one_snapshot_for_count_and_rows(server: Any, source: Open) -> None:
    server.execute("CREATE TABLE t AS SELECT generate_series(1, 100) AS id")
    with source(table="t").read(ReadRequest(batch_rows=30)) as reading:
        assert reading.count() == 100
        server.execute("DELETE FROM t WHERE id > 50; INSERT INTO t SELECT generate_series(200, 900)")
        frames = [batch.frame for batch in reading.batches()]
        assert reading.count() == 100
    assert [frame.height for frame in frames] == [30, 30, 30, 10]
    assert sorted(pl.concat(frames)["id"]) == list(range(1, 101))


def test_parts_cover_every_row_once(server: Any, source: Open) -> None:
    server.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id; INSERT INTO t VALUES (NULL), (-5), (2500)")
    made = source(table="t", partition=Partition(column="id", size=300))
    with made.read(ReadRequest(batch_rows=400)) as reading:
        server.execute("DELETE FROM t")
        found = [value for batch in reading.batches() for value in batch.frame["id"].to_list()]
    assert found[0] is None
    assert sorted(found[1:]) == [-5, *range(1, 1001), 2500]


def test_parts_need_an_integer(source: Open) -> None:
    made = source(query="SELECT 'x' AS id", partition=Partition(column="id", size=3))
    with made.read(ReadRequest()) as reading, pytest.raises(PermanentError, match="integer"):
        list(reading.batches())


@pytest.mark.parametrize(
    ("kind", "declared", "window"),
    [
        ("int32", "int", Window(10, 20)),
        ("date", "date", Window(date(2024, 1, 10), date(2024, 1, 20))),
        ("timestamp[us]", "timestamp", Window(datetime(2024, 1, 9, 15, tzinfo=UTC), datetime(2024, 1, 19, 15, tzinfo=UTC))),
        ("timestamp[us, UTC]", "timestamptz", Window(datetime(2024, 1, 10, tzinfo=UTC), datetime(2024, 1, 20, tzinfo=UTC))),
    ],
)
@pytest.mark.parametrize("own", [False, True])
def test_windows_are_half_open(server: Any, source: Open, kind: str, declared: str, window: Window, own: bool) -> None:
    value = "n" if declared == "int" else f"('2024-01-01'::{declared} + (n - 1) * interval '1 day')::{declared}"
    server.execute("SET TIME ZONE 'UTC'")
    server.execute(f"CREATE TABLE t AS SELECT n, {value} AS c FROM generate_series(1, 30) AS n; INSERT INTO t VALUES (99, NULL)")
    query = "SELECT * FROM t WHERE c >= :window_start AND c < :window_end -- no :such"
    made = source(query=query) if own else source(table="t")
    assert made.cursor_type("c", {}) == parse_type(kind)
    request = ReadRequest(cursor="c", cursor_type=parse_type(kind), cursor_zone="Asia/Seoul", window=window)
    with made.read(request) as reading:
        assert reading.count() == 10
        assert reading.null_cursors() == (0 if own else 1)
        found = [n for batch in reading.batches() for n in batch.frame["n"]]
    assert found == list(range(10, 20))
    assert made.max_cursor("c", {}) == server.execute("SELECT max(c) FROM t").fetchone()[0]


def test_variables_are_values_and_names_are_quoted(server: Any, source: Open) -> None:
    server.execute("CREATE TABLE canary (region text); INSERT INTO canary VALUES ('KR''; DROP TABLE canary; --\\'), ('US')")
    made = source(
        query="SELECT region::text, ':x' AS \"a:y\" /* :z */ FROM {table} WHERE region = :region AND :flag AND :n > 1.25"
    )
    values = {"region": "KR'; DROP TABLE canary; --\\", "table": "canary", "flag": True, "n": Decimal("1.26")}
    assert rows(made, variables=values).to_dicts() == [{"region": values["region"], "a:y": ":x"}]
    with pytest.raises(UsageError, match=":region"):
        rows(made, variables={"table": "canary"})


def test_reads_cannot_write(server: Any, source: Open) -> None:
    server.execute("CREATE TABLE t (a int)")
    with pytest.raises(PermanentError):
        rows(source(query="WITH gone AS (INSERT INTO t VALUES (1) RETURNING a) SELECT a FROM gone"))
    server.execute("CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (1) RETURNING a'")
    with pytest.raises(PermanentError, match="read-only"):
        rows(source(query="SELECT sneak() AS a"))
    assert server.execute("SELECT count(*) FROM t").fetchone() == (0,)


@pytest.mark.parametrize("query", ["SELECT a FROM nowhere", "SELECT nothing FROM pg_class"])
def test_what_is_not_there_is_permanent(source: Open, query: str) -> None:
    with pytest.raises(PermanentError, match="no such"):
        rows(source(query=query))


def test_an_error_in_mid_stream_names_no_value(source: Open) -> None:
    with pytest.raises(PermanentError) as raised:
        rows(
            source(query="SELECT (CASE WHEN n = 900000 THEN 'se' || 'cret' ELSE '1' END)::int FROM generate_series(1, 1000000) n")
        )
    assert "22P02" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_nobody_answers(tmp_path: Path) -> None:
    gone = connection_of("postgresql://u:hunter2@127.0.0.1:1/x?connect_timeout=2")
    made = PostgresSource(Endpoint(type="postgres", connection="c", table="t"), Surroundings(tmp_path, tmp_path, lambda _: gone))
    with pytest.raises(TransientError) as raised:
        made.clock()
    assert "hunter2" not in str(raised.value)
    assert made.explain(ReadRequest()) == ['SELECT * FROM "t"']


def test_a_killed_server_process_is_transient(server: Any, source: Open) -> None:
    made = source(query="SELECT n, repeat('x', 1000) AS filler FROM generate_series(1, 300000) AS n")
    with made.read(ReadRequest(batch_rows=1000)) as reading:
        batches = reading.batches()
        next(batches)
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%'")
        with pytest.raises(TransientError):
            list(batches)


@pytest.mark.parametrize("what", ["count", "batches", "parts"])
def test_cancel_ends_a_read_within_a_second(server: Any, source: Open, what: str) -> None:
    server.execute("CREATE TABLE t AS SELECT generate_series(1, 10) AS id")
    query = "SELECT id, pg_sleep(20)::text AS slept FROM t"
    made = source(query=query, partition=Partition(column="id", size=2)) if what == "parts" else source(query=query)
    raised: list[BaseException] = []

    def read() -> None:
        try:
            with made.read(ReadRequest()) as reading:
                if what == "parts":
                    reading._parts = lambda: [" WHERE id < 5", " WHERE id >= 5"]  # type: ignore[attr-defined]
                reading.count() if what == "count" else list(reading.batches())
        except BaseException as error:
            raised.append(error)

    if what == "count":
        query = query.replace("id, ", "DISTINCT ")
        made = source(query=query)
    worker = threading.Thread(target=read)
    worker.start()
    deadline = clock.monotonic() + 10
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    while not server.execute(sleeping).fetchone()[0] and clock.monotonic() < deadline:
        clock.sleep(0.02)
    made.cancel()
    worker.join(timeout=3)
    assert not worker.is_alive()
    assert isinstance(raised[0], TransientError)
    while server.execute(sleeping).fetchone()[0] and clock.monotonic() < deadline:
        clock.sleep(0.02)
    assert server.execute(sleeping).fetchone()[0] == 0


def test_types_of_decimal_hints_are_kept(source: Open) -> None:
    with source(query="SELECT sum(n) AS total FROM generate_series(1, 3) AS n").read(ReadRequest()) as reading:
        assert reading.types == {"total": DataType("int64")}
