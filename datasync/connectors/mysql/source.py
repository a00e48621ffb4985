"""A contract's MySQL source in, batches of one snapshot out, exact and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date
from typing import Any

from datasync.connectors.mysql.engine import Session
from datasync.connectors.mysql.streaming import frames
from datasync.connectors.mysql.types import Column, column_of
from datasync.connectors.sql.column import select_list
from datasync.connectors.sql.reader import Asked, ServerReading, asked
from datasync.connectors.sql.reading import grained
from datasync.connectors.sql.source import ServerSource
from datasync.connectors.sql.storage import MYSQL_INSTANT
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import Batch, Connection, ReadRequest, WindowValue


class MysqlSource(ServerSource[Session, Column]):
    """See `seams.Source`. Reads with what the server's own sql_mode makes of the author's query."""

    kind = "mysql"
    dialect = "mysql"

    def _connect(self, connection: Connection) -> Session:
        return Session(connection, strict=False)

    def _cursor_kind(self, found: Column) -> DataType | None:
        return grained(found.type, found.digits)

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """Greatest value of the cursor."""
        found = super().max_cursor(column, variables)
        if found is not None and not isinstance(found, int | date):
            kind = self.cursor_type(column, variables)
            raise PermanentError(f"the cursor {column} holds values that do not compare as {kind}", code="E_CURSOR")
        return found

    def _described(self, source: str) -> list[Column]:
        """Ask the server for the columns of a relation; a query says itself which of its columns are instants."""
        marked = instants(self._session, self._endpoint.table) if self._endpoint.table is not None else frozenset()
        return described(self._session, source, marked)

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[MysqlReading]:
        """Open one snapshot: a read-only transaction that sees InnoDB's tables as they are now."""
        session = self._session
        question = asked(session.run, self._selection, self._endpoint.partition, request)
        columns = self._described(question.source)
        session.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        try:
            yield MysqlReading(session, question, columns)
        finally:
            session.rolled_back()


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


class MysqlReading(ServerReading[Column]):
    """See `seams.Reading`."""

    dialect = "mysql"
    convert = "read ST_AsText({}) or a CAST"

    def __init__(self, session: Session, asked: Asked, columns: Sequence[Column]) -> None:
        super().__init__(asked, columns)
        self._session = session

    def count(self) -> int | None:
        """Rows of the request, counted by the server; None for a query that names a column twice, which no gate reads."""
        return super().count() if len(set(self.header)) == len(self.header) else None

    def batches(self) -> Iterator[Batch]:
        """Stream the rows, part by part: a snapshot of MySQL is one connection's."""
        wanted, number = self._wanted(), 0
        for sql in self._statements(select_list(wanted)):
            with closing(frames(self._session, sql, wanted, self._request.types, self._request.batch_rows)) as opened:
                for frame in opened:
                    yield Batch(frame, number)
                    number += 1
