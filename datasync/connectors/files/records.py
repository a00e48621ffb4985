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
            if self.quote is not None and self.text.startswith(self.quote, at):
                closed = self._closing(at)
                if closed < 0:
                    return self._broken(start, "a quoted field that never ends")
                cells.append(self.text[at + 1 : closed].replace(self.quote * 2, self.quote))
                at = closed + 1
                if self.text.startswith("\r\n", at) or (self.last and self.text[at:] == "\r"):
                    at += 1
            else:
                stop = self._stop.search(self.text, at)
                if stop is None and not self.last:
                    raise _More
                end = stop.start() if stop else len(self.text)
                ended = stop is None or stop[0] == "\n"
                cells.append(self.text[at:end].removesuffix("\r") if ended else self.text[at:end])
                at = end
            if at >= len(self.text):
                if not self.last:
                    raise _More
                return self._done(start, at, cells)
            if self.text[at] == "\n":
                return self._done(start, at, cells)
            if self.text[at] != self.delimiter:
                return self._broken(start, "text behind a closing quote")
            at += 1

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
