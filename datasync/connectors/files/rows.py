"""Files of self-describing rows in (objects of JSON, elements of XML), text batches and the rows that are none out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl

from datasync.connectors.files.content import Content
from datasync.connectors.files.source import own_name
from datasync.contract.types import DataType
from datasync.seams import POSITION, POSITION_BITS, Batch, ReadRequest, UnreadableRow

BATCH_BYTES = 32 << 20
"""Bytes of rows in one batch, at most: rows can be long."""
_PLACE = "_datasync_place"
LOOSE = 20_000
"""Rows that wait to become columns, at most, of one layout."""
SHOWN = 10_000
"""Characters of an unreadable row that quarantine keeps."""


class NotARowError(Exception):
    """Why something is no row, in own words."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, or why it is none.

    Attributes:
        number: line in its file where it begins, from 1.
        size: bytes it took, about.
        cells: text by column; a column that is not named is missing.
        reason, text: for what is no row: why, and what stood there.
    """

    number: int
    size: int
    cells: Mapping[str, str | None]
    reason: str = ""
    text: str = ""


class Layout(Protocol):
    """How rows of one kind become columns."""

    def cells(self, values: list[Any], names: list[str]) -> dict[str, pl.Series]:
        """Give columns of text, exactly `names`, with a cell for each of the values."""


@dataclass(slots=True)
class Run:
    """Rows that follow each other and become columns at once. Its maker fills it, then it stays.

    Attributes:
        layout: makes columns of `values`.
        start, end: the bytes it took of what was read.
        next_line: number of the line where the next row begins.
        numbers: line in its file where each row begins, from 1.
        values: what the layout wants, a row each.
    """

    layout: Layout
    start: int
    end: int
    next_line: int
    numbers: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)


class Rows(Protocol):
    """How one kind of file holds rows."""

    def keys(self, content: Content) -> Iterator[str]:
        """Names of columns, in the order they first appear, perhaps more than once."""

    def rows(self, content: Content, names: list[str]) -> Iterator[Row | Run]:
        """The rows, of which only `names` are wanted."""


class RowsReading:
    """See `seams.Reading`. The header is every name that stands in any row: the files are looked through for names first."""

    def __init__(self, request: ReadRequest, contents: list[Content], kind: Rows) -> None:
        self._request = request
        self._contents = contents
        self._kind = kind
        self.unreadable: list[UnreadableRow] = []
        seen: dict[str, None] = {}
        for content in contents:
            seen.update(dict.fromkeys(kind.keys(content)))
        own_name(seen)
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
        for index, content in enumerate(self._contents):
            gathered = _Gathered(self._wanted(), index)
            for row in self._kind.rows(content, gathered.names):
                for _ in self._taken(row, gathered):
                    yield Batch(gathered.frame(), number)
                    number += 1
            if gathered.count or self.unreadable:
                yield Batch(gathered.frame(), number)
                number += 1
            content.check()

    def _wanted(self) -> list[str]:
        columns = self._request.columns
        return [name for name in self.header if columns is None or name in columns]

    def _taken(self, row: Row | Run, gathered: _Gathered) -> Iterator[None]:
        """Gather, and tell whenever there is enough for a batch."""
        most = self._request.batch_rows
        if isinstance(row, Run):
            done = 0
            while done < len(row.numbers):
                done += gathered.add(row, done, most)
                if gathered.full(most):
                    yield
            return
        gathered.size += row.size
        if row.reason:
            position = (gathered.index << POSITION_BITS) | row.number
            self.unreadable.append(UnreadableRow(position, row.reason, row.text[:SHOWN]))
        else:
            gathered.one(row)
        if gathered.full(most):
            yield


class _Cells:
    """See `Layout`: rows that were read one by one, their texts by column."""

    def cells(self, values: list[Mapping[str, str | None]], names: list[str]) -> dict[str, pl.Series]:
        return {name: pl.Series([cells.get(name) for cells in values], dtype=pl.String) for name in names}


_CELLS = _Cells()


class _Gathered:
    """Rows of one file on their way into a frame: by layout, each with its line and its place among all."""

    def __init__(self, names: list[str], index: int) -> None:
        self.names = names
        self.index = index
        self._begin()

    def _begin(self) -> None:
        self.count = 0
        self.size = 0
        self._layouts: dict[Layout, tuple[list[Any], list[int], list[int]]] = {}
        self._frames: list[pl.DataFrame] = []
        self._mixed = False

    def add(self, run: Run, first: int, most: int) -> int:
        """Take a run's rows from one on, no more than fit; give how many."""
        part = slice(first, first + most - self.count)
        values, numbers, places = self._layouts.setdefault(run.layout, ([], [], []))
        values += run.values[part]
        numbers += run.numbers[part]
        taken = len(numbers) - len(places)
        places += range(self.count, self.count + taken)
        self.count += taken
        self.size += (run.end - run.start) * taken // len(run.numbers)
        if len(values) >= LOOSE:
            self._join()
        return taken

    def one(self, row: Row) -> None:
        values, numbers, places = self._layouts.setdefault(_CELLS, ([], [], []))
        values.append(row.cells)
        numbers.append(row.number)
        places.append(self.count)
        self.count += 1

    def full(self, rows: int) -> bool:
        return self.count >= rows or self.size >= BATCH_BYTES

    def frame(self) -> pl.DataFrame:
        """Give the rows and begin anew."""
        if not self._frames:
            self._layouts = self._layouts or {_CELLS: ([], [], [])}
        self._join()
        frame = pl.concat(self._frames)
        frame = frame.sort(_PLACE) if self._mixed else frame
        self._begin()
        return frame.drop(_PLACE)

    def _join(self) -> None:
        """Make columns of what is still loose, which takes a fraction of its memory."""
        self._mixed = self._mixed or len(self._layouts) > 1
        for layout, (values, numbers, places) in self._layouts.items():
            positions = pl.Series(numbers, dtype=pl.Int64) + (self.index << POSITION_BITS)
            place = pl.Series(places, dtype=pl.Int64)
            self._frames.append(pl.DataFrame({**layout.cells(values, self.names), POSITION: positions, _PLACE: place}))
        self._layouts = {}
