"""XML documents in, their row elements as text by column out; document types and entities are refused, memory stays bounded.

What stands in a row element becomes columns: an attribute under its name, a child element with text under its name, what stands
in a child under both names with a point between (`address.city`, `price.currency`), text of the row itself under the row's name.
Namespaces are left out of names. A child that stands several times needs a column of type list (its texts) or json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import IO, Any

from lxml import etree

from datasync.connectors.files.content import Content
from datasync.connectors.files.rows import NotARowError, Row
from datasync.contract.types import DataType
from datasync.errors import PermanentError

CHUNK = 1 << 18
LONGEST = 64 << 20
"""Bytes of one row, at most."""
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
ITEM = "item"
"""Name of an element of a list within the list's own element."""
_LIMIT = 114
"""libxml2's code for its own limits: depth 256, 10 MB of text in one element."""


class XmlRows:
    """See `rows.Rows`.

    Args:
        row_tag: name of the row elements, without namespace.
        types: what the contract declares.
    """

    def __init__(self, row_tag: str, types: Mapping[str, DataType]) -> None:
        self._row_tag = row_tag
        self._types = types

    def keys(self, content: Content) -> Iterator[str]:
        """Give the names of columns; what is no row has none."""
        seen: set[str] = set()
        for _, cells, _ in self._read(content):
            if not isinstance(cells, NotARowError):
                yield from (name for name in cells if name not in seen)
                seen.update(cells)

    def rows(self, content: Content, names: list[str]) -> Iterator[Row]:
        """Give the rows."""
        for element, cells, size in self._read(content):
            if isinstance(cells, NotARowError):
                text = etree.tostring(element, encoding="unicode", with_tail=False)
                yield Row(int(element.sourceline or 0), size, {}, str(cells), text)
            else:
                yield Row(int(element.sourceline or 0), size, cells)

    def _read(self, content: Content) -> Iterator[tuple[Any, dict[str, str | None] | NotARowError, int]]:
        for element, size in _elements(content, self._row_tag):
            cells: dict[str, str | None] | NotARowError
            try:
                cells = _Cells(self._types).of(element)
            except NotARowError as problem:
                cells = problem
            yield element, cells, size


def _elements(content: Content, row_tag: str) -> Iterator[tuple[Any, int]]:
    """Give row elements one after the other, with the bytes that each took, about.

    Raises:
        PermanentError: no well-formed document, a document type, or a row that is too long.
    """
    try:
        with content.open() as stream:
            beginning, root = _beginning(stream, content.name)
            parser = _parser(("start", "end"), ("{*}" + row_tag, root))
            yield from _fed(parser, chain(beginning, iter(partial(stream.read, CHUNK), b"")), (content.name, row_tag))
            parser.close()
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


def _fed(parser: Any, chunks: Iterable[bytes], names: tuple[str, str]) -> Iterator[tuple[Any, int]]:
    name, row_tag = names
    depth, pending = 0, 0
    root: Any = None
    for chunk in chunks:
        parser.feed(chunk)
        pending += len(chunk)
        rows = 0
        for event, element in parser.read_events():
            root = element if root is None else root
            if _local(element.tag) != row_tag:
                continue
            depth += 1 if event == "start" else -1
            if event == "end" and depth == 0:
                rows += 1
                yield element, max(pending // rows, 1)
                element.clear(keep_tail=False)
        if rows:
            pending = 0
        if depth and pending > LONGEST:
            raise PermanentError(f"{name}: a row of more than {LONGEST >> 20} MB", code="E_LIMIT")
        if depth == 0:
            _forget(root)


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


class _Cells:
    """Gathers the columns of one row."""

    def __init__(self, types: Mapping[str, DataType]) -> None:
        self._types = types
        self._cells: dict[str, str | None] = {}

    def of(self, row: Any) -> dict[str, str | None]:
        """Give a row's columns.

        Raises:
            NotARowError: a column would have two values, or text stands between elements.
        """
        if not len(row) and (row.text or not row.attrib):
            self._put(_local(row.tag), self._text(_local(row.tag), row))
        self._inside(row, "")
        return self._cells

    def _inside(self, element: Any, prefix: str) -> None:
        for name, value in element.attrib.items():
            if not name.startswith(XSI):
                self._put(prefix + _local(name), value)
        if not len(element):
            return
        _no_text_between(element)
        groups: dict[str, list[Any]] = {}
        for child in element:
            groups.setdefault(_local(child.tag), []).append(child)
        for name, group in groups.items():
            self._child(prefix + name, group)

    def _child(self, column: str, group: list[Any]) -> None:
        kind = self._types.get(column)
        if kind is not None and kind.name == "list":
            self._put(column, None if len(group) == 1 and _nil(group[0]) else _listed(group, kind))
        elif kind is not None and kind.name == "json" and (len(group) > 1 or len(group[0]) or group[0].attrib):
            values = [_plain(element) for element in group]
            self._put(column, json.dumps(values if len(group) > 1 else values[0], ensure_ascii=False))
        elif len(group) > 1:
            raise NotARowError(f"{column} stands {len(group)} times: declare it as a list or as json")
        else:
            if not len(group[0]):
                self._put(column, self._text(column, group[0]))
            self._inside(group[0], column + ".")

    def _text(self, column: str, leaf: Any) -> str | None:
        """Text of an element without children; without any it is missing, but for types that have an empty value."""
        text = str(leaf.text or "")
        if text:
            return text
        kind = self._types.get(column)
        empty = kind is not None and kind.name in ("string", "binary")
        return None if _nil(leaf) or not empty else ""

    def _put(self, column: str, value: str | None) -> None:
        if column in self._cells:
            raise NotARowError(f"{column} stands twice, as attribute and as element")
        self._cells[column] = value


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _nil(element: Any) -> bool:
    return element.get(f"{XSI}nil") in ("true", "1")


def _no_text_between(element: Any) -> None:
    texts = [element.text, *(child.tail for child in element)]
    if any(text and not text.isspace() for text in texts):
        raise NotARowError(f"text stands between the elements of {_local(element.tag)}")


def _listed(group: list[Any], kind: DataType) -> str:
    """Give a list's texts as a JSON array: of elements that stand several times, or of the items in one."""
    alone = group[0]
    if len(group) == 1 and (len(alone) or not alone.text):
        group = list(alone)
        _no_text_between(alone)
    if any(len(element) for element in group):
        raise NotARowError(f"{_local(alone.tag)} holds elements where the contract says {kind}")
    nested = kind.item is not None and kind.item.name == "list"
    texts = [None if _nil(element) else str(element.text or "") for element in group]
    if nested:
        return "[" + ",".join("null" if text is None else text for text in texts) + "]"
    return json.dumps(texts, ensure_ascii=False)


def _plain(element: Any) -> Any:
    """Give an element as JSON: its text, or an object of its attributes and children."""
    if not len(element) and not element.attrib:
        return None if _nil(element) else str(element.text or "")
    found: dict[str, Any] = {_local(name): value for name, value in element.attrib.items() if not name.startswith(XSI)}
    if len(element):
        _no_text_between(element)
    elif element.text:
        found[_local(element.tag)] = str(element.text)
    groups: dict[str, list[Any]] = {}
    for child in element:
        groups.setdefault(_local(child.tag), []).append(_plain(child))
    for name, values in groups.items():
        if name in found:
            raise NotARowError(f"{name} stands twice, as attribute and as element")
        found[name] = values if len(values) > 1 else values[0]
    return found
