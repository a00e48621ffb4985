"""A contract's DuckDB source in, batches of one snapshot out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from datasync.connectors.duckdb.engine import Handle, first
from datasync.connectors.duckdb.rows import frames
from datasync.connectors.paths import local_path
from datasync.connectors.sql.reader import explained
from datasync.connectors.sql.reading import (
    Selection,
    Statement,
    bounding,
    check_file,
    condition,
    refuse_parts,
    relation,
    whole_window,
    window_variables,
)
from datasync.contract.endpoints import DuckdbSource as Endpoint
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType, parse_type
from datasync.errors import PermanentError
from datasync.seams import Batch, PinnedFile, ReadRequest, Surroundings, UnreadableRow, WindowValue

if TYPE_CHECKING:
    import duckdb

_NAMED = {
    "TINYINT": "int8", "SMALLINT": "int16", "INTEGER": "int32", "BIGINT": "int64", "UTINYINT": "uint8", "USMALLINT": "uint16",
    "UINTEGER": "uint32", "UBIGINT": "uint64", "FLOAT": "float32", "DOUBLE": "float64", "BOOLEAN": "bool", "VARCHAR": "string",
    "BLOB": "binary", "DATE": "date", "TIME": "time", "JSON": "json", "UUID": "uuid", "HUGEINT": "decimal(38,0)",
    "TIMESTAMP": "timestamp[us]", "TIMESTAMP_S": "timestamp[s]", "TIMESTAMP_MS": "timestamp[ms]", "TIMESTAMP_NS": "timestamp[ns]",
    "TIMESTAMP WITH TIME ZONE": "timestamp[us, UTC]",
}  # fmt: skip


def type_of(spelled: str) -> DataType | None:
    """Give the contract type of a DuckDB type; None when there is none."""
    if spelled.endswith("[]"):
        inner = type_of(spelled[:-2])
        return DataType("list", item=inner) if inner is not None else None
    if spelled.startswith("DECIMAL"):
        return parse_type(spelled.lower())
    if spelled.startswith("ENUM"):
        return DataType("string")
    return parse_type(_NAMED[spelled]) if spelled in _NAMED else None


def _selected(name: str, spelled: str) -> str:
    """How a column is read: types whose Arrow form is not the contract's are cast by DuckDB, exactly."""
    column = quote_identifier(name, "duckdb")
    if spelled == "HUGEINT":
        return f"CAST({column} AS DECIMAL(38,0)) AS {column}"
    if spelled in ("UUID", "JSON") or spelled.startswith("ENUM"):
        return f"CAST({column} AS VARCHAR) AS {column}"
    return column


class DuckdbSource:
    """See `seams.Source`."""

    kind = "duckdb"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        self._name = endpoint.database
        self._path = local_path(endpoint.database, surroundings)
        refuse_parts(self.kind, endpoint)
        self._selection = Selection(endpoint.table, endpoint.query, "duckdb", "dollar")
        # An author's query reads this database and nothing else of the machine.
        self._handle = Handle(self._path, read_only=True, closed=endpoint.query is not None)

    def files(self) -> tuple[PinnedFile, ...] | None:
        """A database has no files to pin.

        Raises:
            PermanentError: the database file is not there.
        """
        check_file(self._path, self._name)
        return None

    def clock(self) -> datetime:
        """DuckDB runs in this process: this machine's time."""
        return datetime.now(UTC)

    def _describe(self, connection: duckdb.DuckDBPyConnection, source: Statement) -> dict[str, str]:
        rows = connection.execute(f"DESCRIBE SELECT * FROM {source.sql}", source.ordered()).fetchall()
        return {row[0]: row[1] for row in rows}

    def cursor_type(self, column: str, variables: Mapping[str, Any]) -> DataType | None:
        """Type of the cursor as the database declares it."""
        with self._handle.statements() as connection:
            found = self._describe(connection, relation(self._selection, whole_window(variables)))
        # Between questions the file is free for whoever writes to it.
        self._handle.close()
        if column not in found:
            raise PermanentError(f"the source has no cursor column {column}", code="E_CURSOR")
        return type_of(found[column])

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """Greatest value of the cursor."""
        kind = self.cursor_type(column, variables)
        source = relation(self._selection, whole_window(variables, bounding(kind)))
        with self._handle.statements() as connection:
            row = first(connection, f"SELECT max({quote_identifier(column, 'duckdb')}) FROM {source.sql}", source.ordered())
        self._handle.close()
        found: int | date | datetime | None = row[0] if row else None
        return found

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[DuckdbReading]:
        """Open one snapshot: a transaction."""
        with self._handle.transaction() as connection:
            source = relation(self._selection, window_variables(request))
            yield DuckdbReading((self._handle, connection), self._describe(connection, source), source, request, self._selection)
        self._handle.close()

    def explain(self, request: ReadRequest) -> list[str]:
        """Give the statement of a read."""
        return explained(self._selection, None, request)

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self._handle.interrupt()

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


class DuckdbReading:
    """See `seams.Reading`."""

    def __init__(
        self,
        opened: tuple[Handle, duckdb.DuckDBPyConnection],
        columns: dict[str, str],
        source: Statement,
        request: ReadRequest,
        selection: Selection,
    ) -> None:
        self._handle, self._connection = opened
        self._columns = columns
        self._source = source
        self._request = request
        self._where = condition(request, selection)
        self.header = list(columns)
        self.types: Mapping[str, DataType | None] = {name: type_of(spelled) for name, spelled in columns.items()}
        self.unreadable: list[UnreadableRow] = []

    def count(self) -> int | None:
        """Rows of the request, counted by DuckDB."""
        return self._number(f"SELECT count(*) FROM {self._source.sql}{self._where}")

    def null_cursors(self) -> int | None:
        """Rows without a cursor."""
        assert self._request.cursor is not None
        column = quote_identifier(self._request.cursor, "duckdb")
        return self._number(f"SELECT count(*) FROM {self._source.sql} WHERE {column} IS NULL")

    def _number(self, sql: str) -> int:
        with self._handle.statements():
            row = first(self._connection, sql, self._source.ordered())
        return int(row[0]) if row else 0

    def batches(self) -> Iterator[Batch]:
        """Stream the rows."""
        wanted = [name for name in self.header if self._request.columns is None or name in self._request.columns]
        for name in wanted:
            if self.types[name] is None:
                raise PermanentError(
                    f"column {name} is {self._columns[name][:60]}, which no contract can name", code="E_SOURCE_TYPE",
                    hint="cast it in a query, or leave it out",
                )  # fmt: skip
        columns = ", ".join(_selected(name, self._columns[name]) for name in wanted)
        values = self._source.ordered() or None
        with self._handle.statements():
            result = self._connection.sql(f"SELECT {columns} FROM {self._source.sql}{self._where}", params=values)
            reader = result.to_arrow_reader(self._request.batch_rows)
            try:
                for number, frame in enumerate(frames(reader)):
                    yield Batch(frame, number)
            finally:
                reader.close()
                result.close()
