"""XML documents in, their row elements as text by column out; document types and entities are refused, memory stays bounded.

What stands in a row element becomes columns: an attribute under its name, a child element with text under its name, what stands
in a child under both names with a point between (`address.city`, `price.currency`), text of the row itself under the row's name.
Namespaces are left out of names. A child that stands several times needs a column of type list (its texts) or json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from datasync.connectors.files.content import Content
from datasync.connectors.files.rows import NotARowError, Row, Run
from datasync.connectors.files.shapes import Known, Shape, Shapes
from datasync.connectors.files.xml_parser import Element, elements, local
from datasync.connectors.files.xml_shape import BEHIND, xml_shape
from datasync.contract.types import DataType

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
ITEM = "item"
"""Name of an element of a list within the list's own element."""


class XmlRows:
    """See `rows.Rows`.

    Args:
        row_tag: name of the row elements, without namespace.
        types: what the contract declares.
    """

    def __init__(self, row_tag: str, types: Mapping[str, DataType]) -> None:
        self._row_tag = row_tag
        self._types = types
        self._shapes = Shapes()

    def keys(self, content: Content) -> Iterator[str]:
        """Give the names of columns; what is no row has none."""
        seen: set[str] = set()
        for found, cells in self._read(content, self._shapes.skip):
            if isinstance(found, Element) and not isinstance(cells, NotARowError):
                self._missed(found)
                yield from (name for name in cells if name not in seen)
                seen.update(cells)

    def rows(self, content: Content, names: list[str]) -> Iterator[Row | Run]:
        """Give the rows."""
        for found, cells in self._read(content, self._shapes.run):
            if isinstance(found, Run):
                yield found
            elif isinstance(cells, NotARowError):
                text = etree.tostring(found.node, encoding="unicode", with_tail=False)
                yield Row(found.line, found.size, {}, str(cells), text)
            else:
                yield Row(found.line, found.size, cells)

    def _read(self, content: Content, known: Known) -> Iterator[tuple[Element | Run, dict[str, str | None] | NotARowError]]:
        for found in elements(content, self._row_tag, known):
            cells: dict[str, str | None] | NotARowError = {}
            if isinstance(found, Element):
                try:
                    cells = _Cells(self._types).of(found.node)
                except NotARowError as problem:
                    cells = problem
            yield found, cells

    def _missed(self, row: Element) -> None:
        """Learn its shape, if it is time and the row has one."""
        raw = row.raw.strip() + BEHIND

        def made() -> Shape | None:
            shapes = (xml_shape(row.node, self._types, quote) for quote in (b'"', b"'"))
            return next((shape for shape in shapes if shape and shape.pattern.match(raw)), None)

        if row.raw:
            self._shapes.missed(raw, made)


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
            self._put(local(row.tag), self._text(local(row.tag), row))
        self._inside(row, "")
        return self._cells

    def _inside(self, element: Any, prefix: str) -> None:
        for name, value in element.attrib.items():
            if not name.startswith(XSI):
                self._put(prefix + local(name), value)
        if not len(element):
            return
        _no_text_between(element)
        groups: dict[str, list[Any]] = {}
        for child in element:
            groups.setdefault(local(child.tag), []).append(child)
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


def _nil(element: Any) -> bool:
    return element.get(f"{XSI}nil") in ("true", "1")


def _no_text_between(element: Any) -> None:
    texts = [element.text, *(child.tail for child in element)]
    if any(text and not text.isspace() for text in texts):
        raise NotARowError(f"text stands between the elements of {local(element.tag)}")


def _listed(group: list[Any], kind: DataType) -> str:
    """Give a list's texts as a JSON array: of elements that stand several times, or of the items in one."""
    alone = group[0]
    if len(group) == 1 and (len(alone) or not alone.text):
        group = list(alone)
        _no_text_between(alone)
    if any(len(element) for element in group):
        raise NotARowError(f"{local(alone.tag)} holds elements where the contract says {kind}")
    nested = kind.item is not None and kind.item.name == "list"
    texts = [None if _nil(element) else str(element.text or "") for element in group]
    if nested:
        return "[" + ",".join("null" if text is None else text for text in texts) + "]"
    return json.dumps(texts, ensure_ascii=False)


def _plain(element: Any) -> Any:
    """Give an element as JSON: its text, or an object of its attributes and children."""
    if not len(element) and not element.attrib:
        return None if _nil(element) else str(element.text or "")
    found: dict[str, Any] = {local(name): value for name, value in element.attrib.items() if not name.startswith(XSI)}
    if len(element):
        _no_text_between(element)
    elif element.text:
        found[local(element.tag)] = str(element.text)
    groups: dict[str, list[Any]] = {}
    for child in element:
        groups.setdefault(local(child.tag), []).append(_plain(child))
    for name, values in groups.items():
        if name in found:
            raise NotARowError(f"{name} stands twice, as attribute and as element")
        found[name] = values if len(values) > 1 else values[0]
    return found
