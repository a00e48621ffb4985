"""XML documents in, their row elements one after the other out; document types are refused, memory stays bounded.

Rows of a known shape are cut out of what the parser gets: only where it stands between two rows, which is certain where a row
ended with the very byte that it was fed last. Their line ends are fed in their place, so that it counts on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import IO, Any

from lxml import etree

from datasync.connectors.files.content import Content
from datasync.connectors.files.rows import Run
from datasync.connectors.files.shapes import Known
from datasync.errors import PermanentError

CHUNK = 1 << 18
LONGEST = 64 << 20
"""Bytes of one row, at most."""
_LIMIT = 114
"""libxml2's code for its own limits: depth 256, 10 MB of text in one element."""
_SPACE = re.compile(rb"[ \t\r\n]*+")
_UTF8 = re.compile(
    rb"(?:\xef\xbb\xbf)?+\s*+(?:<\?xml(?:(?!encoding|\?>)[^>])*+(?:encoding\s*=\s*[\"']utf-8[\"'][^>]*+)?+\?>|<(?!\?xml))", re.I
)
"""How a document begins whose bytes are UTF-8 for certain."""


@dataclass(frozen=True, slots=True)
class Element:
    """A row element. It is emptied when the next is asked for.

    Attributes:
        node: the parser's.
        size: bytes that it took, about.
        raw: its bytes, perhaps with spaces around; none where they are not known.
    """

    node: Any
    size: int
    raw: bytes = b""

    @property
    def line(self) -> int:
        """Number of the line where it begins, from 1."""
        return int(self.node.sourceline or 0)


def elements(content: Content, row_tag: str, known: Known) -> Iterator[Element | Run]:
    """Give row elements one after the other.

    Args:
        content: a document.
        row_tag: name of the row elements, without namespace.
        known: gives several rows at once, where it can.

    Raises:
        PermanentError: no well-formed document, a document type, or a row that is too long.
    """
    try:
        with content.open() as stream:
            beginning, root = _beginning(stream, content.name)
            reader = _Reader(_parser(("start", "end"), ("{*}" + row_tag, root)), content.name, row_tag)
            chunks = chain(beginning, iter(partial(stream.read, CHUNK), b""))
            if _UTF8.match(beginning[0]) and b"\0" not in beginning[0]:
                yield from _Cutter(reader, chunks, known).rows()
            else:
                yield from chain.from_iterable(map(reader.fed, chunks))
            reader.parser.close()
    except etree.XMLSyntaxError as error:
        if error.code == _LIMIT:
            raise PermanentError(
                f"{content.name}: line {error.lineno}: more than a parser should take",
                code="E_LIMIT",
                hint="elements may be 256 deep, and hold 10 MB of text each",
            ) from None
        raise PermanentError(
            f"{content.name}: line {error.lineno}: no well-formed XML from here on", code="E_SOURCE_CORRUPT",
            hint="it may be cut off, or still be written",
        ) from None  # fmt: skip


def _parser(events: tuple[str, ...], tags: tuple[str, ...] | None) -> Any:
    return etree.XMLPullParser(
        events=events, tag=tags, resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, dtd_validation=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip


def _beginning(stream: IO[bytes], name: str) -> tuple[list[bytes], str]:
    """Read until the document's element begins; give what was read and its name.

    Raises:
        PermanentError: there is a document type, or no element.
    """
    parser = _parser(("start",), None)
    chunks: list[bytes] = []
    while chunk := stream.read(CHUNK):
        chunks.append(chunk)
        parser.feed(chunk)
        for _, element in parser.read_events():
            _no_doctype(element, name)
            return chunks, str(element.tag)
        if len(chunks) * CHUNK > LONGEST:
            break
    parser.close()
    raise PermanentError(f"{name}: no element begins", code="E_SOURCE_CORRUPT")


class _Reader:
    """A parser and the row that is open in it."""

    def __init__(self, parser: Any, name: str, row_tag: str) -> None:
        self.parser = parser
        self.row_tag = row_tag
        self.depth = 0
        self._name = name
        self._pending = 0
        self._root: Any = None

    def fed(self, data: bytes, before: bytes | None = None) -> Iterator[Element]:
        """Give the rows that end in the next bytes.

        Args:
            data: the bytes.
            before: what was fed of the row that ends with them, if that is known.
        """
        self.parser.feed(data)
        self._pending += len(data)
        rows = 0
        for event, node in self.parser.read_events():
            self._root = node if self._root is None else self._root
            if local(node.tag) != self.row_tag:
                continue
            self.depth += 1 if event == "start" else -1
            if event == "end" and self.depth == 0:
                rows += 1
                yield Element(node, max(self._pending // rows, 1), b"" if before is None else before + data)
                node.clear(keep_tail=False)
        if rows:
            self._pending = 0
        if self.depth and self._pending > LONGEST:
            raise PermanentError(f"{self._name}: a row of more than {LONGEST >> 20} MB", code="E_LIMIT")
        if self.depth == 0:
            _forget(self._root)


class _Cutter:
    """Takes runs of known rows out of a document before its parser sees them."""

    def __init__(self, reader: _Reader, chunks: Iterator[bytes], known: Known) -> None:
        self._reader = reader
        self._chunks = chunks
        self._known = known
        self._end = re.compile(rb"(?:</(?:[^\s<>/:]++:)?" + re.escape(reader.row_tag.encode()) + rb"[ \t\r\n]*+|/)>")
        self._data = b""
        self._at = 0
        self._line = 1
        self._between = False
        """The parser stands behind the end of a row that is in no other."""
        self._start: int | None = None
        """Where the open row begins, if that is known."""

    def rows(self) -> Iterator[Element | Run]:
        """Give the rows."""
        for chunk in self._chunks:
            self._data = self._data[self._at :] + chunk
            self._at = 0
            self._start = 0 if self._between else None
            while self._at < len(self._data):
                if self._between:
                    yield from self._runs()
                end = self._end.search(self._data, self._at)
                if end is not None:
                    yield from self._row(end.end())
                elif self._between and len(self._data) - self._at < CHUNK:
                    # The row may be whole with the next chunk, and known.
                    break
                else:
                    self._between = False
                    yield from self._feed(len(self._data))
        yield from self._feed(len(self._data))

    def _runs(self) -> Iterator[Run | Element]:
        while True:
            space = _SPACE.match(self._data, self._at)
            assert space is not None
            yield from self._feed(space.end())
            run = self._known(self._data, self._at, self._line)
            if run is None:
                self._start = self._at
                return
            yield run
            # It saw none of the rows: their line ends keep its count.
            yield from self._reader.fed(b"\n" * (run.next_line - self._line))
            self._at, self._line = run.end, run.next_line

    def _row(self, end: int) -> Iterator[Element]:
        """Feed what may end a row, its last byte alone: a row that ends now ended there."""
        before = None if self._start is None else self._data[self._start : end - 1]
        yield from self._feed(end - 1)
        self._between = False
        for row in self._reader.fed(b">", before):
            # Behind the document's own element is no place for rows.
            self._between = row.node.getparent() is not None
            yield row
        self._at = end

    def _feed(self, end: int) -> Iterator[Element]:
        if end > self._at:
            yield from self._reader.fed(self._data[self._at : end])
            self._line += self._data.count(b"\n", self._at, end)
            self._at = end


def local(name: str) -> str:
    """Give a name without its namespace."""
    return name.rpartition("}")[2]


def _forget(element: Any) -> None:
    """Let go of all that is finished: of every element that may still be open, all children but the last."""
    while element is not None and len(element):
        del element[:-1]
        element = element[-1]


def _no_doctype(element: Any, name: str) -> None:
    if element.getroottree().docinfo.doctype:
        raise PermanentError(
            f"{name} has a document type (DOCTYPE), which is refused", code="E_XML_DOCTYPE",
            hint="entities could read files or fill the memory: write the document without one",
        )  # fmt: skip
