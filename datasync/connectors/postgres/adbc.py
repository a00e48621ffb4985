"""A connection's settings in, a session that streams results as Arrow and loads streams by COPY out: ADBC below its DB-API.

The driver's DB-API imports pandas, a quarter of a second of every run, and its reader forgets the SQLSTATE of what breaks a
result in the middle. The level below, which it is made of, does neither.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from datasync.connectors.postgres.engine import conninfo
from datasync.seams import Connection

if TYPE_CHECKING:
    import pyarrow as pa


class AdbcSession:
    """One connection. Statements are run by one thread at a time; `AdbcStatement.cancel` may be called by another.

    Args:
        connection: where, and how to sign in.
        autocommit: False: a transaction, which `commit` ends and `close` rolls back.

    Raises:
        adbc_driver_manager.Error: the server cannot be reached or refuses us, here and in all that follows.
    """

    def __init__(self, connection: Connection, autocommit: bool) -> None:
        import adbc_driver_manager
        import adbc_driver_postgresql

        self._database = adbc_driver_postgresql.connect(conninfo(connection))
        try:
            self._connection = adbc_driver_manager.AdbcConnection(self._database)
        except BaseException:
            self._database.close()
            raise
        self._live: set[AdbcStatement] = set()
        if not autocommit:
            self._connection.set_autocommit(False)

    @contextmanager
    def statement(self) -> Iterator[AdbcStatement]:
        """Give what runs statements, one after the other."""
        statement = AdbcStatement(self._connection)
        self._live.add(statement)
        try:
            yield statement
        finally:
            self._live.discard(statement)
            statement.close()

    def commit(self) -> None:
        """Commit; the next statement begins another transaction."""
        self._connection.commit()

    def close(self) -> None:
        """Close, with the statements that are still open; what was not committed is rolled back."""
        for statement in list(self._live):
            statement.close()
        self._connection.close()
        self._database.close()


class AdbcStatement:
    """Runs SQL on a session."""

    def __init__(self, connection: Any) -> None:
        import adbc_driver_manager

        self._statement = adbc_driver_manager.AdbcStatement(connection)
        self._closed = False

    def run(self, sql: str) -> None:
        """Run one statement that gives no rows."""
        self._statement.set_sql_query(sql)
        self._statement.execute_update()

    def batches(self, sql: str, size: int) -> Generator[pa.RecordBatch]:
        """Stream one SELECT.

        Args:
            sql: the SELECT.
            size: bytes that the driver gathers before it hands a batch over.

        Raises:
            adbc_driver_manager.Error: with the SQLSTATE, in the middle of a result too.
        """
        from adbc_driver_manager._reader import AdbcRecordBatchReader
        from adbc_driver_postgresql import StatementOptions

        self._statement.set_options(**{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(size)})
        self._statement.set_sql_query(sql)
        stream, _ = self._statement.execute_query()
        with closing(AdbcRecordBatchReader._import_from_c(stream.address)) as reader:
            yield from reader

    def ingest(self, rows: pa.RecordBatchReader, schema: str, table: str) -> None:
        """Append a stream to a table by COPY; what its producer raises ends the COPY and is raised here."""
        from adbc_driver_manager import StatementOptions

        self._statement.set_options(
            **{
                StatementOptions.INGEST_TARGET_DB_SCHEMA.value: schema,
                StatementOptions.INGEST_TARGET_TABLE.value: table,
                StatementOptions.INGEST_MODE.value: "adbc.ingest.mode.append",
            }
        )
        self._statement.bind_stream(rows)
        self._statement.execute_update()

    def cancel(self) -> None:
        """End what runs, from another thread."""
        self._statement.cancel()

    def close(self) -> None:
        """Close; again is fine."""
        if not self._closed:
            self._closed = True
            self._statement.close()
