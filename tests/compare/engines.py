"""The same table in every engine, for tests that compare them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from datasync.compare.databases import DuckdbTable, MysqlTable, PostgresTable, SqliteTable
from datasync.compare.values import Table
from tests.services import connection_of, mysql_connect

KINDS = ("postgres", "mysql", "sqlite", "duckdb")
Rows = Sequence[Sequence[Any]]


class Engines:
    """Databases of each kind that a test has to itself.

    Args:
        folder: for files.
        url: gives the URL of a server's database by kind.
    """

    def __init__(self, folder: Path, url: Callable[[str], str]) -> None:
        self._folder = folder
        self._url = url
        self._opened: list[Table] = []

    def fill(self, kind: str, ddl: str, rows: Rows = (), *more: str) -> None:
        """Make the table `t` anew, insert rows, run further statements."""
        getattr(self, f"_{kind}")(["DROP TABLE IF EXISTS t", f"CREATE TABLE t ({ddl})"], rows, more)

    def run(self, kind: str, *statements: str) -> None:
        """Run statements."""
        getattr(self, f"_{kind}")([], (), statements)

    def open(self, kind: str, table: str = "t") -> Table:
        """Open a table for comparing; closed with the test."""
        made: Table
        if kind == "postgres":
            made = PostgresTable(kind, connection_of(self._url(kind)), table)
        elif kind == "mysql":
            made = MysqlTable(kind, connection_of(self._url(kind)), table)
        else:
            made = (SqliteTable if kind == "sqlite" else DuckdbTable)(kind, self._folder / f"t.{kind}", table)
        self._opened.append(made)
        return made

    def close(self) -> None:
        """Close what was opened."""
        for table in self._opened:
            table.close()
        self._opened.clear()

    def _postgres(self, before: Sequence[str], rows: Rows, after: Sequence[str]) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            for statement in before:
                cursor.execute(statement.encode())
            if rows:
                with connection.transaction():
                    cursor.executemany(f"INSERT INTO t VALUES ({_marks(rows, '%s')})".encode(), [tuple(row) for row in rows])
            for statement in after:
                cursor.execute(statement.encode())

    def _mysql(self, before: Sequence[str], rows: Rows, after: Sequence[str]) -> None:
        with closing(mysql_connect(self._url("mysql"))) as connection, connection.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")
            for statement in before:
                cursor.execute(statement)
            if rows:
                cursor.executemany(f"INSERT INTO t VALUES ({_marks(rows, '%s')})", [tuple(row) for row in rows])
            for statement in after:
                cursor.execute(statement)

    def _sqlite(self, before: Sequence[str], rows: Rows, after: Sequence[str]) -> None:
        with closing(sqlite3.connect(self._folder / "t.sqlite")) as connection, connection:
            for statement in before:
                connection.execute(statement)
            if rows:
                connection.executemany(f"INSERT INTO t VALUES ({_marks(rows, '?')})", rows)
            for statement in after:
                connection.execute(statement)

    def _duckdb(self, before: Sequence[str], rows: Rows, after: Sequence[str]) -> None:
        with duckdb.connect(str(self._folder / "t.duckdb")) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for statement in before:
                connection.execute(statement)
            for part in _alike(rows):
                marks = ", ".join([f"({_marks(part, '?')})"] * len(part))
                connection.execute(f"INSERT INTO t VALUES {marks}", list(chain.from_iterable(part)))
            for statement in after:
                connection.execute(statement)


def _alike(rows: Rows, most: int = 500) -> Iterator[Rows]:
    """Cut rows into parts, of values of the same types each: DuckDB plans every statement anew, and gives the rows of one the same types."""
    for _, found in groupby(rows, lambda row: [type(value) for value in row]):
        part = list(found)
        yield from (part[start : start + most] for start in range(0, len(part), most))


def _marks(rows: Rows, mark: str) -> str:
    return ", ".join([mark] * len(rows[0]))
