"""Parquet files in, typed batches out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import polars as pl

from datasync.connectors.files.content import Content, LocalContent
from datasync.connectors.files.parquet_form import ParquetForm
from datasync.connectors.files.source import FileSource, own_name
from datasync.connectors.files.target import FileTarget
from datasync.contract.endpoints import ParquetTarget as TargetEndpoint
from datasync.contract.types import DataType, of_polars
from datasync.errors import PermanentError
from datasync.plan.local_time import held
from datasync.seams import POSITION, POSITION_BITS, Batch, PinnedFile, ReadRequest, Surroundings, UnreadableRow, WindowValue


class ParquetSource(FileSource):
    """See `seams.Source`. Several files are read in the order of their names, columns matched by name."""

    kind = "parquet"

    def cursor_type(self, column: str, variables: Mapping[str, Any]) -> DataType | None:
        """Type of the cursor in the first file."""
        for file in self.files() or ():
            schema = _schema(self._files.content(file), file)
            if column not in schema:
                raise PermanentError(f"the source has no cursor column {column}", code="E_CURSOR")
            return of_polars(schema[column])
        return None

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """Greatest value of the cursor in all files."""
        found = []
        for file in self.files() or ():
            with translated(file):
                found.append(pl.scan_parquet(self._files.content(file).local()).select(pl.col(column).max()).collect().item())
        values: list[int | date | datetime] = [value for value in found if value is not None]
        return max(values, default=None)

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[ParquetReading]:
        """Open the request's files."""
        yield ParquetReading(request, self._contents(request))


@contextmanager
def translated(file: PinnedFile) -> Iterator[None]:
    """Say polars' errors in our words."""
    try:
        yield
    except pl.exceptions.InvalidOperationError as error:
        raise PermanentError(
            f"{file.path}: the cursor is of a type that the window's bounds do not compare with", code="E_SOURCE_TYPE",
            hint="a cursor is an integer, a date or a timestamp in the file, too",
        ) from error  # fmt: skip
    except (pl.exceptions.PolarsError, OSError) as error:
        raise PermanentError(
            f"{file.path} is no readable Parquet file: {type(error).__name__}",
            code="E_SOURCE_CORRUPT",
            hint="it may be cut off, or still be written",
        ) from error


def _schema(content: Content, file: PinnedFile) -> dict[str, pl.DataType]:
    with translated(file):
        if isinstance(content, LocalContent):
            return dict(pl.read_parquet_schema(content.local()))
        table = pl.from_arrow(_metadata(content).schema.to_arrow_schema().empty_table())
        assert isinstance(table, pl.DataFrame)
        return dict(table.schema)


def _metadata(content: Content) -> Any:
    """Read the footer alone: of an object in a store, a request or two."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with content.open() as stream:
        try:
            return pq.ParquetFile(stream).metadata
        except pa.ArrowInvalid as error:
            raise OSError(type(error).__name__) from error


class ParquetReading:
    """See `seams.Reading`."""

    def __init__(self, request: ReadRequest, contents: list[Content]) -> None:
        self._request = request
        self._contents = contents
        schemas = [_schema(content, file) for content, file in zip(contents, request.files, strict=True)]
        self.header: list[str] = list(schemas[0]) if schemas else list(request.types)
        own_name(self.header)
        self.types: Mapping[str, DataType | None] = {
            name: _type(name, dtype) for name, dtype in (schemas[0] if schemas else {}).items()
        }
        self.unreadable: list[UnreadableRow] = []
        for file, schema in zip(request.files, schemas, strict=True):
            self._same(file, schema, schemas[0])

    def _same(self, file: PinnedFile, schema: dict[str, pl.DataType], first: dict[str, pl.DataType]) -> None:
        if set(schema) != set(first):
            names = ", ".join(sorted(set(schema) ^ set(first))[:5])
            raise PermanentError(
                f"{file.path} differs from {self._request.files[0].path} in columns: {names}", code="E_SOURCE_SCHEMA"
            )
        for name, dtype in schema.items():
            if dtype != first[name]:
                raise PermanentError(
                    f"{file.path}: column {name} is {dtype}, and {first[name]} in the first file", code="E_SOURCE_SCHEMA"
                )

    def _scan(self, number: int) -> pl.LazyFrame:
        frame = pl.scan_parquet(self._contents[number].local(), row_index_name=POSITION)
        window, cursor = self._request.window, self._request.cursor
        if window is None or cursor is None:
            return frame
        inside = pl.col(cursor) < self._bound(window.end)
        if window.start is not None:
            inside &= pl.col(cursor) >= self._bound(window.start)
        return frame.filter(inside)

    def _bound(self, value: WindowValue) -> WindowValue:
        return held(value, self._request.cursor_type or DataType("timestamp"), self._request.cursor_zone)

    def count(self) -> int | None:
        """Rows by the files' own metadata; with a window by counting."""
        total = 0
        for number, file in enumerate(self._request.files):
            with translated(file):
                content = self._contents[number]
                if self._request.window is None and not isinstance(content, LocalContent):
                    total += int(_metadata(content).num_rows)
                else:
                    total += int(self._scan(number).select(pl.len()).collect().item())
        return total

    def null_cursors(self) -> int | None:
        """Rows without a cursor."""
        assert self._request.cursor is not None
        column = pl.col(self._request.cursor)
        return sum(
            int(pl.scan_parquet(content.local()).select(column.null_count()).collect().item()) for content in self._contents
        )

    def batches(self) -> Iterator[Batch]:
        """Stream the rows of all files."""
        wanted = [name for name in self.header if self._request.columns is None or name in self._request.columns]
        for name in wanted:
            if self.types.get(name) is None:
                raise PermanentError(
                    f"column {name} has a type that no contract can name", code="E_SOURCE_TYPE", hint="leave it out"
                )
        number = 0
        for index, file in enumerate(self._request.files):
            with translated(file):
                position = pl.col(POSITION).cast(pl.Int64) + 1 + (index << POSITION_BITS)
                scan = self._scan(index).select([*wanted, position])
                for frame in scan.collect_batches(chunk_size=self._request.batch_rows, maintain_order=True):
                    if frame.height:
                        yield Batch(_plain(frame), number)
                        number += 1
            self._contents[index].check()
            self._contents[index].release()


def _type(name: str, dtype: pl.DataType) -> DataType | None:
    try:
        return of_polars(dtype)
    except ValueError:
        return None


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Dictionaries are text."""
    coded = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Categorical | pl.Enum)]
    return frame.with_columns(pl.col(name).cast(pl.String) for name in coded) if coded else frame


class ParquetTarget(FileTarget):
    """See `seams.Target`."""

    kind = "parquet"

    def __init__(self, endpoint: TargetEndpoint, surroundings: Surroundings) -> None:
        super().__init__(endpoint, surroundings, ParquetForm())
