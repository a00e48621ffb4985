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
from datasync.connectors.sql.parts import clauses, divide
from datasync.connectors.sql.reading import Selection, condition, relation, whole_window, window_variables
from datasync.contract.endpoints import Partition
from datasync.contract.endpoints import PostgresSource as Endpoint
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType
from datasync.errors import DataSyncError, PermanentError
from datasync.seams import Batch, Part, PinnedFile, ReadRequest, Surroundings, UnreadableRow, WindowValue


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
                return column_of(found, {}).type
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
            source = relation(self._selection, window_variables(request)).sql
            columns = [column_of(found, request.types) for found in described(session, source)]
            self._streams = Streams(Snapshot(self._connection, name))
            where = condition(request, self._selection)
            yield PostgresReading(session, self._streams, (source, where, self._endpoint.partition), columns, request)
        finally:
            self._streams = None
            try:
                session.run("ROLLBACK")
            except DataSyncError:
                # A lost connection has rolled back by itself.
                session.close()

    def explain(self, request: ReadRequest) -> list[str]:
        """Give the statement of a read."""
        source = relation(self._selection, window_variables(request))
        found = [f"SELECT * FROM {source.sql}{condition(request, self._selection)}"]
        if self._endpoint.partition is not None:
            found.append(f"in parts of {self._endpoint.partition.size} along {self._endpoint.partition.column}")
        return found

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


class PostgresReading:
    """See `seams.Reading`."""

    def __init__(
        self,
        session: Session,
        streams: Streams,
        statement: tuple[str, str, Partition | None],
        columns: Sequence[Column],
        request: ReadRequest,
    ) -> None:
        self._session = session
        self._streams = streams
        self._source, self._where, self._partition = statement
        self._columns = columns
        self._request = request
        self.header = [column.name for column in columns]
        self.types: Mapping[str, DataType | None] = {column.name: column.type for column in columns}
        self.unreadable: list[UnreadableRow] = []

    def count(self) -> int | None:
        """Rows of the request, counted by the server."""
        return int(self._session.run(f"SELECT count(*) FROM {self._source}{self._condition}")[0][0])

    def null_cursors(self) -> int | None:
        """Rows without a cursor."""
        assert self._request.cursor is not None
        column = quote_identifier(self._request.cursor, "postgres")
        return int(self._session.run(f"SELECT count(*) FROM {self._source} WHERE {column} IS NULL")[0][0])

    def batches(self) -> Iterator[Batch]:
        """Stream the rows."""
        wanted = [column for column in self._columns if self._request.columns is None or column.name in self._request.columns]
        for column in wanted:
            if column.refused:
                raise PermanentError(
                    f"column {column.name} is {column.refused}, which no contract can name",
                    code="E_SOURCE_TYPE",
                    hint=f"read {column.name}::text in a query, or leave it out",
                )
        statements = [f"SELECT {select_list(wanted)} FROM {self._source}{part}" for part in self._clauses()]
        frames = self._streams.frames(statements[0]) if len(statements) == 1 else self._streams.in_order(statements)
        with closing(frames) as opened:
            for number, frame in enumerate(rebatched(opened, self._request.batch_rows)):
                yield Batch(exact(frame, wanted, self._request.types), number)

    def parts(self) -> list[Part]:
        """Divide the rows along `source.partition`."""
        assert self._partition is not None
        return divide(self._partition, self.types, (self._source, self._where, "postgres"), self._session.run)

    def _clauses(self) -> list[str]:
        """Give the WHERE clause of each part; one when the read is not partitioned, or is of one part itself."""
        if self._partition is None or self._request.part is not None:
            return [self._condition]
        return clauses(self._where, self._partition.column, self.parts(), "postgres")

    @property
    def _condition(self) -> str:
        part = self._request.part
        if part is None or self._partition is None:
            return self._where
        return clauses(self._where, self._partition.column, [part], "postgres")[0]
