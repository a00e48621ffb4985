"""A contract's PostgreSQL source in, batches of one snapshot out, exact and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

from datasync.connectors.postgres.engine import Session
from datasync.connectors.postgres.streaming import Snapshot, Streams
from datasync.connectors.postgres.types import Column, Found, column_of
from datasync.connectors.postgres.values import exact, rebatched, select_list
from datasync.connectors.sql.reader import Asked, ServerReading, asked, explained
from datasync.connectors.sql.reading import Selection, grained, relation, whole_window
from datasync.contract.endpoints import PostgresSource as Endpoint
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType
from datasync.errors import DataSyncError, PermanentError
from datasync.seams import Batch, PinnedFile, ReadRequest, Surroundings, WindowValue


class PostgresSource:
    """See `seams.Source`."""

    kind = "postgres"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._selection = Selection(endpoint.table, endpoint.query, "postgres", "literal")
        self._streams: Streams | None = None

    @cached_property
    def _connection(self) -> Any:
        return self._surroundings.connection(self._endpoint.connection)

    @cached_property
    def _session(self) -> Session:
        return Session(self._connection)

    def files(self) -> tuple[PinnedFile, ...] | None:
        """A database has no files to pin."""
        return None

    def clock(self) -> datetime:
        """The server's time."""
        found: datetime = self._session.run("SELECT clock_timestamp()")[0][0]
        return found

    def cursor_type(self, column: str, variables: Mapping[str, Any]) -> DataType | None:
        """Type of the cursor as the server declares it."""
        source = relation(self._selection, whole_window(variables))
        for found in described(self._session, source.sql):
            if found.name == column:
                return grained(column_of(found, {}).type, found.modifier if found.modifier >= 0 else 6)
        raise PermanentError(f"the source has no cursor column {column}", code="E_CURSOR")

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """Greatest value of the cursor."""
        kind = self.cursor_type(column, variables)
        source = relation(self._selection, whole_window(variables, kind))
        found: WindowValue | None = self._session.run(f"SELECT max({quote_identifier(column, 'postgres')}) FROM {source.sql}")[0][
            0
        ]
        return found

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[PostgresReading]:
        """Open one snapshot: a read-only transaction whose snapshot the streams share."""
        session = self._session
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            name = session.run("SELECT pg_export_snapshot()")[0][0]
            question = asked(session.run, self._selection, self._endpoint.partition, request)
            columns = [column_of(found, request.types) for found in described(session, question.source)]
            self._streams = Streams(Snapshot(self._connection, name))
            yield PostgresReading(self._streams, question, columns)
        finally:
            self._streams = None
            try:
                session.run("ROLLBACK")
            except DataSyncError:
                # A lost connection has rolled back by itself.
                session.close()

    def explain(self, request: ReadRequest) -> list[str]:
        """Give the statement of a read."""
        return explained(self._selection, self._endpoint.partition, request)

    def cancel(self) -> None:
        """End the statements that other threads are in."""
        streams = self._streams
        if streams is not None:
            streams.cancel()
        if "_session" in self.__dict__:
            self._session.cancel()

    def close(self) -> None:
        """Close the session."""
        if "_session" in self.__dict__:
            self._session.close()


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
