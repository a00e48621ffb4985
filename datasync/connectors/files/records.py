"""Text of a delimited file in, its records one by one out, also where quotes are not as they should be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes:
        cells: its fields, unquoted; None when `problem` says why there are none.
        text: as it stands, without the line end.
        end: where the next record begins.
        newlines: line ends in it and behind it.
    """

    cells: list[str] | None
    text: str
    end: int
    newlines: int
    problem: str = ""

    @property
    def blank(self) -> bool:
        """An empty line is no record."""
        return self.text in ("", "\r")


class _More(Exception):
    """The record goes on behind the text."""


def records(text: str, delimiter: int, quote: int | None, last: bool) -> Iterator[Record]:
    """Read records from the start of a text.

    A quote opens a field only at its start; within an unquoted field it is a character like others. A record whose quoted field
    never ends, or goes on behind its closing quote, is a problem of its first line alone: reading goes on in the next one.

    Args:
        text: whole records, the last of which may be cut off unless `last`.
        delimiter: code of one character.
        quote: code of one character, or None.
        last: nothing comes behind the text.
    """
    reader = _Reader(text, chr(delimiter), chr(quote) if quote is not None else None, last)
    start = 0
    while start < len(text):
        try:
            record = reader.record(start)
        except _More:
            return
        yield record
        start = record.end


class _Reader:
    def __init__(self, text: str, delimiter: str, quote: str | None, last: bool) -> None:
        self.text = text
        self.delimiter = delimiter
        self.quote = quote
        self.last = last
        self._stop = re.compile(f"[{re.escape(delimiter)}\n]")

    def record(self, start: int) -> Record:
        cells: list[str] = []
        at = start
        while True:
            opens = self.quote is not None and self.text.startswith(self.quote, at)
            field = self._quoted(at) if opens else self._plain(at)
            if field is None:
                return self._broken(start, "a quoted field that never ends")
            cell, at = field
            cells.append(cell)
            if self._over(at):
                return self._done(start, at, cells)
            if self.text[at] != self.delimiter:
                return self._broken(start, "text behind a closing quote")
            at += 1

    def _quoted(self, at: int) -> tuple[str, int] | None:
        """Give the quoted field that opens at `at`, and the place behind it; None: it never closes."""
        assert self.quote is not None
        closed = self._closing(at)
        if closed < 0:
            return None
        behind = closed + 1
        if self.text.startswith("\r\n", behind) or (self.last and self.text[behind:] == "\r"):
            behind += 1
        return self.text[at + 1 : closed].replace(self.quote * 2, self.quote), behind

    def _plain(self, at: int) -> tuple[str, int]:
        """Give the field that begins at `at`, and the place behind it."""
        stop = self._stop.search(self.text, at)
        if stop is None and not self.last:
            raise _More
        end = stop.start() if stop else len(self.text)
        cell = self.text[at:end]
        ends_record = stop is None or stop[0] == "\n"
        return cell.removesuffix("\r") if ends_record else cell, end

    def _over(self, at: int) -> bool:
        """Tell whether a record ends at `at`."""
        if at < len(self.text):
            return self.text[at] == "\n"
        if not self.last:
            raise _More
        return True

    def _closing(self, at: int) -> int:
        """Where the quoted field that opens at `at` closes; -1: nowhere."""
        assert self.quote is not None
        at += 1
        while True:
            found = self.text.find(self.quote, at)
            if found < 0:
                if not self.last:
                    raise _More
                return -1
            if not self.text.startswith(self.quote, found + 1):
                return found
            at = found + 2

    def _done(self, start: int, at: int, cells: list[str]) -> Record:
        whole = self.text[start:at]
        end = min(at + 1, len(self.text))
        return Record(cells, whole, end, whole.count("\n") + (at < len(self.text)))

    def _broken(self, start: int, problem: str) -> Record:
        stop = self.text.find("\n", start)
        if stop < 0:
            if not self.last:
                raise _More
            return Record(None, self.text[start:], len(self.text), 0, problem)
        return Record(None, self.text[start:stop], stop + 1, 1, problem)
