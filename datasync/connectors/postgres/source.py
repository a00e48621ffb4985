"""A contract's PostgreSQL source in, batches of one snapshot out, exact and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from datasync.connectors.postgres.engine import Session
from datasync.connectors.postgres.streaming import Snapshot, Streams
from datasync.connectors.postgres.types import Column, Found, column_of
from datasync.connectors.postgres.values import exact, rebatched, select_list
from datasync.connectors.sql.reader import Asked, ServerReading, asked
from datasync.connectors.sql.reading import grained
from datasync.connectors.sql.source import ServerSource
from datasync.contract.types import DataType
from datasync.errors import DataSyncError
from datasync.seams import Batch, Connection, ReadRequest


class PostgresSource(ServerSource[Session, Column]):
    """See `seams.Source`."""

    kind = "postgres"
    dialect = "postgres"
    _streams: Streams | None = None

    def _connect(self, connection: Connection) -> Session:
        return Session(connection)

    def _described(self, source: str) -> list[Column]:
        return [column_of(found, {}) for found in described(self._session, source)]

    def _cursor_kind(self, found: Column) -> DataType | None:
        return grained(found.type, found.digits)

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[PostgresReading]:
        """Open one snapshot: a read-only transaction whose snapshot the streams share."""
        session = self._session
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            name = session.run("SELECT pg_export_snapshot()")[0][0]
            question = asked(session.run, self._selection, self._endpoint.partition, request)
            columns = [column_of(found, request.types) for found in described(session, question.source)]
            self._streams = Streams(Snapshot(session.settings, name))
            yield PostgresReading(self._streams, question, columns)
        finally:
            self._streams = None
            try:
                session.run("ROLLBACK")
            except DataSyncError:
                # A lost connection has rolled back by itself.
                session.close()

    def cancel(self) -> None:
        """End the statements that other threads are in."""
        streams = self._streams
        if streams is not None:
            streams.cancel()
        super().cancel()


def described(session: Session, source: str) -> list[Found]:
    """Ask the server for the columns of a relation; types that no table here knows are looked up."""
    with session.translated():
        result = session.live.execute(f"SELECT * FROM {source} LIMIT 0".encode()).pgresult
    assert result is not None
    found = [
        ((result.fname(number) or b"").decode(), result.ftype(number), result.fmod(number)) for number in range(result.nfields)
    ]
    oids = ", ".join(str(oid) for oid in {oid for _, oid, _ in found}) or "0"
    names = {
        oid: (label, kind)
        for oid, label, kind in session.run(f"SELECT oid, format_type(oid, NULL), typtype FROM pg_type WHERE oid IN ({oids})")
    }
    return [Found(name, oid, modifier, *names.get(oid, ("", "b"))) for name, oid, modifier in found]


class PostgresReading(ServerReading[Column]):
    """See `seams.Reading`."""

    dialect = "postgres"
    convert = "read {}::text"

    def __init__(self, streams: Streams, asked: Asked, columns: Sequence[Column]) -> None:
        super().__init__(asked, columns)
        self._streams = streams

    def batches(self) -> Iterator[Batch]:
        """Stream the rows; some parts are read ahead, in one snapshot."""
        wanted = self._wanted()
        statements = self._statements(select_list(wanted))
        frames = self._streams.frames(statements[0]) if len(statements) == 1 else self._streams.in_order(statements)
        with closing(frames) as opened:
            for number, frame in enumerate(rebatched(opened, self._request.batch_rows)):
                yield Batch(exact(frame, wanted, self._request.types), number)
