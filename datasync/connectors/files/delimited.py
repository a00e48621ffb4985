"""Bytes of a delimited file in, text columns with line numbers out, and the rows that are none, each with its reason.

A block of bytes is cut into records by where its quotes are. Where every quote opens or closes a field, that is certain, and the
block is parsed at once by polars; from the first block where it is not, records are read one by one. Both give the same rows.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from datasync.connectors.files.content import Content
from datasync.connectors.files.records import Record, records
from datasync.connectors.files.text_blocks import Blocks
from datasync.contract.endpoints import CsvOptions
from datasync.errors import PermanentError
from datasync.seams import POSITION, POSITION_BITS, UnreadableRow

SLOW_ROWS = 50_000
SHOWN = 10_000
"""Characters of an unreadable row that quarantine keeps."""
LF, CR, NUL = 10, 13, 0
Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written, in bytes of UTF-8.

    Attributes:
        nulls: fields that mean missing.
        commas: columns whose decimal comma becomes a point.
    """

    delimiter: int
    quote: int | None
    encoding: str
    header: bool
    nulls: tuple[str, ...]
    commas: frozenset[str] = frozenset()


def dialect_of(options: CsvOptions, numeric: frozenset[str]) -> Dialect:
    """Read a contract's options.

    Raises:
        PermanentError: an encoding nobody knows, or a delimiter that is no single byte.
    """
    try:
        name = codecs.lookup(options.encoding).name
    except LookupError as error:
        raise PermanentError(f"there is no encoding {options.encoding[:40]}", code="E_ENCODING",
                             hint="options.encoding is such as utf-8, utf-16, latin-1, cp1252 or cp949") from error  # fmt: skip
    for text in (options.delimiter, options.quote):
        if len(text.encode()) > 1:
            raise PermanentError("delimiter and quote are single ASCII characters", code="E_OPTIONS")
    quote = ord(options.quote) if options.quote else None
    commas = numeric if options.decimal == "," else frozenset()
    return Dialect(ord(options.delimiter), quote, name, options.header, options.null_values, commas)


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where the complete records of a block are: arrays with one entry per record."""

    starts: Numbers
    ends: Numbers
    fields: Numbers
    lines: Numbers
    newlines: int

    @property
    def end(self) -> int:
        """First byte behind the last complete record."""
        return int(self.ends[-1]) + 1 if len(self.ends) else 0


class Delimited:
    """One file. `unreadable` grows while `frames` is consumed.

    Args:
        content: the file.
        index: its number in positions.
        dialect: how it is written.
    """

    def __init__(self, content: Content, index: int, dialect: Dialect) -> None:
        self._content = content
        self._index = index
        self._dialect = dialect
        self.unreadable: list[UnreadableRow] = []
        self._line = 1
        self._blocks = self._new_blocks()

    def header(self) -> list[str]:
        """Give the names in the first record; of an empty file none."""
        data = b""
        self._blocks = self._new_blocks()
        for block, last in self._blocks:
            data += block
            self._blocks.bounded(len(data))
            found = next(records(_text(data), self._dialect.delimiter, self._dialect.quote, last), None)
            if found is not None and (found.cells is not None or last):
                return [self._name(name) for name in found.cells or [found.text]]
        return []

    def _name(self, text: str) -> str:
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise PermanentError(
                f"{self._content.name}: the header has {_REASONS[3]}", code="E_ENCODING", hint="set options.encoding"
            )
        return self._restored(text)

    def _restored(self, text: str) -> str:
        return text.translate(_SWAPPED) if self._blocks.swapped else text

    def _new_blocks(self) -> Blocks:
        return Blocks(self._content, self._dialect.encoding, self._dialect.quote)

    def frames(self, names: list[str]) -> Iterator[pl.DataFrame]:
        """Give the rows as text columns called `names`, with POSITION.

        Raises:
            PermanentError: a record is longer than any record should be.
        """
        self._blocks = self._new_blocks()
        blocks = iter(self._blocks)
        rest, skip = b"", self._dialect.header
        self._line = 1
        for block, last in blocks:
            data = rest + block
            cut = _cut(data, self._dialect, last)
            if cut is None:
                yield from self._slow(data, last, blocks, (names, skip))
                return
            if cut.end == 0:
                self._blocks.bounded(len(data))
            if cut.end:
                yield self._fast(data[: cut.end], cut, names, skip)
                skip = False
                self._line += cut.newlines
            rest = data[cut.end :]

    def _fast(self, data: bytes, cut: _Cut, names: list[str], skip: bool) -> pl.DataFrame:
        buffer = np.frombuffer(data, np.uint8)
        reasons = self._reasons(data, buffer, cut, len(names))
        keep = reasons == 0
        if skip:
            keep[0] = False
            reasons[0] = -1
        for record in np.flatnonzero(reasons > 0):
            self._refuse(data[int(cut.starts[record]) : int(cut.ends[record])], self._line + int(cut.lines[record]),
                         _REASONS[int(reasons[record])].format(int(cut.fields[record]), len(names)))  # fmt: skip
        lengths = cut.ends - cut.starts + 1
        lengths[-1] = len(data) - cut.starts[-1]
        mask = np.repeat(keep, lengths)
        before = cut.ends - 1
        returns = before[(before >= cut.starts) & (buffer[np.maximum(before, 0)] == CR)]
        mask[returns] = False
        clean = data if mask.all() else buffer[mask].tobytes()
        frame = self._parsed(clean, names)
        lines = cut.lines[keep] + self._line
        if frame.height != len(lines):
            raise PermanentError(
                f"{self._content.name}: {frame.height} rows were read from {len(lines)} records", code="E_SOURCE_PARSE"
            )
        if self._blocks.swapped:
            frame = _swapped(frame)
        return _finished(
            frame, self._dialect, quoted=self._dialect.quote is not None and self._dialect.quote in data
        ).with_columns(pl.Series(POSITION, lines + (self._index << POSITION_BITS), dtype=pl.Int64))

    def _parsed(self, clean: bytes, names: list[str]) -> pl.DataFrame:
        if not clean:
            return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
        return pl.read_csv(
            clean,
            has_header=False,
            new_columns=names,
            separator=chr(self._dialect.delimiter),
            quote_char=chr(self._dialect.quote) if self._dialect.quote is not None else None,
            infer_schema=False,
        )

    def _reasons(self, data: bytes, buffer: Bytes, cut: _Cut, width: int) -> Numbers:
        """Per record: 0 good, -1 blank, else a number of `_REASONS`."""
        reasons = np.where(cut.fields == width, 0, 1).astype(np.int64)
        sizes = cut.ends - cut.starts
        blank = (sizes == 0) | ((sizes == 1) & (buffer[np.minimum(cut.starts, len(buffer) - 1)] == CR))
        reasons[blank] = -1
        zeros = np.flatnonzero(buffer == NUL)
        if len(zeros):
            reasons[np.unique(np.searchsorted(cut.ends, zeros))] = 2
        try:
            data.decode()
        except UnicodeDecodeError:
            for record in range(len(cut.starts)):
                try:
                    data[int(cut.starts[record]) : int(cut.ends[record])].decode()
                except UnicodeDecodeError:
                    reasons[record] = 3
        return reasons

    def _refuse(self, raw: bytes, line: int, reason: str) -> None:
        text = self._restored(raw.decode("utf-8", "backslashreplace").rstrip("\r"))[:SHOWN]
        self.unreadable.append(UnreadableRow((self._index << POSITION_BITS) | line, reason, text))

    def _slow(
        self, data: bytes, last: bool, blocks: Iterator[tuple[bytes, bool]], what: tuple[list[str], bool]
    ) -> Iterator[pl.DataFrame]:
        """Read the rest of the file record by record."""
        names, skip = what
        rows: list[list[str]] = []
        lines: list[int] = []
        while True:
            used = 0
            text = _text(data)
            for record in records(text, self._dialect.delimiter, self._dialect.quote, last):
                used = record.end
                line = self._line
                self._line += record.newlines
                if skip:
                    skip = False
                elif self._readable(record, line, len(names)):
                    rows.append(record.cells or [])
                    lines.append(line)
                if len(rows) >= SLOW_ROWS:
                    yield self._frame(rows, lines, names)
                    rows, lines = [], []
            rest = text[used:].encode("utf-8", "surrogateescape")
            if last:
                break
            self._blocks.bounded(len(rest))
            block, last = next(blocks)
            data = rest + block
        if rows:
            yield self._frame(rows, lines, names)

    def _readable(self, record: Record, line: int, width: int) -> bool:
        if record.blank:
            return False
        reason = record.problem
        if not reason and record.cells is not None and len(record.cells) != width:
            reason = _REASONS[1].format(len(record.cells), width)
        elif "\0" in record.text:
            reason = _REASONS[2]
        elif not record.text.isascii() and any("\ud800" <= character <= "\udfff" for character in record.text):
            reason = _REASONS[3]
        if reason:
            self._refuse(record.text.encode("utf-8", "surrogateescape"), line, reason)
        return not reason

    def _frame(self, rows: list[list[str]], lines: list[int], names: list[str]) -> pl.DataFrame:
        frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
        positions = pl.Series(POSITION, lines, dtype=pl.Int64) + (self._index << POSITION_BITS)
        if self._blocks.swapped:
            frame = _swapped(frame)
        return _finished(frame, self._dialect, quoted=True).with_columns(positions)


_REASONS = {1: "{0} fields, the header has {1}", 2: "a NUL byte", 3: "bytes that are not in the file's encoding"}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


_SWAPPED = str.maketrans("\r\n", "\n\r")


def _swapped(frame: pl.DataFrame) -> pl.DataFrame:
    """Give line ends within fields back as they stood."""
    return frame.with_columns(pl.all().str.replace_many(["\r", "\n"], ["\n", "\r"]))


def _finished(frame: pl.DataFrame, dialect: Dialect, quoted: bool) -> pl.DataFrame:
    """Make missing what means missing, and decimal commas points."""
    columns = pl.all()
    if "" not in dialect.nulls:
        frame = frame.with_columns(columns.fill_null(""))
    words = [word for word in dialect.nulls if word or quoted]
    if words:
        frame = frame.with_columns(pl.when(columns.is_in(words)).then(None).otherwise(columns).name.keep())
    commas = [name for name in frame.columns if name in dialect.commas]
    return frame.with_columns(pl.col(name).str.replace(",", ".", literal=True) for name in commas) if commas else frame


def _cut(data: bytes, dialect: Dialect, last: bool) -> _Cut | None:
    """Cut a block into records; None where its quotes do not say how."""
    buffer = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(buffer == LF)
    delimiters = np.flatnonzero(buffer == dialect.delimiter)
    ends = newlines
    if dialect.quote is not None and dialect.quote in data:
        quotes = np.flatnonzero(buffer == dialect.quote)
        if (last and len(quotes) % 2) or not _certain(buffer, quotes, dialect):
            return None
        ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
    if last and len(data) and (not len(ends) or ends[-1] != len(data) - 1):
        ends = np.append(ends, len(data))
    if not len(ends):
        return _Cut(ends, ends, ends, ends, 0)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
    fields = np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1
    lines = np.searchsorted(newlines, starts)
    return _Cut(starts, ends.astype(np.int64), fields, lines, int(np.searchsorted(newlines, ends[-1] + 1)))


def _certain(buffer: Bytes, quotes: Numbers, dialect: Dialect) -> bool:
    """Tell whether every quote opens a field at its start or closes it at its end (a doubled one does both)."""
    opening, closing = quotes[0::2], quotes[1::2]
    padded = np.concatenate([[LF], buffer, [LF, LF]])
    before = padded[opening]
    after, second = padded[closing + 2], padded[closing + 3]
    opens = (before == dialect.delimiter) | (before == LF) | (before == dialect.quote)
    closes = (after == dialect.delimiter) | (after == LF) | (after == dialect.quote) | ((after == CR) & (second == LF))
    return bool(opens.all() and closes.all())
