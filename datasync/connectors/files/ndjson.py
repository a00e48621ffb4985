"""Files with one JSON object a line in, text batches out; the contract casts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import polars as pl

from datasync.connectors.files.json_lines import Line, NotARowError, keys_of, lines, row_of, text_of
from datasync.connectors.files.pinning import opened
from datasync.connectors.files.source import FileSource
from datasync.connectors.files.target import FileTarget
from datasync.contract.endpoints import NdjsonTarget as TargetEndpoint
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import POSITION, POSITION_BITS, Batch, PinnedFile, ReadRequest, Surroundings, UnreadableRow

BATCH_BYTES = 32 << 20
"""Bytes of lines in one batch, at most: rows of JSON can be long."""
SHOWN = 10_000
"""Characters of an unreadable row that quarantine keeps."""


class NdjsonSource(FileSource):
    """See `seams.Source`. Numbers stay as they are written; a line that is no row becomes an UnreadableRow."""

    kind = "ndjson"

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[NdjsonReading]:
        """Open the request's files."""
        yield NdjsonReading(request, self._surroundings)


class NdjsonReading:
    """See `seams.Reading`. The header is every key that stands in any row: the files are looked through for keys first."""

    def __init__(self, request: ReadRequest, surroundings: Surroundings) -> None:
        self._request = request
        self._paths = [opened(file, surroundings) for file in request.files]
        self._json = frozenset(name for name, kind in request.types.items() if kind.name == "json")
        self.unreadable: list[UnreadableRow] = []
        seen: dict[str, None] = {}
        for path in self._paths:
            seen.update(dict.fromkeys(keys_of(path)))
        if POSITION in seen:
            raise PermanentError(f"a key is called {POSITION}, which is ours", code="E_SOURCE_SCHEMA", hint="rename it")
        # No file at all: what the contract declares, for there is nothing to contradict it.
        self.header: list[str] = list(seen) if request.files else list(request.types)
        self.types: Mapping[str, DataType | None] = dict.fromkeys(self.header)

    def count(self) -> int | None:
        """Nobody counts rows of text."""
        return None

    def null_cursors(self) -> int | None:
        """Text files have no cursor."""
        return None

    def batches(self) -> Iterator[Batch]:
        """The rows of all files, in order."""
        number = 0
        for index, file in enumerate(self._request.files):
            gathered = _Rows(self._wanted(), index)
            for line in lines(self._paths[index]):
                self._take(line, gathered)
                if gathered.full(self._request.batch_rows):
                    yield Batch(gathered.frame(), number)
                    number += 1
            if gathered.numbers or self.unreadable:
                yield Batch(gathered.frame(), number)
                number += 1
            self._unchanged(index, file)

    def _unchanged(self, index: int, file: PinnedFile) -> None:
        facts = self._paths[index].stat()
        if (facts.st_size, facts.st_mtime_ns) != (file.size, file.modified):
            raise PermanentError(f"{file.path} changed while it was read", code="E_SOURCE_CHANGED", hint="run again")

    def _wanted(self) -> list[str]:
        columns = self._request.columns
        return [name for name in self.header if columns is None or name in columns]

    def _take(self, line: Line, gathered: _Rows) -> None:
        try:
            row = row_of(line.raw, self._json)
            gathered.add(line, {name: text_of(row.get(name), name, self._request.types.get(name)) for name in gathered.cells})
        except NotARowError as problem:
            position = (gathered.index << POSITION_BITS) | line.number
            text = line.raw.decode("utf-8", "backslashreplace").rstrip("\r\n")[:SHOWN]
            self.unreadable.append(UnreadableRow(position, str(problem), text))
            gathered.size += len(line.raw)


class _Rows:
    """Rows of one file on their way into a frame."""

    def __init__(self, names: list[str], index: int) -> None:
        self.index = index
        self.cells: dict[str, list[str | None]] = {name: [] for name in names}
        self.numbers: list[int] = []
        self.size = 0

    def add(self, line: Line, row: Mapping[str, str | None]) -> None:
        for name, values in self.cells.items():
            values.append(row[name])
        self.numbers.append(line.number)
        self.size += len(line.raw)

    def full(self, rows: int) -> bool:
        return len(self.numbers) >= rows or self.size >= BATCH_BYTES

    def frame(self) -> pl.DataFrame:
        """Give the rows and begin anew."""
        frame = pl.DataFrame(self.cells, schema=dict.fromkeys(self.cells, pl.String))
        positions = pl.Series(POSITION, self.numbers, dtype=pl.Int64) + (self.index << POSITION_BITS)
        self.cells = {name: [] for name in self.cells}
        self.numbers, self.size = [], 0
        return frame.with_columns(positions)


class NdjsonTarget(FileTarget):
    """See `seams.Target`."""

    kind = "ndjson"

    def __init__(self, endpoint: TargetEndpoint, surroundings: Surroundings) -> None:
        # The form reads through this module's reader.
        from datasync.connectors.files.ndjson_form import NdjsonForm

        super().__init__(endpoint.path, surroundings, NdjsonForm())
