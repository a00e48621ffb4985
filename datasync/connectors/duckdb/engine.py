"""A DuckDB file in, connections with our settings and errors in our words out."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasync.connectors.sql.missing import missing
from datasync.contract.expressions.dialects import literal_sql
from datasync.contract.types import STRING
from datasync.errors import ConnectorError, PermanentError, Refused, TransientError

if TYPE_CHECKING:
    import duckdb

WAIT = 5.0
"""Seconds to wait for another process that has the file open: looked for often, for it may be free only for moments."""


def connect(path: Path, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, waiting a little for another process that holds it.

    Raises:
        Refused: another process holds the file.
        PermanentError: it is no DuckDB file, or cannot be opened.
    """
    import duckdb

    deadline = time.monotonic() + WAIT
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            text = str(error)
            if "different configuration" in text and read_only:
                read_only = False
                continue
            # Another thread of this process may read the file, which is as good as a lock to who wants to write.
            if _held(text) and time.monotonic() < deadline:
                time.sleep(random.uniform(0.01, 0.05))  # noqa: S311
                continue
            raise translate(error, path.name) from error


def translate(error: Exception, name: str) -> Exception:
    """Say a DuckDB error in our words; values of rows stand in none of them."""
    import duckdb

    text = str(error)
    if isinstance(error, ConnectorError):
        return error
    if isinstance(error, duckdb.InterruptException):
        return TransientError(f"duckdb {name}: the statement was interrupted", code="E_CANCELLED")
    if isinstance(error, duckdb.OperationalError | duckdb.ConnectionException) and _held(text):
        return Refused(
            f"duckdb {name}: another process has the file open", code="E_BUSY", hint="DuckDB lets one process in at a time"
        )
    if isinstance(error, duckdb.CatalogException):
        what, hint = missing(text)
        return PermanentError(f"duckdb {name}: no such table or column{what}", code="E_NO_TABLE", hint=hint)
    if isinstance(error, duckdb.OutOfMemoryException) or "No space left" in text or "File too large" in text:
        return PermanentError(f"duckdb {name}: no space left", code="E_DISK_FULL", hint="free disk space and run again")
    if isinstance(error, duckdb.BinderException | duckdb.ParserException):
        return PermanentError(f"duckdb {name}: the statement does not fit: {text.splitlines()[0][:200]}", code="E_SQL")
    if isinstance(error, duckdb.ConstraintException):
        return PermanentError(f"duckdb {name}: a constraint of the table refuses the rows", code="E_CONSTRAINT")
    if isinstance(error, duckdb.IOException) and "not a valid DuckDB" in text:
        return PermanentError(f"duckdb {name}: this is no DuckDB database", code="E_SOURCE_CORRUPT")
    return PermanentError(f"duckdb {name}: {type(error).__name__}", code="E_DUCKDB")


def _held(text: str) -> bool:
    """Another process has the file, or another connection of this one is opening, closing or only reading it."""
    return "lock" in text.lower() or "different configuration" in text or "already attached" in text


def first(connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any] | None = None) -> tuple[Any, ...] | None:
    """Run one statement to its end and give its first row; an unfinished result would block the connection."""
    rows: list[tuple[Any, ...]] = connection.execute(sql, values or []).fetchall()
    return rows[0] if rows else None


class Handle:
    """One connection that can be closed and opened again, and interrupted from another thread.

    Args:
        path: the file.
        read_only: never writes.
        closed: statements reach no other file, URL or extension.
        memory: what DuckDB may use before it spills (`256MB`); empty: its own default, most of the machine's. For a file that
            nobody else in this process opens, for all connections to a file share it.
    """

    def __init__(self, path: Path, read_only: bool = False, closed: bool = False, memory: str = "") -> None:
        self.path = path
        self._memory = memory
        self._read_only = read_only
        self._closed = closed
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The open connection; opened when needed."""
        with self._lock:
            if self._connection is None:
                self._connection = connect(self.path, self._read_only)
                if self._closed:
                    self._connection.execute("SET enable_external_access = false").fetchall()
                if self._memory:
                    self._connection.execute(f"SET memory_limit = {literal_sql(self._memory, STRING, 'duckdb')}").fetchall()
            return self._connection

    def lift(self) -> None:
        """From here on DuckDB may use what it wants: not everything can be done in bounded memory."""
        if self._memory:
            self._memory = ""
            with self.statements() as connection:
                connection.execute("RESET memory_limit").fetchall()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one SELECT in bounded memory; in more where that is not enough."""
        import duckdb

        try:
            with self.statements() as connection:
                return connection.execute(sql).fetchall()
        except ConnectorError as error:
            if not self._memory or not isinstance(error.__cause__, duckdb.OutOfMemoryException):
                raise
        self.lift()
        return self.rows(sql)

    @contextmanager
    def statements(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Run statements; DuckDB's errors leave in our words."""
        import duckdb

        try:
            yield self.connection
        except duckdb.Error as error:
            raise translate(error, self.path.name) from error

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Run statements as one transaction."""
        with self.statements() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            except BaseException:
                self._rollback(connection)
                raise
            connection.execute("COMMIT")

    def _rollback(self, connection: duckdb.DuckDBPyConnection) -> None:
        import duckdb

        try:
            connection.execute("ROLLBACK")
        except duckdb.Error:
            # An aborted connection has nothing left to undo: closing it rolls back.
            self.close()

    def interrupt(self) -> None:
        """End the statement that another thread is in."""
        import duckdb

        connection = self._connection
        if connection is not None:
            try:
                connection.interrupt()
            except duckdb.Error:
                # Closed meanwhile by the thread that works: there is nothing left to end.
                return

    def close(self) -> None:
        """Close the file, so that another process may open it."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
