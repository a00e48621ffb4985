"""A contract's SQLite source in, batches of one snapshot out."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import polars as pl

from datasync.connectors.paths import local_path
from datasync.connectors.sql.reader import explained
from datasync.connectors.sql.reading import (
    Selection,
    bounding,
    check_file,
    condition,
    grained,
    refuse_parts,
    relation,
    whole_window,
    window_variables,
)
from datasync.connectors.sqlite.cells import column, declared_type, stored_by_us
from datasync.connectors.sqlite.cursor import Cursor, value_of
from datasync.connectors.sqlite.engine import Handle, translated
from datasync.contract.endpoints import SqliteSource as Endpoint
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType
from datasync.errors import PermanentError, TransientError
from datasync.seams import Batch, PinnedFile, ReadRequest, Surroundings, UnreadableRow, WindowValue

_SHAPE = "_datasync_shape"
_TWICE = re.compile(r"^(.+):[0-9]+$", re.DOTALL)


class SqliteSource:
    """See `seams.Source`. The file is opened for reading only."""

    kind = "sqlite"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        self._name = endpoint.database
        self._path = local_path(endpoint.database, surroundings)
        self._selection = Selection(endpoint.table, endpoint.query, "sqlite", "literal")
        refuse_parts(self.kind, endpoint)
        self._handle = Handle(self._path, read_only=True)
        self._stop = threading.Event()

    def files(self) -> tuple[PinnedFile, ...] | None:
        """A database has no files to pin.

        Raises:
            PermanentError: the database file is not there.
        """
        check_file(self._path, self._name)
        return None

    def clock(self) -> datetime:
        """SQLite runs in this process: this machine's time."""
        return datetime.now(UTC)

    @contextmanager
    def _statements(self) -> Iterator[sqlite3.Connection]:
        """Run statements in the file, which must be there."""
        self.files()
        with self._handle.statements() as connection:
            yield connection

    def cursor_type(self, column: str, variables: Mapping[str, Any]) -> DataType | None:
        """Type of the cursor as the table declares it; text says nothing, for SQLite has no other type for moments."""
        with self._statements() as connection:
            found = described(connection, relation(self._selection, whole_window(variables)).sql)
        if column not in dict(found):
            raise PermanentError(f"the source has no cursor column {column}", code="E_CURSOR")
        kind = declared_type(dict(found)[column])
        if kind is not None and kind.is_text:
            return None
        # Others' text keeps what they wrote, such as the seconds of CURRENT_TIMESTAMP.
        return grained(kind, 6 if stored_by_us(dict(found)[column]) else 0)

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """Greatest value of the cursor."""
        kind = self.cursor_type(column, variables)
        source = relation(self._selection, whole_window(variables, bounding(kind)))
        name = quote_identifier(column, "sqlite")
        with self._statements() as connection:
            cell = connection.execute(f"SELECT max({name}) FROM {source.sql}").fetchone()[0]
        try:
            return value_of(cell, kind)
        except ValueError as error:
            raise Cursor(column, kind or DataType("timestamp"), plain=False).refuse() from error

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[SqliteReading]:
        """Open one snapshot: a transaction, begun by its first read."""
        with self._statements() as connection:
            connection.execute("BEGIN")
            try:
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                yield SqliteReading((self._path.name, connection), self._selection, request, self._stop)
            finally:
                # Closing rolls back; a file that nobody has open can be replaced.
                self.close()

    def explain(self, request: ReadRequest) -> list[str]:
        """Give the statement of a read."""
        return explained(self._selection, None, request)

    def cancel(self) -> None:
        """End the statement that another thread is in; nothing can be read afterwards."""
        self._stop.set()
        self._handle.interrupt()

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


def described(connection: sqlite3.Connection, source: str) -> list[tuple[str, str]]:
    """Give name and declared type of a relation's columns; only a view tells the types of a query's.

    SQLite renames the second `a` of a query to `a:1`: it is `a` here, so that a name that stands twice is seen.
    """
    connection.execute(f"CREATE TEMP VIEW {_SHAPE} AS SELECT * FROM {source}")
    try:
        rows = connection.execute(f"PRAGMA temp.table_info({_SHAPE})").fetchall()
    finally:
        connection.execute(f"DROP VIEW temp.{_SHAPE}")
    found: list[tuple[str, str]] = []
    for row in rows:
        again = _TWICE.match(row[1])
        name = again[1] if again and any(again[1] == known for known, _ in found) else row[1]
        found.append((name, row[2] or ""))
    return found


class SqliteReading:
    """See `seams.Reading`."""

    def __init__(
        self, opened: tuple[str, sqlite3.Connection], selection: Selection, request: ReadRequest, stop: threading.Event
    ) -> None:
        self._name, self._connection = opened
        self._request = request
        self._stop = stop
        self._source = relation(selection, window_variables(request)).sql
        self._declared = described(self._connection, self._source)
        self.header = [name for name, _ in self._declared]
        self.types: Mapping[str, DataType | None] = {name: declared_type(spelled) for name, spelled in self._declared}
        self.unreadable: list[UnreadableRow] = []
        self._where = self._condition(selection)

    def _condition(self, selection: Selection) -> str:
        """The window's WHERE clause; a cell that cannot be compared ends the read, for no window would ever find it."""
        request = self._request
        if request.window is None or request.cursor is None or request.cursor_type is None:
            return ""
        if request.cursor not in self.header:
            raise PermanentError(f"the source has no cursor column {request.cursor}", code="E_CURSOR")
        cursor = Cursor(request.cursor, request.cursor_type, stored_by_us(dict(self._declared)[request.cursor]))
        if self._connection.execute(f"SELECT 1 FROM {self._source} WHERE {cursor.incomparable()} LIMIT 1").fetchone():
            raise cursor.refuse()
        return condition(request, selection, cursor.expression())

    def count(self) -> int | None:
        """Rows of the request, counted by SQLite."""
        return self._number(f"SELECT count(*) FROM {self._source}{self._where}")

    def _number(self, sql: str) -> int:
        with translated(self._name):
            return int(self._connection.execute(sql).fetchone()[0])

    def null_cursors(self) -> int | None:
        """Rows without a cursor."""
        assert self._request.cursor is not None
        name = quote_identifier(self._request.cursor, "sqlite")
        return self._number(f"SELECT count(*) FROM {self._source} WHERE {name} IS NULL")

    def batches(self) -> Iterator[Batch]:
        """Stream the rows."""
        wanted = [name for name in self.header if self._request.columns is None or name in self._request.columns]
        names = ", ".join(quote_identifier(name, "sqlite") for name in wanted)
        sql = f"SELECT {names} FROM {self._source}{self._where}"
        with translated(self._name), closing(self._connection.execute(sql)) as cursor:
            number = 0
            while rows := cursor.fetchmany(self._request.batch_rows):
                if self._stop.is_set():
                    raise TransientError(f"sqlite {self._name}: the read was interrupted", code="E_CANCELLED")
                cells = zip(*rows, strict=True)
                made = [
                    column(name, values, self.types[name], self._request.types.get(name))
                    for name, values in zip(wanted, cells, strict=True)
                ]
                yield Batch(pl.DataFrame(made), number)
                number += 1
