"""A snapshot's name and SELECTs in, frames out: streamed by COPY through Arrow, in order, some statements at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from datasync.connectors.postgres.adbc import AdbcSession, AdbcStatement
from datasync.connectors.postgres.engine import translate
from datasync.errors import PermanentError, TransientError
from datasync.seams import Connection

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_BYTES = 8 * 1024 * 1024
"""Wire bytes that the driver gathers before it hands a batch over."""
WIDTH = 3
"""Statements that run at a time."""
_AHEAD = 2
"""Frames that a statement may be ahead of its reader."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that a transaction exported: what other sessions then see, too."""

    connection: Connection
    name: str


class Streams:
    """Reads SELECTs of one snapshot; `cancel` ends them from another thread."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._live: set[AdbcStatement] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def frames(self, sql: str) -> Generator[pl.DataFrame]:
        """Stream one SELECT."""
        import adbc_driver_manager

        try:
            with self._statement() as statement, closing(statement.batches(sql, BATCH_BYTES)) as batches:
                for batch in batches:
                    if batch.num_rows:
                        yield _frame(batch)
        except adbc_driver_manager.Error as error:
            if self._stop.is_set():
                raise _stopped(self._snapshot.connection.id) from error
            raise translate(error, self._snapshot.connection.id) from error

    @contextmanager
    def _statement(self) -> Iterator[AdbcStatement]:
        settings = self._snapshot.connection
        with closing(AdbcSession(settings, autocommit=True)) as session, session.statement() as statement:
            with self._lock:
                self._live.add(statement)
            try:
                if self._stop.is_set():
                    raise _stopped(settings.id)
                statement.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                # The server names snapshots in hexadecimal digits and hyphens.
                statement.run(f"SET TRANSACTION SNAPSHOT '{self._snapshot.name}'")
                yield statement
            finally:
                with self._lock:
                    self._live.discard(statement)

    def in_order(self, statements: Sequence[str]) -> Generator[pl.DataFrame]:
        """Stream several SELECTs, each after the one before it, while the next ones run ahead a little."""
        parts: list[_Part] = []
        try:
            for number in range(len(statements)):
                while len(parts) < min(len(statements), number + WIDTH):
                    parts.append(_Part(self, statements[len(parts)]))
                yield from parts[number].frames()
        finally:
            for part in parts:
                part.stop.set()
            if any(part.thread.is_alive() for part in parts):
                self._cancel_live()
            for part in parts:
                part.thread.join(timeout=5)

    def cancel(self) -> None:
        """End what is being read, from another thread; nothing can be read afterwards."""
        self._stop.set()
        self._cancel_live()

    def _cancel_live(self) -> None:
        import adbc_driver_manager

        with self._lock:
            for statement in self._live:
                try:
                    statement.cancel()
                except adbc_driver_manager.Error:
                    # It ended by itself meanwhile.
                    continue


def _frame(batch: pa.RecordBatch) -> pl.DataFrame:
    """Take a batch over; polars makes NULL of what its types cannot hold (the time 24:00), which is refused."""
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    for name, column in zip(frame.columns, batch.columns, strict=True):
        if column.null_count != frame[name].null_count():
            raise PermanentError(
                f"column {name} holds a value such as the time 24:00, which no contract can name",
                code="E_SOURCE_VALUE",
                hint=f"read {name}::text in a query",
            )
    return frame


def _stopped(name: str) -> TransientError:
    return TransientError(f"postgres {name}: the read was interrupted", code="E_CANCELLED")


class _Part:
    """One SELECT in a thread of its own that reads at most `_AHEAD` frames ahead."""

    def __init__(self, streams: Streams, sql: str) -> None:
        self.stop = threading.Event()
        self._streams = streams
        self._sql = sql
        self._frames: queue.Queue[pl.DataFrame | BaseException | None] = queue.Queue(_AHEAD)
        self.thread = threading.Thread(target=self._work, name="datasync-postgres-part", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        try:
            with closing(self._streams.frames(self._sql)) as frames:
                for frame in frames:
                    if not self._put(frame):
                        return
            self._put(None)
        except BaseException as error:
            self._put(error)

    def _put(self, item: pl.DataFrame | BaseException | None) -> bool:
        while not self.stop.is_set():
            try:
                self._frames.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def frames(self) -> Iterator[pl.DataFrame]:
        """Give the frames; what went wrong in the thread is raised here."""
        while True:
            item = self._frames.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
