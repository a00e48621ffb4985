"""Rows that were read exactly in, patterns that read many others of the same shape at once out.

Files repeat themselves. A pattern made of one row accepts a narrow form of what the exact reader accepts, and gives the same
cells; whatever it does not fit is read exactly. Patterns are possessive throughout: they run in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from datasync.connectors.files.rows import Run

FIRST = 32
"""Rows that no shape fits before one is made of the next; then twice as many, and so on: making one takes milliseconds."""
KEPT = 8
LONGEST_RUN = 10_000
UTF8 = (
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
"""One character beyond ASCII (RFC 3629)."""

Known = Callable[[bytes, int, int], Run | None]
"""`(data, at, line)`: the rows from there on that are of one known shape."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """See `rows.Layout`.

    Attributes:
        pattern: a whole row and what stands between it and the next; a group a column.
        columns: name to what makes text of the group's; None: it is the text.
    """

    pattern: re.Pattern[bytes]
    columns: dict[str, Callable[[pl.Series], pl.Series] | None]

    def cells(self, values: list[tuple[bytes | None, ...]], names: list[str]) -> dict[str, pl.Series]:
        """Give columns of text."""
        cells = dict(zip(self.columns, zip(*values, strict=True), strict=True))
        return {name: self._text(name, cells.get(name), len(values)) for name in names}

    def _text(self, name: str, cells: tuple[bytes | None, ...] | None, rows: int) -> pl.Series:
        if cells is None:
            return pl.repeat(None, rows, dtype=pl.String, eager=True)
        text = pl.Series(cells, dtype=pl.Binary).cast(pl.String)
        finish = self.columns[name]
        return finish(text) if finish else text


class Shapes:
    """The shapes of one reading's rows, the last used first."""

    def __init__(self) -> None:
        self._known: list[Shape] = []
        self._misses = 0
        self._due = FIRST

    def run(self, data: bytes, at: int, line: int) -> Run | None:
        """Give the rows from a place on that are of one shape; None: the row there is to be read exactly.

        Args:
            data: bytes, of which a row begins at `at`.
            line: number of that row's line.
        """
        for shape in self._known:
            match, count = shape.pattern.match, data.count
            run = Run(shape, at, at, line)
            numbers, values = run.numbers.append, run.values.append
            while (found := match(data, at)) is not None:
                values(found.groups())
                numbers(line)
                end = found.end()
                line += count(b"\n", at, end)
                at = end
                if len(run.numbers) == LONGEST_RUN:
                    break
            if run.numbers:
                return self._used(shape, run, at, line)
        return None

    def skip(self, data: bytes, at: int, line: int) -> Run | None:
        """As `run`, without the values: the shape's columns are known."""
        for shape in self._known:
            match, start = shape.pattern.match, at
            while (found := match(data, at)) is not None:
                at = found.end()
            if at > start:
                return self._used(shape, Run(shape, start, at, line), at, line + data.count(b"\n", start, at))
        return None

    def _used(self, shape: Shape, run: Run, end: int, line: int) -> Run:
        if shape is not self._known[0]:
            self._known.remove(shape)
            self._known.insert(0, shape)
        run.end, run.next_line = end, line
        return run

    def missed(self, row: bytes, make: Callable[[], Shape | None]) -> None:
        """Note a row that had to be read exactly, and make a shape of it when one is due.

        Args:
            row: as it stands in a file, with something like what stands behind it.
            make: makes the shape; None where it has none.
        """
        self._misses += 1
        if self._misses < self._due or any(shape.pattern.match(row) for shape in self._known):
            return
        self._due *= 2
        shape = make()
        if shape is not None and shape.pattern.match(row):
            self._known = [shape, *self._known[: KEPT - 1]]
