"""A row element in, the shape of all elements with such attributes and children in this order out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from datasync.connectors.files.shapes import UTF8, Shape
from datasync.contract.types import DataType

MOST = 400
"""Columns of a row, at most: pages of pattern take long to compile."""
DEEPEST = 8
BEHIND = b"<"
"""What stands behind a row of a shape: the parent goes on."""
_SPACE = rb"[ \t\r\n]*+"
_BEYOND = rb"(?!\xef\xbf[\xbe\xbf])(?:" + UTF8 + rb")"
_TEXT = rb"(?:[\t\n -%'-;=-\\^-\x7f]++|" + _BEYOND + rb")"
"""Text without markup, references, carriage returns and, for the sake of `]]>`, brackets that close."""
_VALUE = {
    b'"': rb'"((?:[ !#-%\'-;=-\x7f]++|' + _BEYOND + rb')*+)"',
    b"'": rb"'((?:[ -%(-;=-\x7f]++|" + _BEYOND + rb")*+)'",
}
"""An attribute's value: spaces of other kinds would become blanks."""


class _NoShapeError(Exception):
    """Only the exact reader knows what such a row means."""


def xml_shape(row: Any, types: Mapping[str, DataType], quote: bytes) -> Shape | None:
    """Make the shape of a row; attributes and children may be missing in others, their order is the same.

    Args:
        row: an element that the exact reader makes a row of.
        types: what the contract declares.
        quote: what attributes are quoted with.

    Returns:
        The shape, or None: it has none.
    """
    maker = _Maker(types, quote)
    try:
        pattern = maker.row(row)
    except _NoShapeError:
        return None
    return Shape(re.compile(pattern + _SPACE + b"(?=<)"), dict.fromkeys(maker.columns))


class _Maker:
    """Gathers the pattern of one row, and its columns in the order of the pattern's groups."""

    def __init__(self, types: Mapping[str, DataType], quote: bytes) -> None:
        self._types = types
        self._value = _VALUE[quote]
        self.columns: list[str] = []

    def row(self, row: Any) -> bytes:
        """Give the pattern."""
        name = _name(row)
        attributes = b"".join(self._attributes(row, ""))
        if len(row):
            return self._around(name, attributes, self._children(row, "", 0))
        if row.text or not row.attrib:
            raise _NoShapeError
        # One attribute at least: without any, and empty, a row is a column of its own.
        return b"<" + name + rb"(?=[ \t]++[^ \t/>])" + attributes + rb"[ \t]*+/>"

    def _around(self, name: bytes, attributes: bytes, children: bytes) -> bytes:
        """An element with children: one at least, or the spaces within would be its text."""
        start = b"<" + name + attributes + rb"[ \t]*+>" + _SPACE + rb"(?=<[^/])"
        return start + children + b"</" + name + rb"[ \t]*+>"

    def _attributes(self, element: Any, prefix: str) -> Iterator[bytes]:
        for name in element.attrib:
            if "}" in name:
                raise _NoShapeError
            self._column(prefix + name)
            yield rb"(?:[ \t]++" + re.escape(name.encode()) + b"=" + self._value + b")?+"

    def _children(self, element: Any, prefix: str, depth: int) -> bytes:
        names = [child.tag for child in element]
        if depth > DEEPEST or len(set(names)) != len(names):
            raise _NoShapeError
        return b"".join(b"(?:" + self._child(child, prefix, depth) + _SPACE + b")?+" for child in element)

    def _child(self, child: Any, prefix: str, depth: int) -> bytes:
        column = prefix + str(child.tag).rpartition("}")[2]
        kind = self._types.get(column)
        if kind is not None and (kind.name == "list" or (kind.name == "json" and (len(child) or child.attrib))):
            raise _NoShapeError
        name = _name(child)
        if len(child):
            attributes = b"".join(self._attributes(child, column + "."))
            return self._around(name, attributes, self._children(child, column + ".", depth + 1))
        attributes = b"".join(self._attributes(child, column + "."))
        self._column(column)
        end = b"</" + name + rb"[ \t]*+>"
        if kind is not None and kind.name in ("string", "binary"):
            return b"<" + name + attributes + rb"[ \t]*+>(" + _TEXT + b"*+)" + end
        return b"<" + name + attributes + rb"[ \t]*+(?:>(" + _TEXT + b"++)?+" + end + b"|/>)"

    def _column(self, name: str) -> None:
        if name in self.columns or len(self.columns) == MOST:
            raise _NoShapeError
        self.columns.append(name)


def _name(element: Any) -> bytes:
    name = str(element.tag).rpartition("}")[2]
    return re.escape((f"{element.prefix}:{name}" if element.prefix else name).encode())
