"""A SQLite file in, connections with our settings and errors in our words out."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from datasync.errors import DataSyncError, PermanentError, TransientError

WAIT = 10.0
"""Seconds to wait for another writer of the file."""


def connect(path: Path, write_ahead: bool = False) -> sqlite3.Connection:
    """Open a file, without the transactions that the driver would begin by itself.

    Args:
        path: made when absent.
        write_ahead: keep a write-ahead log, so that readers are never blocked; this is a property of the file.
    """
    from datasync.contract.expressions.to_sql import register_sqlite

    connection = sqlite3.connect(path, isolation_level=None, timeout=WAIT, check_same_thread=False)
    register_sqlite(connection)
    connection.execute("PRAGMA foreign_keys = ON")
    if write_ahead:
        _write_ahead(connection)
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a file that is there, for reading only."""
    place = f"file:{quote(str(path))}?mode=ro"
    return sqlite3.connect(place, uri=True, isolation_level=None, timeout=WAIT, check_same_thread=False)


def _write_ahead(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # Someone reads the file in its old mode: publishing is as atomic there, it only waits for readers.
        if _code(error) != sqlite3.SQLITE_BUSY:
            raise


def _code(error: sqlite3.Error) -> int | None:
    """The primary result code, without its extension."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


_PERMANENT = {
    sqlite3.SQLITE_NOTADB: ("this is no SQLite database", "E_SOURCE_CORRUPT"),
    sqlite3.SQLITE_CORRUPT: ("the database is damaged", "E_SOURCE_CORRUPT"),
    sqlite3.SQLITE_FULL: ("no space left", "E_DISK_FULL"),
    sqlite3.SQLITE_READONLY: ("the file is read-only", "E_PERMISSION"),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", "E_PERMISSION"),
    sqlite3.SQLITE_PERM: ("permission denied", "E_PERMISSION"),
    sqlite3.SQLITE_CONSTRAINT: ("a constraint of the table refuses the rows", "E_CONSTRAINT"),
    sqlite3.SQLITE_TOOBIG: ("a value is too big", "E_VALUE"),
    sqlite3.SQLITE_IOERR: ("reading or writing the file failed", "E_STORAGE"),
}


def translate(error: sqlite3.Error, name: str) -> DataSyncError:
    """Say a SQLite error in our words; values of rows stand in none of them."""
    code = _code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TransientError(f"sqlite {name}: another writer holds the database", code="E_LOCKED")
    if code == sqlite3.SQLITE_INTERRUPT:
        return TransientError(f"sqlite {name}: the statement was interrupted", code="E_CANCELLED")
    if code in _PERMANENT:
        words, ours = _PERMANENT[code]
        hint = "free disk space and run again" if ours == "E_DISK_FULL" else ""
        return PermanentError(f"sqlite {name}: {words}", code=ours, hint=hint)
    text = str(error)
    if text.startswith(("no such table", "no such column")):
        return PermanentError(f"sqlite {name}: {text[:120]}", code="E_NO_TABLE")
    return PermanentError(f"sqlite {name}: {type(error).__name__}", code="E_SQL")


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Let SQLite's errors leave in our words."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, name) from error


class Handle:
    """One connection, opened when needed, that can be interrupted from another thread.

    Args:
        path: the file.
        read_only: never writes, and makes no file.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    @contextmanager
    def statements(self) -> Iterator[sqlite3.Connection]:
        """Run statements; SQLite's errors leave in our words."""
        with translated(self.path.name):
            with self._lock:
                if self._connection is None:
                    self._connection = connect_to_read(self.path) if self._read_only else connect(self.path, write_ahead=True)
            yield self._connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run statements as one transaction that holds the write lock from its beginning."""
        with self.statements() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                _commit(connection)
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and give its rows."""
        with self.statements() as connection:
            return connection.execute(sql, values).fetchall()

    def interrupt(self) -> None:
        """End the statement that another thread is in."""
        connection = self._connection
        if connection is not None:
            connection.interrupt()

    def close(self) -> None:
        """Close; may be called twice."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _commit(connection: sqlite3.Connection) -> None:
    """Commit; without a write-ahead log a reader can make COMMIT busy, and the transaction stays open to try again."""
    deadline = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or not connection.in_transaction or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
            continue
        return
