"""Pages of records in, text batches with page and place out; the contract casts them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from datasync.casting import cast_column
from datasync.connectors.files.rows import NotARowError
from datasync.connectors.http.json_text import cells_of, written
from datasync.connectors.http.pages import Page, ahead
from datasync.connectors.http.spool import Spool
from datasync.contract.types import DataType
from datasync.errors import PermanentError, TransientError
from datasync.plan.local_time import held
from datasync.seams import POSITION, POSITION_BITS, Batch, ReadRequest, UnreadableRow

BATCH_BYTES = 32 << 20
"""Bytes of answers in one batch, at most: records can be long."""
SHOWN = 10_000
"""Characters of an unreadable record that quarantine keeps."""


class PagedReading:
    """See `seams.Reading`.

    All pages are read before the first row is given: the header is every key of any record, and pages that do not add up,
    or a server that dies half way, are known before anything is staged. Rows wait in a `Spool`.

    A window is kept here too, whatever the API made of it: of records outside it nothing is given. So a window is half-open
    also where the API's own bounds are not.

    Args:
        request: what to read.
        pages: fetched one by one as they are taken.
        spool: keeps the rows until they are given.
        stop: set when the read is given up.
        form: how the cursor is written, where that is not ISO 8601.
    """

    def __init__(
        self, request: ReadRequest, pages: Iterator[Page], spool: Spool, stop: threading.Event, form: str | None = None
    ) -> None:
        self._request = request
        self._pages = pages
        self._stop = stop
        self._first: Page | None = None
        self._spool = spool
        self._form = form
        self._names: dict[str, None] | None = None
        self._found = _Found()
        self.unreadable: list[UnreadableRow] = []

    @property
    def header(self) -> list[str]:
        """All keys of all records; what the contract declares when there is no record to contradict it."""
        names = self._read_all()
        return list(names) if self._found.records else list(self._request.types)

    @property
    def types(self) -> Mapping[str, DataType | None]:
        """Text, all of it."""
        return dict.fromkeys(self.header)

    def peek(self) -> bool:
        """Tell whether there is any row, from the first page if it can tell."""
        if self._names is None and self._first is None:
            self._first = next(self._pages, Page(0, (), 0))
        if self._names is None and self._first is not None:
            kept, _ = self._rows_of(self._first)
            if kept or not self._first.records:
                return kept > 0
        self._read_all()
        return self._found.records > self._found.outside

    def first_total(self) -> int | None:
        """Give how many rows there are as the first page says it; None: it does not, or holds some that are not wanted."""
        if self._first is None:
            return None
        return self._first.total if self._rows_of(self._first)[1] == 0 else None

    def _rows_of(self, page: Page) -> tuple[int, int]:
        """How many of a page's records lie in the window, and how many outside; unreadable ones count as inside."""
        gathered = _Gathered(self._request)
        for place, record in enumerate(page.records, 1):
            gathered.add(record, page, place)
        frame, lost = gathered.taken()
        kept = self._window(frame)[0].height
        return kept + len(lost), frame.height - kept

    def count(self) -> int | None:
        """Records as the API counts them, less those outside the window; None where it does not count."""
        self._read_all()
        return None if self._found.total is None else self._found.total - self._found.outside

    def null_cursors(self) -> int | None:
        """Records among those read that have no cursor: no window will ever hold them."""
        self._read_all()
        return self._found.without_cursor

    def batches(self) -> Iterator[Batch]:
        """The rows, in the order of the pages."""
        names = self.header
        wanted = [name for name in names if self._request.columns is None or name in self._request.columns]
        for number, (frame, lost) in enumerate(self._spool.take()):
            self.unreadable += lost
            absent = [pl.lit(None, pl.String).alias(name) for name in wanted if name not in frame.columns]
            yield Batch(frame.with_columns(absent).select([*wanted, POSITION]), number)

    def close(self) -> None:
        """Let go of what is spooled."""
        self._spool.close()

    def _read_all(self) -> dict[str, None]:
        if self._names is not None:
            return self._names
        gathered = _Gathered(self._request)
        names: dict[str, None] = {}
        for page in self._all_pages():
            self._found.add(page)
            for place, record in enumerate(page.records, 1):
                gathered.add(record, page, place)
                if gathered.full:
                    self._keep(gathered, names)
        self._found.check()
        self._keep(gathered, names)
        if POSITION in names:
            raise PermanentError(f"a key is called {POSITION}, which is ours", code="E_SOURCE_SCHEMA", hint="rename it")
        self._names = names
        return names

    def _all_pages(self) -> Iterator[Page]:
        if self._first is not None:
            yield self._first
            self._first = None
        yield from ahead(self._pages, self._stop)

    def _keep(self, gathered: _Gathered, names: dict[str, None]) -> None:
        if not (gathered.positions or gathered.unreadable):
            return
        frame, lost = gathered.taken()
        names.update(dict.fromkeys(name for name in frame.columns if name != POSITION))
        kept = self._inside(frame)
        self._spool.put(kept, lost)

    def _inside(self, frame: pl.DataFrame) -> pl.DataFrame:
        kept, without = self._window(frame)
        self._found.without_cursor += without
        self._found.outside += frame.height - kept.height
        return kept

    def _window(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """Give the rows of the window, and how many have no cursor; one that is no value of its type stays, for the gate."""
        request = self._request
        if request.window is None or request.cursor is None or request.cursor_type is None:
            return frame, 0
        if request.cursor not in frame.columns:
            return frame.clear(), frame.height
        cells = frame[request.cursor]
        values, bad = cast_column(cells, request.cursor_type, parse=self._form, timezone=request.cursor_zone)
        inside = values < _bound(request.window.end, request)
        if request.window.start is not None:
            inside &= values >= _bound(request.window.start, request)
        return frame.filter(inside.fill_null(False) | bad), cells.null_count()


def _bound(value: Any, request: ReadRequest) -> pl.Series:
    from datasync.contract.types import polars_type

    assert request.cursor_type is not None
    return pl.Series([held(value, request.cursor_type, request.cursor_zone)]).cast(polars_type(request.cursor_type))


class _Found:
    """What the pages held, and what the API says of it."""

    def __init__(self) -> None:
        self.records = 0
        self.total: int | None = None
        self.first: int | None = None
        self.outside = 0
        self.without_cursor = 0

    def add(self, page: Page) -> None:
        self.records += len(page.records)
        if page.total is not None:
            self.total = page.total
            self.first = page.total if self.first is None else self.first

    def check(self) -> None:
        """Hold the pages to the API's own count.

        Raises:
            TransientError: they do not add up.
        """
        if self.total is None or self.total == self.records:
            return
        moved = self.first != self.total
        raise TransientError(
            f"the API counts {self.total:,} records and its pages hold {self.records:,}", code="E_PAGES",
            hint="rows came or went while the pages were read: run again" if moved else "a page is missing, or stands twice",
        )  # fmt: skip


class _Gathered:
    """Records on their way into a frame."""

    def __init__(self, request: ReadRequest) -> None:
        self._types = dict(request.types)
        self._rows = request.batch_rows
        self._clear()

    def _clear(self) -> None:
        self.cells: dict[str, list[str | None]] = {}
        self.positions: list[int] = []
        self.unreadable: list[UnreadableRow] = []
        self._size = 0.0

    @property
    def full(self) -> bool:
        """Enough for a batch."""
        return len(self.positions) >= self._rows or self._size >= BATCH_BYTES

    def add(self, record: Any, page: Page, place: int) -> None:
        position = (page.number << POSITION_BITS) | place
        self._size += page.size / len(page.records)
        try:
            row = cells_of(record, self._types, page.sound)
        except NotARowError as problem:
            self.unreadable.append(UnreadableRow(position, str(problem), _as_text(record)))
            return
        before = len(self.positions)
        for name, cell in row.items():
            column = self.cells.get(name)
            if column is None:
                column = self.cells[name] = [None] * before
            column.append(cell)
        self.positions.append(position)
        if len(row) != len(self.cells):
            for column in self.cells.values():
                if len(column) == before:
                    column.append(None)

    def taken(self) -> tuple[pl.DataFrame, list[UnreadableRow]]:
        """Give what was gathered and begin anew."""
        frame = pl.DataFrame(self.cells, schema=dict.fromkeys(self.cells, pl.String))
        lost = self.unreadable
        positions = pl.Series(POSITION, self.positions, dtype=pl.Int64)
        self._clear()
        return (pl.DataFrame([*frame.get_columns(), positions])), lost


def _as_text(record: Any) -> str:
    """What an unreadable record looks like, for quarantine only."""
    import json

    try:
        text = written(record)
    except NotARowError:
        try:
            text = json.dumps(record, ensure_ascii=False)
        except RecursionError:
            text = "(nested too deeply)"
    return text[:SHOWN].encode("utf-8", "backslashreplace").decode()
