"""One read of a database server in, its counts, parts and statements out: what the readings of servers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from datasync.connectors.sql.parts import clauses, divide
from datasync.connectors.sql.reading import Selection, condition, relation, window_variables
from datasync.contract.endpoints import Partition
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType, Dialect
from datasync.errors import PermanentError
from datasync.seams import Part, ReadRequest, UnreadableRow


class ReadColumn(Protocol):
    """How a column is read; `refused` names the server's type when no contract can."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> DataType | None: ...
    @property
    def refused(self) -> str: ...


Column = TypeVar("Column", bound=ReadColumn)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one read asks of a server.

    Attributes:
        run: runs one SELECT in the read's snapshot.
        source: SQL after FROM.
        where: the window's WHERE clause, or nothing.
        partition: of the source.
        request: of the run.
    """

    run: Callable[[str], list[tuple[Any, ...]]]
    source: str
    where: str
    partition: Partition | None
    request: ReadRequest


def asked(
    run: Callable[[str], list[tuple[Any, ...]]], selection: Selection, partition: Partition | None, request: ReadRequest
) -> Asked:
    """Say what a request asks of a table or query."""
    source = relation(selection, window_variables(request)).sql
    return Asked(run, source, condition(request, selection), partition, request)


def explained(selection: Selection, partition: Partition | None, request: ReadRequest) -> list[str]:
    """Give the statement of a read, and how it is divided."""
    found = [f"SELECT * FROM {relation(selection, window_variables(request)).sql}{condition(request, selection)}"]
    return found if partition is None else [*found, f"in parts of {partition.size} along {partition.column}"]


class ServerReading(Generic[Column]):
    """See `seams.Reading`; a kind adds `batches`, and says what to do about columns that no contract can name.

    Args:
        asked: of the server.
        columns: how each is read.
    """

    dialect: ClassVar[Dialect]
    convert: ClassVar[str]
    """How an author can read a column that is refused; `{}` is its name."""

    def __init__(self, asked: Asked, columns: Sequence[Column]) -> None:
        self._asked = asked
        self._request = asked.request
        self._columns = columns
        self.header = [column.name for column in columns]
        self.types: Mapping[str, DataType | None] = {column.name: column.type for column in columns}
        self.unreadable: list[UnreadableRow] = []

    def _number(self, where: str) -> int:
        return int(self._asked.run(f"SELECT count(*) FROM {self._asked.source}{where}")[0][0])

    def count(self) -> int | None:
        """Rows of the request, counted by the server."""
        part, partition = self._request.part, self._asked.partition
        if part is None or partition is None:
            return self._number(self._asked.where)
        return self._number(clauses(self._asked.where, partition.column, [part], self.dialect)[0])

    def null_cursors(self) -> int | None:
        """Rows without a cursor."""
        assert self._request.cursor is not None
        return self._number(f" WHERE {quote_identifier(self._request.cursor, self.dialect)} IS NULL")

    def parts(self) -> list[Part]:
        """Divide the rows along `source.partition`."""
        partition = self._asked.partition
        assert partition is not None
        return divide(partition, self.types, (self._asked.source, self._asked.where, self.dialect), self._asked.run)

    def _wanted(self) -> list[Column]:
        """Give the columns that the request needs.

        Raises:
            PermanentError: no contract can name one of them.
        """
        wanted = [column for column in self._columns if self._request.columns is None or column.name in self._request.columns]
        for column in wanted:
            if column.refused:
                raise PermanentError(
                    f"column {column.name} is {column.refused}, which no contract can name",
                    code="E_SOURCE_TYPE",
                    hint=f"{self.convert.replace('{}', column.name)} in a query, or leave it out",
                )
        return wanted

    def _statements(self, listed: str) -> list[str]:
        """Give the SELECT of each part; one when the read is not partitioned, or is of one part itself.

        Args:
            listed: the SELECT list.
        """
        where, partition = [self._asked.where], self._asked.partition
        if partition is not None:
            parts = [self._request.part] if self._request.part is not None else self.parts()
            where = clauses(self._asked.where, partition.column, parts, self.dialect)
        return [f"SELECT {listed} FROM {self._asked.source}{part}" for part in where]
