"""Frames into a PostgreSQL table and SELECTs into frames, through ADBC: COPY both ways, cancellable from another thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from datasync.connectors.postgres.adbc import AdbcSession, AdbcStatement
from datasync.connectors.postgres.arrow import arrow_batches, typed_frame, wire_frame
from datasync.connectors.postgres.engine import translate
from datasync.contract.types import DataType, polars_type
from datasync.errors import TransientError
from datasync.failpoints import failpoint
from datasync.seams import POSITION, Connection, TargetSpec

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_DEPTH = 2
"""Frames that may wait for COPY: enough to overlap, few enough to bound memory."""
_POLL = 0.05
_BATCH_BYTES = 16 * 1024 * 1024
"""Wire bytes that the driver gathers before it hands a batch over."""


class Bulk:
    """Opens ADBC connections and remembers the statements under way, so that they can be cancelled.

    Args:
        connection: where, and how to sign in.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._running: list[AdbcStatement] = []
        self.stop = threading.Event()

    def connect(self, autocommit: bool) -> AdbcSession:
        """Open one connection; close it after its statements."""
        with self.translated():
            return AdbcSession(self._connection, autocommit)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Let the driver's errors leave in our words."""
        import adbc_driver_manager

        try:
            yield
        except adbc_driver_manager.Error as error:
            if self.stop.is_set():
                raise self.cancelled() from error
            raise translate(error, self._connection.id) from error

    def cancelled(self) -> TransientError:
        """Say that the run is being ended."""
        return TransientError(f"postgres {self._connection.id}: the statement was cancelled", code="E_CANCELLED")

    @contextmanager
    def statement(self, session: AdbcSession) -> Iterator[AdbcStatement]:
        """Give a statement that `cancel` reaches."""
        with self.translated(), session.statement() as statement:
            self._running.append(statement)
            try:
                yield statement
            finally:
                self._running.remove(statement)

    def frames(self, sql: str, columns: Mapping[str, DataType], batch_rows: int) -> Iterator[pl.DataFrame]:
        """Run one SELECT and give its rows in the contract's types, none without rows."""
        with (
            closing(self.connect(autocommit=True)) as session,
            self.statement(session) as statement,
            closing(statement.batches(sql, _BATCH_BYTES)) as batches,
        ):
            for batch in batches:
                yield from (part for part in typed_frame(batch, columns).iter_slices(batch_rows) if part.height)

    def cancel(self) -> None:
        """End the statements that other threads are in."""
        import adbc_driver_manager

        self.stop.set()
        for statement in list(self._running):
            try:
                statement.cancel()
            except adbc_driver_manager.Error:
                # It ended by itself meanwhile.
                continue


class PostgresWriter:
    """Loads batches into a new staging table: one COPY in a thread of its own, so that the caller makes the next batch meanwhile.

    Args:
        bulk: gives the connection.
        spec: what is staged.
        place: schema and table, unquoted.
        ddl: makes the table, in the transaction that loads it.
    """

    def __init__(self, bulk: Bulk, spec: TargetSpec, place: tuple[str, str], ddl: list[str]) -> None:
        self._bulk = bulk
        self._columns = spec.columns
        self._key = spec.key
        self._place = place
        self._waiting: queue.Queue[pl.DataFrame | None] = queue.Queue(maxsize=_DEPTH)
        self._error: Exception | None = None
        self._rows = 0
        self._abandoned = False
        self._session = bulk.connect(autocommit=False)
        try:
            with bulk.statement(self._session) as statement:
                for sql in ddl:
                    statement.run(sql)
        except BaseException:
            self._session.close()
            raise
        failpoint("stage.after_create")
        self._empty = _empty_frame(spec)
        self._thread = threading.Thread(target=self._load, name="datasync-load", daemon=True)
        self._thread.start()

    def _load(self) -> None:
        import pyarrow as pa

        schema = wire_frame(self._empty, self._columns).to_arrow().schema
        reader = pa.RecordBatchReader.from_batches(schema, self._batches())
        try:
            with self._bulk.statement(self._session) as statement:
                statement.ingest(reader, *self._place)
        except Exception as error:
            self._error = self._error or error

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while True:
            if self._bulk.stop.is_set() or self._abandoned:
                raise RuntimeError("the load was ended")
            try:
                frame = self._waiting.get(timeout=_POLL)
            except queue.Empty:
                continue
            if frame is None:
                return
            for batch in arrow_batches(frame):
                yield batch
                self._rows += batch.num_rows

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows; they are handed to COPY, whose errors are raised by a later call.

        Raises:
            PermanentError: a column is not of the contract's type, or the server refuses a value.
            TransientError: the connection was lost, or the load was cancelled.
        """
        self._hand_over(wire_frame(frame, self._columns))
        failpoint("stage.after_batch")

    def _hand_over(self, item: pl.DataFrame | None) -> None:
        while True:
            if self._error is not None:
                raise self._error
            if self._bulk.stop.is_set() or not self._thread.is_alive():
                raise self._bulk.cancelled()
            try:
                self._waiting.put(item, timeout=_POLL)
            except queue.Full:
                continue
            return

    def finish(self) -> int:
        """Commit."""
        self._hand_over(None)
        self._thread.join()
        if self._error is not None:
            raise self._error
        self._count_for_planner()
        failpoint("stage.before_commit")
        with self._bulk.translated():
            self._session.commit()
        self._session.close()
        failpoint("stage.after_commit")
        return self._rows

    def _count_for_planner(self) -> None:
        """Let the planner know how many rows staging has: it joins a table that it knows nothing of as if it were small."""
        from datasync.contract.expressions.dialects import quote_identifier

        names = ", ".join(quote_identifier(name, "postgres") for name in self._key)
        table = ".".join(quote_identifier(part, "postgres") for part in self._place)
        with self._bulk.statement(self._session) as statement:
            # A tenth of the usual sample says as well that a key is unique.
            statement.run("SET LOCAL default_statistics_target = 10")
            statement.run(f"ANALYZE {table} ({names})" if names else f"ANALYZE {table}")

    def abandon(self) -> None:
        """Roll back: the table was made in the same transaction."""
        import adbc_driver_manager

        self._abandoned = True
        self._thread.join(timeout=10)
        try:
            self._session.close()
        except (adbc_driver_manager.Error, RuntimeError):
            # The server rolls back what its client leaves.
            return


def _empty_frame(spec: TargetSpec) -> pl.DataFrame:
    import polars as pl

    schema = {name: polars_type(kind) for name, kind in spec.columns.items()}
    if spec.position:
        schema[POSITION] = pl.Int64()
    return pl.DataFrame(schema=schema)
