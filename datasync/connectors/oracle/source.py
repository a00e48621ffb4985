"""A contract's Oracle source in, batches of one snapshot out, exact and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from datasync.connectors.oracle.engine import Session
from datasync.connectors.oracle.types import Column, column_of, exact, meant, select_list
from datasync.connectors.sql.reader import Asked, ServerReading, asked, explained
from datasync.connectors.sql.reading import Selection, relation, whole_window
from datasync.contract.endpoints import OracleSource as Endpoint
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import Batch, PinnedFile, ReadRequest, Surroundings, WindowValue


class OracleSource:
    """See `seams.Source`. Names are taken as the contract spells them: Oracle's own are in capitals."""

    kind = "oracle"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._selection = Selection(endpoint.table, endpoint.query, "oracle", "literal")

    @cached_property
    def _session(self) -> Session:
        return Session(self._surroundings.connection(self._endpoint.connection))

    def files(self) -> tuple[PinnedFile, ...] | None:
        """A database has no files to pin."""
        return None

    def clock(self) -> datetime:
        """The server's time."""
        found: datetime = self._session.run("SELECT SYS_EXTRACT_UTC(SYSTIMESTAMP) FROM DUAL")[0][0]
        return found.replace(tzinfo=UTC)

    def cursor_type(self, column: str, variables: Mapping[str, Any]) -> DataType | None:
        """Type of the cursor as the server declares it."""
        return self._cursor(column, relation(self._selection, whole_window(variables)).sql).type

    def _cursor(self, column: str, source: str) -> Column:
        for found in self._described(source):
            if found.name == column:
                return found
        raise PermanentError(
            f"the source has no cursor column {column}", code="E_CURSOR", hint="Oracle's names are in capitals unless quoted"
        )

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """Greatest value of the cursor."""
        kind = self.cursor_type(column, variables)
        source = relation(self._selection, whole_window(variables, kind)).sql
        form = self._cursor(column, source).form.replace("{}", quote_identifier(column, "oracle"))
        found: WindowValue | None = self._session.run(f"SELECT max({form}) FROM {source}")[0][0]
        return found.replace(tzinfo=UTC) if isinstance(found, datetime) and kind is not None and kind.zone else found

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

    def explain(self, request: ReadRequest) -> list[str]:
        """Give the statement of a read."""
        return explained(self._selection, self._endpoint.partition, request)

    def cancel(self) -> None:
        """End the statement that another thread is in; nothing can be read afterwards."""
        if "_session" in self.__dict__:
            self._session.cancel()

    def close(self) -> None:
        """Close the session."""
        if "_session" in self.__dict__:
            self._session.close()


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
