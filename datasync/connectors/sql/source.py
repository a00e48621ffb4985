"""A server's table or query in, its clock, cursor and statements out: what the sources of servers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from datasync.connectors.sql.on_use import OnUse, Opened
from datasync.connectors.sql.reader import Column, explained
from datasync.connectors.sql.reading import Selection, relation, whole_window
from datasync.contract.endpoints import MysqlSource, OracleSource, PostgresSource
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType, Dialect
from datasync.errors import PermanentError
from datasync.seams import Connection, PinnedFile, ReadRequest, Surroundings, WindowValue


class ServerSession(Opened, Protocol):
    """One connection to a server."""

    def run(self, sql: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement; give its rows, if it has any."""

    def clock(self) -> datetime:
        """Give the server's time, aware, in UTC."""


Session = TypeVar("Session", bound=ServerSession)


class ServerSource(ABC, Generic[Session, Column]):
    """See `seams.Source`; a kind adds how it connects, what the server says of columns, and `read`.

    Args:
        endpoint: the contract's.
        surroundings: look the connection up.
    """

    dialect: ClassVar[Dialect]
    names_hint: ClassVar[str] = ""
    """What an author may have missed about the server's names."""

    def __init__(self, endpoint: PostgresSource | MysqlSource | OracleSource, surroundings: Surroundings) -> None:
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._selection = Selection(endpoint.table, endpoint.query, self.dialect, "literal")
        self._asking = OnUse(lambda: self._connect(surroundings.connection(endpoint.connection)))

    @abstractmethod
    def _connect(self, connection: Connection) -> Session:
        """Make a session, without I/O."""

    @abstractmethod
    def _described(self, source: str) -> list[Column]:
        """Ask the server for the columns of a relation; `source` is SQL after FROM."""

    @property
    def _session(self) -> Session:
        return self._asking()

    def files(self) -> tuple[PinnedFile, ...] | None:
        """A database has no files to pin."""
        return None

    def clock(self) -> datetime:
        """The server's time."""
        return self._session.clock()

    def cursor_type(self, column: str, variables: Mapping[str, Any]) -> DataType | None:
        """Type of the cursor as the server declares it."""
        return self._cursor_kind(self._cursor(column, relation(self._selection, whole_window(variables)).sql))

    def _cursor_kind(self, found: Column) -> DataType | None:
        """Give a cursor's type, in the unit that its column surely keeps."""
        return found.type

    def _cursor(self, column: str, source: str) -> Column:
        for found in self._described(source):
            if found.name == column:
                return found
        raise PermanentError(f"the source has no cursor column {column}", code="E_CURSOR", hint=self.names_hint)

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """Greatest value of the cursor."""
        kind = self.cursor_type(column, variables)
        source = relation(self._selection, whole_window(variables, kind)).sql
        found: WindowValue | None = self._session.run(f"SELECT max({self._compared(column, source)}) FROM {source}")[0][0]
        if isinstance(found, datetime) and found.tzinfo is None and kind is not None and kind.zone:
            # What the driver gives without its zone is in the session's.
            return found.replace(tzinfo=UTC)
        return found

    def _compared(self, column: str, source: str) -> str:
        """Give SQL of the cursor as its values compare; `source` is SQL after FROM."""
        return quote_identifier(column, self.dialect)

    def explain(self, request: ReadRequest) -> list[str]:
        """Give the statement of a read."""
        return explained(self._selection, self._endpoint.partition, request)

    def cancel(self) -> None:
        """End the statement that another thread is in; nothing can be read afterwards."""
        self._asking.cancel()

    def close(self) -> None:
        """Close the session."""
        self._asking.close()
