"""Files of self-describing rows in (objects of JSON, elements of XML), text batches and the rows that are none out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from datasync.connectors.files.content import Content
from datasync.connectors.files.source import own_name
from datasync.contract.types import DataType
from datasync.seams import POSITION, POSITION_BITS, Batch, ReadRequest, UnreadableRow

BATCH_BYTES = 32 << 20
"""Bytes of rows in one batch, at most: rows can be long."""
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


class Rows(Protocol):
    """How one kind of file holds rows."""

    def keys(self, content: Content) -> Iterator[str]:
        """Names of columns, in the order they first appear, perhaps more than once."""

    def rows(self, content: Content, names: list[str]) -> Iterator[Row]:
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
            for row in self._kind.rows(content, list(gathered.cells)):
                self._take(row, gathered)
                if gathered.full(self._request.batch_rows):
                    yield Batch(gathered.frame(), number)
                    number += 1
            if gathered.numbers or self.unreadable:
                yield Batch(gathered.frame(), number)
                number += 1
            content.check()

    def _wanted(self) -> list[str]:
        columns = self._request.columns
        return [name for name in self.header if columns is None or name in columns]

    def _take(self, row: Row, gathered: _Gathered) -> None:
        if row.reason:
            position = (gathered.index << POSITION_BITS) | row.number
            self.unreadable.append(UnreadableRow(position, row.reason, row.text[:SHOWN]))
            gathered.size += row.size
        else:
            gathered.add(row)


class _Gathered:
    """Rows of one file on their way into a frame."""

    def __init__(self, names: list[str], index: int) -> None:
        self.index = index
        self.cells: dict[str, list[str | None]] = {name: [] for name in names}
        self.numbers: list[int] = []
        self.size = 0

    def add(self, row: Row) -> None:
        for name, values in self.cells.items():
            values.append(row.cells.get(name))
        self.numbers.append(row.number)
        self.size += row.size

    def full(self, rows: int) -> bool:
        return len(self.numbers) >= rows or self.size >= BATCH_BYTES

    def frame(self) -> pl.DataFrame:
        """Give the rows and begin anew."""
        frame = pl.DataFrame(self.cells, schema=dict.fromkeys(self.cells, pl.String))
        positions = pl.Series(POSITION, self.numbers, dtype=pl.Int64) + (self.index << POSITION_BITS)
        self.cells = {name: [] for name in self.cells}
        self.numbers, self.size = [], 0
        return frame.with_columns(positions)
