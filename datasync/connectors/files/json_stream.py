"""One JSON document in, the texts of the values that a path names out, in memory bounded by the longest of them.

The document is cut, not parsed: each value found is read as a line of NDJSON is, so that one bad object is one unreadable row
with its line. The streaming parser that exists was tried: ijson turns half a surrogate pair into a question mark, has no lines,
and its C backend crashes on a number of 5,000 digits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import IO, NoReturn

from datasync.connectors.files.content import Content
from datasync.connectors.files.json_lines import BOM, LONGEST, Line, Pieces, unknown
from datasync.connectors.files.rows import Run
from datasync.connectors.files.shapes import Known
from datasync.contract.json_path import Path
from datasync.errors import PermanentError

BLOCK = 1 << 20
_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_WORD = re.compile(rb'[^\s,:\[\]{}"]++')
_INERT = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
"""Everything before the next bracket that is none of a string's."""


def elements(content: Content, known: Known = unknown, *, path: Path) -> Iterator[Line | Run]:
    """Give the texts of the values that a path names.

    Args:
        content: one JSON document in UTF-8.
        known: gives several values of an array at once, where it can.
        path: as `json_path.parse_path` gives it; keys on the way to the first array must be there.

    Raises:
        PermanentError: the document is cut off, goes on behind its end, or is not of the path's shape; a value is too long.
    """
    with content.open() as stream:
        document = _Document(stream, content.name, known)
        yield from document.follow(path, needed=True)
        document.ended()


def objects(path: Path) -> Pieces:
    """Say how a document holds the objects that a path names."""
    space = rb"[ \t\r\n]*+"
    return Pieces(partial(elements, path=path), space, (space + b"," + space + rb"(?=\{)", b",{"))


class _Document:
    """A place in a stream of JSON. What lies before it is forgotten."""

    def __init__(self, stream: IO[bytes], name: str, known: Known) -> None:
        self._stream = stream
        self._name = name
        self._known = known
        self._data = stream.read(max(BLOCK, len(BOM))).removeprefix(BOM)
        self._at = 0
        self._line = 1
        self._over = False

    # --- following the path

    def follow(self, path: Path, needed: bool) -> Iterator[Line | Run]:
        """Give what the path names from here, and go behind the value that is here.

        Args:
            path: steps that are left.
            needed: the keys must be there; behind an array they need not.
        """
        if not path:
            yield self._take()
        elif path[0] is None:
            yield from self._array(path)
        else:
            yield from self._object(path, needed)

    def _array(self, path: Path) -> Iterator[Line | Run]:
        if self._peek() != b"[":
            self._absent("array")
            return
        self._advance(1)
        if self._peek() == b"]":
            self._advance(1)
            return
        while True:
            # A run ends where another element begins: the last of an array is never in one.
            while len(path) == 1 and (run := self._known(self._data, self._at, self._line)):
                self._at, self._line = run.end, run.next_line
                yield run
            yield from self.follow(path[1:], needed=False)
            if self._closed(b"]"):
                return

    def _object(self, path: Path, needed: bool) -> Iterator[Line | Run]:
        if self._peek() != b"{":
            self._absent("object")
            return
        self._advance(1)
        found = False
        empty = self._peek() == b"}"
        if empty:
            self._advance(1)
        while not empty:
            if self._key() == path[0]:
                if found:
                    self._broken(f"the key {path[0]} stands twice")
                found = True
                yield from self.follow(path[1:], needed)
            else:
                self._skip()
            empty = self._closed(b"}")
        if needed and not found:
            raise PermanentError(f"{self._name} has no key {path[0]}", code="E_SOURCE_SCHEMA", hint="check options.records")

    def _absent(self, what: str) -> None:
        """Nothing is named here if the value is null; anything else has another shape than the path."""
        line = self._line
        if self._take().raw != b"null":
            raise PermanentError(
                f"{self._name}: line {line} has no {what} where options.records wants one",
                code="E_SOURCE_SCHEMA",
                hint="options.records says where the rows are, such as $.data[*]; for an object a line use type: ndjson",
            )

    def _key(self) -> str:
        if self._peek() != b'"':
            self._broken("no key")
        try:
            name: str = json.loads(self._take().raw.decode())
        except ValueError:
            self._broken("no key")
        if self._peek() != b":":
            self._broken("no colon behind a key")
        self._advance(1)
        return name

    def _closed(self, bracket: bytes) -> bool:
        """Go behind a comma, or behind the end of an array or object."""
        found = self._peek()
        if found not in (b",", bracket):
            self._broken("neither a comma nor an end behind a value")
        self._advance(1)
        if found == b"," and self._peek() in (b"]", b"}"):
            self._broken("a comma before an end")
        return found == bracket

    def ended(self) -> None:
        """Refuse anything behind the document."""
        if self._peek(ending=True):
            self._broken("something behind the document's end")

    # --- bytes

    def _more(self) -> bool:
        """Read on, forgetting what lies before; tell whether there was anything."""
        block = b"" if self._over else self._stream.read(max(BLOCK, len(self._data) - self._at))
        self._over = not block
        self._data = self._data[self._at :] + block
        self._at = 0
        if len(self._data) > LONGEST + BLOCK and len(self._data) > 2 * len(block):
            raise PermanentError(f"{self._name}: line {self._line}: a value of more than {LONGEST >> 20} MB", code="E_LIMIT")
        return bool(block)

    def _advance(self, size: int) -> None:
        self._line += self._data.count(b"\n", self._at, self._at + size)
        self._at += size

    def _peek(self, ending: bool = False) -> bytes:
        """Give the next byte that is no space; none: only where the document may end."""
        while True:
            space = _SPACE.match(self._data, self._at)
            assert space is not None
            self._advance(space.end() - self._at)
            if self._at < len(self._data):
                return self._data[self._at : self._at + 1]
            if not self._more():
                if not ending:
                    self._broken("the document is cut off")
                return b""

    def _take(self) -> Line:
        """Give the text of the value that is here, and go behind it."""
        first = self._peek()
        size = self._nested() if first in (b"{", b"[") else self._plain(_STRING if first == b'"' else _WORD)
        found = Line(self._line, self._data[self._at : self._at + size])
        self._advance(size)
        return found

    def _plain(self, form: re.Pattern[bytes]) -> int:
        while True:
            match = form.match(self._data, self._at)
            # A word at the end of what was read may go on.
            if match is not None and (form is _STRING or match.end() < len(self._data)):
                return match.end() - self._at
            if not self._more():
                if match is None:
                    self._broken("no value, or one that is cut off")
                return match.end() - self._at

    def _nested(self) -> int:
        """Measure an array or object."""
        depth, size = 0, 0
        while True:
            inert = _INERT.match(self._data, self._at + size)
            assert inert is not None
            size = inert.end() - self._at
            bracket = self._data[inert.end() : inert.end() + 1]
            if bracket in (b"", b'"'):
                if not self._more():
                    self._broken("a value that is cut off")
                continue
            depth += 1 if bracket in b"{[" else -1
            size += 1
            if depth == 0:
                return size

    def _skip(self) -> None:
        """Go behind a value, whatever its size."""
        if self._peek() not in (b"{", b"["):
            self._take()
            return
        depth = 0
        while True:
            inert = _INERT.match(self._data, self._at)
            assert inert is not None
            self._advance(inert.end() - self._at)
            bracket = self._data[self._at : self._at + 1]
            if bracket in (b"", b'"'):
                if not self._more():
                    self._broken("a value that is cut off")
                continue
            depth += 1 if bracket in b"{[" else -1
            self._advance(1)
            if depth == 0:
                return

    def _broken(self, why: str) -> NoReturn:
        marks = (b"\xff\xfe", b"\xfe\xff")
        hint = "JSON is written in UTF-8" if self._line == 1 and self._data.startswith(marks) else "it may still be written"
        raise PermanentError(f"{self._name}: line {self._line}: {why}", code="E_SOURCE_CORRUPT", hint=hint)
