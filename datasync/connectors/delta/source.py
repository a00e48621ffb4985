"""A contract's Delta table in, the rows of one of its versions out: the one that was newest when the run was planned."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from datasync.connectors.delta.tables import Location, locate, translated
from datasync.contract.endpoints import DeltaSource as Endpoint
from datasync.contract.types import DataType, of_polars
from datasync.errors import PermanentError, TransientError
from datasync.plan.local_time import held
from datasync.seams import Batch, PinnedFile, ReadRequest, Surroundings, UnreadableRow, WindowValue

if TYPE_CHECKING:
    import polars as pl
    from deltalake import DeltaTable


class DeltaSource:
    """See `seams.Source`. A table is pinned as one file whose fingerprint is its version."""

    kind = "delta"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._pinned: DeltaTable | None = None
        self._stop = threading.Event()

    @property
    def _location(self) -> Location:
        return locate(self._endpoint.path, self._endpoint.connection, self._surroundings)

    def _table(self, version: int | None = None) -> DeltaTable:
        """The table as it was when this run first looked, or at the version that was pinned then."""
        if self._pinned is None or (version is not None and self._pinned.version() != version):
            found = self._location.open(version)
            if found is None:
                raise PermanentError(f"there is no Delta table {self._endpoint.path}", code="E_SOURCE_MISSING")
            self._pinned = found
        return self._pinned

    def _scan(self, table: DeltaTable) -> pl.LazyFrame:
        import polars as pl

        return pl.scan_delta(table)

    def files(self) -> tuple[PinnedFile, ...]:
        """Pin the table's version."""
        table = self._table()
        with translated(self._endpoint.path):
            newest = table.history(1)[0]
        return (PinnedFile(self._endpoint.path, 0, int(newest.get("timestamp", 0)) * 10**6, str(table.version())),)

    def clock(self) -> datetime:
        """This machine's time."""
        return datetime.now(UTC)

    def cursor_type(self, column: str, variables: Mapping[str, Any]) -> DataType | None:
        """Type of the cursor column."""
        with translated(self._endpoint.path):
            schema = self._scan(self._table()).collect_schema()
        if column not in schema:
            raise PermanentError(f"the source has no cursor column {column}", code="E_CURSOR")
        return _type(schema[column])

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """Greatest value of the cursor."""
        import polars as pl

        with translated(self._endpoint.path):
            found: WindowValue | None = self._scan(self._table()).select(pl.col(column).max()).collect().item()
        return found

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[DeltaReading]:
        """Open the pinned version."""
        version = int(request.files[0].fingerprint) if request.files else None
        table = self._table(version)
        with translated(self._endpoint.path):
            scan = self._scan(table)
            schema = dict(scan.collect_schema())
        yield DeltaReading(scan, schema, request, (self._endpoint.path, self._stop))

    def explain(self, request: ReadRequest) -> list[str]:
        """Say what is read."""
        version = f"version {request.files[0].fingerprint}" if request.files else "the newest version"
        return [f"scan {self._endpoint.path}, {version}"]

    def cancel(self) -> None:
        """End a read after the batch that it is in."""
        self._stop.set()

    def close(self) -> None:
        """Nothing is held open."""
        self._pinned = None


class DeltaReading:
    """See `seams.Reading`."""

    def __init__(
        self, scan: pl.LazyFrame, schema: Mapping[str, pl.DataType], request: ReadRequest, around: tuple[str, threading.Event]
    ) -> None:
        self._all = scan
        self._request = request
        self._name, self._stop = around
        self.header: list[str] = list(schema)
        self.types: Mapping[str, DataType | None] = {name: _type(dtype) for name, dtype in schema.items()}
        self.unreadable: list[UnreadableRow] = []

    def _inside(self) -> pl.LazyFrame:
        import polars as pl

        window, cursor, kind = self._request.window, self._request.cursor, self._request.cursor_type
        if window is None or cursor is None or kind is None:
            return self._all
        low, high = window.start, held(window.end, kind, self._request.cursor_zone)
        inside = pl.col(cursor) < high
        if low is not None:
            inside &= pl.col(cursor) >= held(low, kind, self._request.cursor_zone)
        return self._all.filter(inside)

    def count(self) -> int | None:
        """Rows, by the log's and the files' own metadata where that will do."""
        import polars as pl

        with translated(self._name):
            return int(self._inside().select(pl.len()).collect().item())

    def null_cursors(self) -> int | None:
        """Rows without a cursor."""
        import polars as pl

        assert self._request.cursor is not None
        with translated(self._name):
            return int(self._all.select(pl.col(self._request.cursor).null_count()).collect().item())

    def batches(self) -> Iterator[Batch]:
        """Stream the rows."""
        wanted = [name for name in self.header if self._request.columns is None or name in self._request.columns]
        for name in wanted:
            if self.types[name] is None:
                raise PermanentError(
                    f"column {name} has a type that no contract can name", code="E_SOURCE_TYPE", hint="leave it out"
                )
        number = 0
        with translated(self._name):
            for frame in self._inside().select(wanted).collect_batches(chunk_size=self._request.batch_rows):
                if self._stop.is_set():
                    raise TransientError(f"{self._name}: the read was cancelled", code="E_CANCELLED")
                for part in frame.iter_slices(self._request.batch_rows):
                    if part.height:
                        yield Batch(part, number)
                        number += 1


def _type(dtype: pl.DataType) -> DataType | None:
    try:
        return of_polars(dtype)
    except ValueError:
        return None
