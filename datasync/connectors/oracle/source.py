"""A contract's Oracle source in, batches of one snapshot out, exact and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from datasync.connectors.oracle.engine import Session
from datasync.connectors.oracle.types import Column, column_of, exact, meant
from datasync.connectors.sql.column import select_list
from datasync.connectors.sql.reader import Asked, ServerReading, asked
from datasync.connectors.sql.source import ServerSource
from datasync.contract.expressions.dialects import quote_identifier
from datasync.seams import Batch, Connection, ReadRequest


class OracleSource(ServerSource[Session, Column]):
    """See `seams.Source`. Names are taken as the contract spells them: Oracle's own are in capitals."""

    kind = "oracle"
    dialect = "oracle"
    names_hint = "Oracle's names are in capitals unless quoted"

    def _connect(self, connection: Connection) -> Session:
        return Session(connection)

    def _compared(self, column: str, source: str) -> str:
        return self._cursor(column, source).form.replace("{}", quote_identifier(column, self.dialect))

    def _described(self, source: str) -> list[Column]:
        return [column_of(field) for field in self._session.fields(f"SELECT * FROM {source}")]

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[OracleReading]:
        """Open one snapshot: a read-only transaction."""
        session = self._session
        question = asked(session.run, self._selection, self._endpoint.partition, request)
        columns = self._described(question.source)
        session.run("SET TRANSACTION READ ONLY")
        try:
            yield OracleReading(session, question, columns)
        finally:
            # Closing rolls back, and ends a result that was not read to its end.
            session.close()


class OracleReading(ServerReading[Column]):
    """See `seams.Reading`."""

    dialect = "oracle"
    convert = "convert {}"

    def __init__(self, session: Session, asked: Asked, columns: Sequence[Column]) -> None:
        super().__init__(asked, columns)
        self._session = session

    def batches(self) -> Iterator[Batch]:
        """Stream the rows, part by part."""
        wanted, number = self._wanted(), 0
        for sql in self._statements(select_list(wanted)):
            for frame in self._session.frames(sql, self._request.batch_rows):
                yield Batch(meant(exact(frame, wanted, frozenset(self._request.types)), self._request.types), number)
                number += 1
