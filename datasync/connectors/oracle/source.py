"""A contract's Oracle source in, batches of one snapshot out, exact and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from datasync.connectors.oracle.engine import Session
from datasync.connectors.oracle.types import Column, column_of, exact, select_list
from datasync.connectors.sql.parts import clauses, divide
from datasync.connectors.sql.reading import Selection, condition, relation, whole_window, window_variables
from datasync.contract.endpoints import OracleSource as Endpoint
from datasync.contract.endpoints import Partition
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import Batch, Part, PinnedFile, ReadRequest, Surroundings, UnreadableRow, WindowValue


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
        source = relation(self._selection, window_variables(request)).sql
        columns = self._described(source)
        session.run("SET TRANSACTION READ ONLY")
        try:
            where = condition(request, self._selection)
            yield OracleReading(session, (source, where, self._endpoint.partition), columns, request)
        finally:
            # Closing rolls back, and ends a result that was not read to its end.
            session.close()

    def explain(self, request: ReadRequest) -> list[str]:
        """Give the statement of a read."""
        source = relation(self._selection, window_variables(request))
        found = [f"SELECT * FROM {source.sql}{condition(request, self._selection)}"]
        if self._endpoint.partition is not None:
            found.append(f"in parts of {self._endpoint.partition.size} along {self._endpoint.partition.column}")
        return found

    def cancel(self) -> None:
        """End the statement that another thread is in; nothing can be read afterwards."""
        if "_session" in self.__dict__:
            self._session.cancel()

    def close(self) -> None:
        """Close the session."""
        if "_session" in self.__dict__:
            self._session.close()


class OracleReading:
    """See `seams.Reading`."""

    def __init__(
        self, session: Session, statement: tuple[str, str, Partition | None], columns: Sequence[Column], request: ReadRequest
    ) -> None:
        self._session = session
        self._source, self._where, self._partition = statement
        self._columns = columns
        self._request = request
        self.header = [column.name for column in columns]
        self.types: Mapping[str, DataType | None] = {column.name: column.type for column in columns}
        self.unreadable: list[UnreadableRow] = []

    def _number(self, where: str) -> int:
        return int(self._session.run(f"SELECT count(*) FROM {self._source}{where}")[0][0])

    def count(self) -> int | None:
        """Rows of the request, counted by the server."""
        part = self._request.part
        if part is None or self._partition is None:
            return self._number(self._where)
        return self._number(clauses(self._where, self._partition.column, [part], "oracle")[0])

    def null_cursors(self) -> int | None:
        """Rows without a cursor."""
        assert self._request.cursor is not None
        return self._number(f" WHERE {quote_identifier(self._request.cursor, 'oracle')} IS NULL")

    def batches(self) -> Iterator[Batch]:
        """Stream the rows, part by part."""
        wanted = [column for column in self._columns if self._request.columns is None or column.name in self._request.columns]
        for column in wanted:
            if column.refused:
                raise PermanentError(
                    f"column {column.name} is {column.refused}, which no contract can name",
                    code="E_SOURCE_TYPE",
                    hint=f"convert {column.name} in a query, or leave it out",
                )
        number = 0
        for where in self._clauses():
            sql = f"SELECT {select_list(wanted)} FROM {self._source}{where}"
            for frame in self._session.frames(sql, self._request.batch_rows):
                yield Batch(exact(frame, wanted, frozenset(self._request.types)), number)
                number += 1

    def parts(self) -> list[Part]:
        """Divide the rows along `source.partition`."""
        assert self._partition is not None
        return divide(self._partition, self.types, (self._source, self._where, "oracle"), self._session.run)

    def _clauses(self) -> list[str]:
        if self._partition is None:
            return [self._where]
        parts = [self._request.part] if self._request.part is not None else self.parts()
        return clauses(self._where, self._partition.column, parts, "oracle")
