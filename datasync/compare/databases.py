"""A connection or a database file and a table's name in, the table in a snapshot out: one class for each kind of database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from datasync.compare.families import Family, family_of
from datasync.compare.sqlite_functions import register
from datasync.compare.values import Column
from datasync.connectors.duckdb.engine import Handle
from datasync.connectors.duckdb.source import type_of
from datasync.connectors.mysql import engine as mysql
from datasync.connectors.mysql import source as mysql_source
from datasync.connectors.postgres import engine as postgres
from datasync.connectors.postgres import source as postgres_source
from datasync.connectors.postgres.types import NUMERIC, Found, column_of
from datasync.connectors.sql.reading import quote_table
from datasync.connectors.sqlite.cells import declared_type
from datasync.connectors.sqlite.engine import WAIT, translate
from datasync.connectors.sqlite.source import described
from datasync.contract.types import DataType, Dialect
from datasync.errors import PermanentError
from datasync.seams import Connection

FETCH = 5_000
"""Rows that a stream asks for at once."""


class PostgresTable:
    """See `values.Table`."""

    dialect: Dialect = "postgres"
    unreadable = 0

    def __init__(self, label: str, connection: Connection, table: str) -> None:
        self.label = label
        self.relation = quote_table(table, self.dialect)
        self.queries = 0
        self._session = postgres.Session(connection)
        self._session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = postgres_source.described(self._session, self.relation)
        self.queries += 3
        self.columns: Mapping[str, Column] = {column.name: _postgres_column(column) for column in found}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a SELECT that gives few rows."""
        self.queries += 1
        return self._session.run(sql)

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Fetch from a cursor of the server's."""
        self.queries += 1
        self._session.run(f"DECLARE datasync_compare NO SCROLL CURSOR FOR {sql}")
        while rows := self._session.run(f"FETCH {FETCH} FROM datasync_compare"):
            yield from rows
        self._session.run("CLOSE datasync_compare")

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self._session.cancel()

    def close(self) -> None:
        """Close the session, which ends its transaction."""
        self._session.close()


def _postgres_column(found: Found) -> Column:
    read = column_of(found, {})
    family: Family = "decimal" if found.oid == NUMERIC else family_of(read.type)
    return Column(found.name, family, found.label, read.type)


class MysqlTable:
    """See `values.Table`."""

    dialect: Dialect = "mysql"
    unreadable = 0

    def __init__(self, label: str, connection: Connection, table: str) -> None:
        self.label = label
        self.relation = quote_table(table, self.dialect)
        self.queries = 0
        self._session = mysql.Session(connection, strict=False)
        self._session.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        self._session.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        found = mysql_source.described(self._session, self.relation, mysql_source.instants(self._session, table))
        self.queries += 4
        self.columns: Mapping[str, Column] = {
            column.name: Column(column.name, _mysql_family(column.type, column.refused), column.refused, column.type)
            for column in found
        }

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a SELECT that gives few rows."""
        self.queries += 1
        return self._session.run(sql)

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Read the rows as they come."""
        from pymysql.cursors import SSCursor

        self.queries += 1
        live = self._session.live
        with self._session.translated(), closing(live.cursor(SSCursor)) as cursor:
            cursor.execute(sql)
            while rows := cursor.fetchmany(FETCH):
                for row in rows:
                    # Bytes: the server takes texts that were put together from bytes for such.
                    yield tuple(cell.decode() if isinstance(cell, bytes) else cell for cell in row)

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self._session.cancel()

    def close(self) -> None:
        """Close the session, which ends its transaction."""
        self._session.close()


def _mysql_family(kind: DataType | None, refused: str) -> Family:
    # A geometry is bytes; a decimal of more digits than a contract's holds is a decimal all the same.
    return "binary" if refused else "decimal" if kind is None else family_of(kind)


class SqliteTable:
    """See `values.Table`. The file is opened for reading only."""

    dialect: Dialect = "sqlite"
    unreadable = 0

    def __init__(self, label: str, path: Path, table: str) -> None:
        from datasync.contract.expressions.to_sql import register_sqlite

        self.label = label
        self.relation = quote_table(table, self.dialect)
        self.queries = 0
        self._name = path.name
        with self._translated():
            place = f"file:{quote(str(path))}?mode=ro"
            self._open = sqlite3.connect(place, uri=True, isolation_level=None, timeout=WAIT, check_same_thread=False)
            register_sqlite(self._open)
            register(self._open)
            # A view of our own tells the columns' types; it is temporary, and no part of the file.
            found = described(self._open, self.relation)
            self._open.execute("BEGIN")
        self.queries += 4
        self.columns: Mapping[str, Column] = {
            name: Column(name, family_of(declared_type(spelled)), spelled, declared_type(spelled)) for name, spelled in found
        }

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise translate(error, self._name) from error

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a SELECT that gives few rows."""
        self.queries += 1
        with self._translated():
            return self._open.execute(sql).fetchall()

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Read the rows as they come."""
        self.queries += 1
        with self._translated(), closing(self._open.execute(sql)) as cursor:
            yield from cursor

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self._open.interrupt()

    def close(self) -> None:
        """Close the file."""
        self._open.close()


class DuckdbTable:
    """See `values.Table`.

    Args:
        unreadable: rows of a file that did not come into the database.
        memory: what DuckDB may use before it spills.
    """

    dialect: Dialect = "duckdb"

    def __init__(self, label: str, path: Path, table: str, unreadable: int = 0, memory: str = "") -> None:
        self.label = label
        self.relation = quote_table(table, self.dialect)
        self.unreadable = unreadable
        self.queries = 0
        self._handle = Handle(path, read_only=True, memory=memory)
        with self._handle.statements() as connection:
            # Texts with an offset become instants by the session's zone.
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("BEGIN")
            found = connection.execute(f"DESCRIBE SELECT * FROM {self.relation}").fetchall()
        self.queries += 3
        self.columns: Mapping[str, Column] = {
            name: Column(name, _duckdb_family(spelled), spelled, type_of(spelled)) for name, spelled, *_ in found
        }

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a SELECT that gives few rows."""
        self.queries += 1
        with self._handle.statements() as connection:
            return connection.execute(sql).fetchall()

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Read the rows in parts."""
        self.queries += 1
        with self._handle.statements() as connection:
            cursor = connection.execute(sql)
            while rows := cursor.fetchmany(FETCH):
                yield from rows

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self._handle.interrupt()

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


def _duckdb_family(spelled: str) -> Family:
    if spelled == "UHUGEINT":
        return "decimal"
    return "list" if spelled.startswith(("STRUCT", "MAP")) or spelled.endswith("]") else family_of(type_of(spelled))


def readable(path: Path, name: str) -> Path:
    """Give a database file back when it is there.

    Raises:
        PermanentError: it is not.
    """
    if not path.is_file():
        raise PermanentError(f"there is no file {name}", code="E_SOURCE_MISSING")
    return path
