"""A contract's MySQL source in, batches of one snapshot out, exact and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from datasync.connectors.mysql.engine import Session
from datasync.connectors.mysql.streaming import frames
from datasync.connectors.mysql.types import Column, column_of, select_list
from datasync.connectors.sql.parts import clauses, divide
from datasync.connectors.sql.reading import Selection, condition, relation, whole_window, window_variables
from datasync.connectors.sql.storage import MYSQL_INSTANT
from datasync.contract.endpoints import MysqlSource as Endpoint
from datasync.contract.endpoints import Partition
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import Batch, Part, PinnedFile, ReadRequest, Surroundings, UnreadableRow, WindowValue


class MysqlSource:
    """See `seams.Source`. Reads with what the server's own sql_mode makes of the author's query."""

    kind = "mysql"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._selection = Selection(endpoint.table, endpoint.query, "mysql", "literal")

    @cached_property
    def _session(self) -> Session:
        return Session(self._surroundings.connection(self._endpoint.connection), strict=False)

    def files(self) -> tuple[PinnedFile, ...] | None:
        """A database has no files to pin."""
        return None

    def clock(self) -> datetime:
        """The server's time."""
        found: datetime = self._session.run("SELECT UTC_TIMESTAMP(6)")[0][0]
        return found.replace(tzinfo=UTC)

    def cursor_type(self, column: str, variables: Mapping[str, Any]) -> DataType | None:
        """Type of the cursor as the server declares it."""
        for found in self._described(relation(self._selection, whole_window(variables)).sql):
            if found.name == column:
                return found.type
        raise PermanentError(f"the source has no cursor column {column}", code="E_CURSOR")

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """Greatest value of the cursor."""
        kind = self.cursor_type(column, variables)
        source = relation(self._selection, whole_window(variables, kind))
        found = self._session.run(f"SELECT max({quote_identifier(column, 'mysql')}) FROM {source.sql}")[0][0]
        if found is not None and not isinstance(found, int | date):
            raise PermanentError(f"the cursor {column} holds values that do not compare as {kind}", code="E_CURSOR")
        return found.replace(tzinfo=UTC) if isinstance(found, datetime) and kind is not None and kind.zone else found

    def _described(self, source: str) -> list[Column]:
        """Ask the server for the columns of a relation; a query says itself which of its columns are instants."""
        marked = instants(self._session, self._endpoint.table) if self._endpoint.table is not None else frozenset()
        return described(self._session, source, marked)

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[MysqlReading]:
        """Open one snapshot: a read-only transaction that sees InnoDB's tables as they are now."""
        session = self._session
        source = relation(self._selection, window_variables(request)).sql
        columns = self._described(source)
        session.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        try:
            where = condition(request, self._selection)
            yield MysqlReading(session, (source, where, self._endpoint.partition), columns, request)
        finally:
            session.rolled_back()

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


def described(session: Session, source: str, marked: frozenset[str]) -> list[Column]:
    """Ask the server for the columns of a relation.

    Args:
        session: where.
        source: SQL after FROM.
        marked: names of DATETIME columns that hold instants.
    """
    try:
        found = session.fields(f"SELECT * FROM {source} LIMIT 0")
    except PermanentError as error:
        if "(1060)" not in error.message:
            raise
        # A derived table may not name a column twice; by itself the query may, and the header's check says so.
        found = session.fields(f"{source.removesuffix('AS q')} LIMIT 0")
    return [column_of(field, marked) for field in found]


def instants(session: Session, name: str) -> frozenset[str]:
    """Give the names of a table's DATETIME columns that a target of ours marked as instants."""
    schema, _, table = name.rpartition(".")
    rows = session.run(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = coalesce(%s, database()) "
        "AND table_name = %s AND data_type = 'datetime' AND column_comment = %s",
        [schema or None, table, MYSQL_INSTANT],
    )
    return frozenset(row[0] for row in rows)


class MysqlReading:
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
        """Rows of the request, counted by the server; None for a query that names a column twice, which no gate reads."""
        if len(set(self.header)) != len(self.header):
            return None
        part = self._request.part
        if part is None or self._partition is None:
            return self._number(self._where)
        return self._number(clauses(self._where, self._partition.column, [part], "mysql")[0])

    def null_cursors(self) -> int | None:
        """Rows without a cursor."""
        assert self._request.cursor is not None
        return self._number(f" WHERE {quote_identifier(self._request.cursor, 'mysql')} IS NULL")

    def batches(self) -> Iterator[Batch]:
        """Stream the rows, part by part: a snapshot of MySQL is one connection's."""
        wanted = [column for column in self._columns if self._request.columns is None or column.name in self._request.columns]
        for column in wanted:
            if column.refused:
                raise PermanentError(
                    f"column {column.name} is {column.refused}, which no contract can name",
                    code="E_SOURCE_TYPE",
                    hint=f"read ST_AsText({column.name}) or a CAST in a query, or leave it out",
                )
        number = 0
        for where in self._clauses():
            sql = f"SELECT {select_list(wanted)} FROM {self._source}{where}"
            with closing(frames(self._session, sql, wanted, self._request.types, self._request.batch_rows)) as opened:
                for frame in opened:
                    yield Batch(frame, number)
                    number += 1

    def parts(self) -> list[Part]:
        """Divide the rows along `source.partition`."""
        assert self._partition is not None
        return divide(self._partition, self.types, (self._source, self._where, "mysql"), self._session.run)

    def _clauses(self) -> list[str]:
        if self._partition is None:
            return [self._where]
        parts = [self._request.part] if self._request.part is not None else self.parts()
        return clauses(self._where, self._partition.column, parts, "mysql")
