"""One way to drive every SQL target in tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from datasync.connectors.registry import open_target
from datasync.contract.endpoints import DuckdbTarget, MysqlTarget, OracleTarget, PostgresTarget, SqliteTarget
from datasync.contract.types import DataType, parse_type, polars_type
from datasync.seams import Commit, Connection, PinnedFile, PublishRequest, Surroundings, Target, TargetSpec

KINDS = ("duckdb", "sqlite", "postgres", "mysql")

EDGES: dict[str, tuple[str, list[Any]]] = {
    "i8": ("int8", [-128, 127, None]),
    "i16": ("int16", [-(2**15), 2**15 - 1, None]),
    "i32": ("int32", [-(2**31), 2**31 - 1, None]),
    "i64": ("int64", [-(2**63), 2**63 - 1, None]),
    "u8": ("uint8", [0, 255, None]),
    "u16": ("uint16", [0, 65535, None]),
    "u32": ("uint32", [0, 2**32 - 1, None]),
    "u64": ("uint64", [0, 2**64 - 1, None]),
    "dec": ("decimal(18,4)", [Decimal("-99999999999999.9999"), Decimal("0.0001"), None]),
    "big": ("decimal(38,10)", [Decimal("-9999999999999999999999999999.0123456789"), Decimal("0E-10"), None]),
    "f32": ("float32", [1.5, -3.4028234663852886e38, None]),
    "f64": ("float64", [0.1, 1.7976931348623157e308, None]),
    "b": ("bool", [True, False, None]),
    "s": ("string", ["", "é😀 'quote' \"double\" \\ % \n\t", None]),
    "bin": ("binary", [b"\x00\xff", b"", None]),
    "d": ("date", [date(1, 1, 1), date(9999, 12, 31), None]),
    "t": ("time", [time(0), time(23, 59, 59, 999999), None]),
    "ts_s": ("timestamp[s]", [datetime(1969, 12, 31, 23, 59, 59), datetime(2024, 2, 29), None]),
    "ts_ms": ("timestamp[ms]", [datetime(1969, 12, 31, 23, 59, 59, 1000), datetime(2024, 2, 29), None]),
    "ts": ("timestamp", [datetime(1000, 1, 1, 0, 0, 0, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), None]),
    "utc": ("timestamp[us, UTC]", [datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC), datetime(2024, 3, 10, tzinfo=UTC), None]),
    "seoul": ("timestamp[us, Asia/Seoul]", [datetime(2024, 3, 10, 15, tzinfo=UTC), datetime(1980, 1, 1, tzinfo=UTC), None]),
    "uuid": ("uuid", ["123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000", None]),
    "json": ("json", ['{"b": 1,  "a": [1, 2.50]}', "1.0", None]),
    "li": ("list<int64>", [[1, None, 2**63 - 1], [], None]),
    "ls": ("list<string>", [["a,b", None, 'q"'], [], None]),
    "ld": ("list<decimal(9,2)>", [[Decimal("1.10")], [], None]),
    "lu": ("list<uuid>", [["123e4567-e89b-12d3-a456-426614174000"], [], None]),
}
LACKS = {"sqlite": {"u64", "big"}, "postgres": set(), "duckdb": set(), "mysql": set()}
"""Columns that a kind refuses, for it could not hold them exactly."""


def edge_frame(kind: str) -> tuple[dict[str, DataType], pl.DataFrame]:
    """Every type with its edge values, as far as the kind can hold them."""
    types = {name: parse_type(text) for name, (text, _) in EDGES.items() if name not in LACKS[kind]}
    columns = []
    for name, data_type in types.items():
        values = EDGES[name][1]
        wanted = polars_type(data_type)
        if data_type.zone:
            columns.append(pl.Series(name, values, dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone(data_type.zone))
        else:
            columns.append(pl.Series(name, values, dtype=wanted))
    return types, pl.DataFrame(columns)


@dataclass(frozen=True)
class Place:
    """A database that a test has to itself."""

    kind: str
    root: Path
    connection: Connection | None = None
    opened: list[Target] = field(default_factory=list)

    def target(self, table: str = "t", home: Path | None = None, **options: Any) -> Target:
        endpoint: Any
        if self.kind == "mysql":
            endpoint = MysqlTarget(type="mysql", connection="warehouse", table=table, write="append", **options)
        elif self.kind == "oracle":
            endpoint = OracleTarget(type="oracle", connection="erp", table=table, write="append")
        elif self.kind == "postgres":
            endpoint = PostgresTarget(type="postgres", connection="warehouse", table=table, write="append", **options)
        elif self.kind == "sqlite":
            endpoint = SqliteTarget(type="sqlite", database="db.sqlite", table=table, write="append")
        else:
            endpoint = DuckdbTarget(type="duckdb", database="db.duckdb", table=table, write="append")
        self.opened.append(open_target(endpoint, Surroundings(self.root, home or self.root / ".datasync", self._connection)))
        return self.opened[-1]

    def close(self) -> None:
        """Close every target that the test opened."""
        for target in self.opened:
            target.close()

    def true(self, column: str) -> str:
        """SQL that tells whether a boolean is true."""
        return f"{column} = 1" if self.kind == "oracle" else column

    def _connection(self, _name: str) -> Connection:
        assert self.connection is not None
        return self.connection

    @contextmanager
    def sql(self) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
        """Run statements past the connector."""
        if self.kind in ("postgres", "oracle"):
            import psycopg

            from datasync.connectors.postgres.engine import conninfo

            assert self.connection is not None
            # Oracle's stand-in is a PostgreSQL.
            info = self.connection.extra["url"] if self.kind == "oracle" else conninfo(self.connection)
            options = '-c search_path="APP" -c TimeZone=UTC' if self.kind == "oracle" else ""
            with psycopg.connect(info, autocommit=True, options=options) as server:

                def run(sql: str) -> list[tuple[Any, ...]]:
                    cursor = server.execute(sql.encode())
                    return cursor.fetchall() if cursor.description else []

                yield run
        elif self.kind == "mysql":
            import pymysql

            from datasync.connectors.mysql.engine import settings

            assert self.connection is not None
            quotes = {"init_command": "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')"}
            with closing(pymysql.connect(**settings(self.connection), **quotes)) as mysql, mysql.cursor() as mine:

                def ask(sql: str) -> list[tuple[Any, ...]]:
                    mine.execute(sql)
                    return list(mine.fetchall())

                yield ask
        elif self.kind == "sqlite":
            with closing(sqlite3.connect(self.root / "db.sqlite", isolation_level=None)) as lite:
                yield lambda sql: lite.execute(sql).fetchall()
        else:
            import duckdb

            with duckdb.connect(str(self.root / "db.duckdb")) as duck:
                yield lambda sql: duck.execute(sql).fetchall()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.sql() as run:
            return run(sql)


def spec_of(columns: dict[str, str], run_id: str = "r1", **other: Any) -> TargetSpec:
    """A spec of one sync, append unless said."""
    types = {name: parse_type(text) for name, text in columns.items()}
    settings: dict[str, Any] = {"sync": "c/t", "contract": "c", "write": "append", **other}
    return TargetSpec(run_id=run_id, columns=types, **settings)


def frame_of(spec: TargetSpec, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    """Rows typed as the spec says."""
    schema = {name: polars_type(kind) for name, kind in spec.columns.items()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def stage(target: Target, spec: TargetSpec, frame: pl.DataFrame) -> int:
    """Load one frame."""
    writer = target.writer(spec)
    writer.write(frame)
    return writer.finish()


def publish(target: Target, spec: TargetSpec, rows: list[tuple[Any, ...]] | pl.DataFrame, **request: Any) -> Commit:
    """A whole run, from inspection to commit."""
    frame = rows if isinstance(rows, pl.DataFrame) else frame_of(spec, rows)
    state = target.inspect(spec)
    token = target.acquire(spec)
    staged = stage(target, spec, frame)
    settings = {"seen": state.sequence, **request}
    commit = target.publish(spec, PublishRequest(token=token, rows=staged, **settings))
    target.drop_staging(spec.run_id)
    return commit


FILE = PinnedFile("data/a.csv", 10, 123456789012345678, "f")
__all__ = ["EDGES", "FILE", "KINDS", "Place", "edge_frame", "frame_of", "publish", "replace", "spec_of", "stage"]
