"""Frames into a PostgreSQL table and SELECTs into frames, through ADBC: COPY both ways, cancellable from another thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from datasync.connectors.postgres.arrow import arrow_batches, typed_frame, wire_frame
from datasync.connectors.postgres.engine import conninfo, translate
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
_BATCH_BYTES = "adbc.postgresql.batch_size_hint_bytes"


class Bulk:
    """Opens ADBC connections and remembers the statements under way, so that they can be cancelled.

    Args:
        connection: where, and how to sign in.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._running: list[Any] = []
        self.stop = threading.Event()

    def connect(self, autocommit: bool) -> Any:
        """Open one connection; close it after its cursors."""
        import adbc_driver_postgresql.dbapi as adbc

        with self.translated():
            return adbc.connect(conninfo(self._connection), autocommit=autocommit)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Let the driver's errors leave in our words."""
        import adbc_driver_manager
        import pyarrow as pa

        try:
            yield
        except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
            if self.stop.is_set():
                raise self.cancelled() from error
            if isinstance(error, adbc_driver_manager.Error):
                raise translate(error, self._connection.id) from error
            # Errors in the middle of a result come through Arrow, without an SQLSTATE.
            raise TransientError(f"postgres {self._connection.id}: reading a result failed", code="E_CONNECT") from error

    def cancelled(self) -> TransientError:
        """Say that the run is being ended."""
        return TransientError(f"postgres {self._connection.id}: the statement was cancelled", code="E_CANCELLED")

    @contextmanager
    def statement(self, connection: Any) -> Iterator[Any]:
        """Give a cursor that `cancel` reaches."""
        with self.translated(), connection.cursor() as cursor:
            self._running.append(cursor)
            try:
                yield cursor
            finally:
                self._running.remove(cursor)

    def frames(self, sql: str, columns: Mapping[str, DataType], batch_rows: int) -> Iterator[pl.DataFrame]:
        """Run one SELECT and give its rows in the contract's types, none without rows."""
        connection = self.connect(autocommit=True)
        try:
            with self.statement(connection) as cursor:
                cursor.adbc_statement.set_options(**{_BATCH_BYTES: str(16 * 1024 * 1024)})
                cursor.execute(sql)
                reader = cursor.fetch_record_batch()
                for batch in reader:
                    yield from (part for part in typed_frame(batch, columns).iter_slices(batch_rows) if part.height)
        finally:
            connection.close()

    def cancel(self) -> None:
        """End the statements that other threads are in."""
        import adbc_driver_manager

        self.stop.set()
        for cursor in list(self._running):
            try:
                cursor.adbc_cancel()
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
        self._connection = bulk.connect(autocommit=False)
        try:
            with bulk.statement(self._connection) as cursor:
                for statement in ddl:
                    cursor.execute(statement)
        except BaseException:
            self._connection.close()
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
            with self._bulk.statement(self._connection) as cursor:
                cursor.adbc_ingest(self._place[1], reader, mode="append", db_schema_name=self._place[0])
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
            self._connection.commit()
        self._connection.close()
        failpoint("stage.after_commit")
        return self._rows

    def _count_for_planner(self) -> None:
        """Let the planner know how many rows staging has: it joins a table that it knows nothing of as if it were small."""
        from datasync.contract.expressions.dialects import quote_identifier

        names = ", ".join(quote_identifier(name, "postgres") for name in self._key)
        table = ".".join(quote_identifier(part, "postgres") for part in self._place)
        with self._bulk.statement(self._connection) as cursor:
            cursor.execute(f"ANALYZE {table} ({names})" if names else f"ANALYZE {table}")

    def abandon(self) -> None:
        """Roll back: the table was made in the same transaction."""
        import adbc_driver_manager

        self._abandoned = True
        self._thread.join(timeout=10)
        try:
            self._connection.close()
        except (adbc_driver_manager.Error, RuntimeError):
            # The server rolls back what its client leaves.
            return


def _empty_frame(spec: TargetSpec) -> pl.DataFrame:
    import polars as pl

    schema = {name: polars_type(kind) for name, kind in spec.columns.items()}
    if spec.position:
        schema[POSITION] = pl.Int64()
    return pl.DataFrame(schema=schema)
