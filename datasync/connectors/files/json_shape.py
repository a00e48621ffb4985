"""An object of JSON in, the shape of all objects with such keys in this order out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from datasync.connectors.files.shapes import UTF8, Shape
from datasync.contract.types import DataType

MOST = 400
"""Values in an object, at most: pages of pattern take long to compile."""
DEEPEST = 6
_TEXT = rb"(?:[ !#-\[\]-\x7f]++|\\(?:[\"\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})|" + UTF8 + rb")*+"
"""What may stand in quotes, but for escaped surrogates: only the exact reader knows whether they are pairs."""
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
_PLAIN = rb'(?:"' + _TEXT + rb'"|' + _NUMBER + rb"|true|false|null)"


def json_shape(row: Mapping[str, Any], types: Mapping[str, DataType], tail: bytes, space: bytes) -> Shape | None:
    """Make the shape of an object; keys may be missing in others, their order is the same.

    Args:
        row: the object, parsed; no key of it stands twice.
        types: what the contract declares.
        tail: pattern of what stands behind an object.
        space: pattern of what may stand between tokens; nothing: only compact text fits.

    Returns:
        The shape, or None: it is empty, too large or too deep.
    """
    if not row or _size(row, 0) > MOST:
        return None
    parts = []
    columns: dict[str, Any] = {}
    for name, value in row.items():
        kind = types.get(name)
        text = kind is not None and kind.name == "string"
        parts.append(_member(name, rb'(?:"(' + _TEXT + rb')"|null)' if text else b"(" + _value(value, space) + b")", space))
        columns[name] = _unescaped if text else _missing if kind is not None and kind.name == "json" else _unquoted
    return Shape(re.compile(rb"\{" + space + b"".join(parts) + rb"\}" + tail), columns)


def _size(value: Any, depth: int) -> int:
    if depth > DEEPEST:
        return MOST + 1
    if isinstance(value, dict):
        return sum(_size(inner, depth + 1) for inner in value.values()) + 1
    return 2 * _size(value[0], depth + 1) if isinstance(value, list) and value else 1


def _member(name: str, value: bytes, space: bytes) -> bytes:
    """A key and its value, or neither: behind a comma another key comes, before an end no comma stands."""
    key = re.escape(json.dumps(name, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    return b"(?:" + key + space + b":" + space + value + space + b"(?:," + space + rb'(?=")|(?=\})))?+'


def _value(value: Any, space: bytes) -> bytes:
    """What may stand where a value stood: another plain one, an array of such as its first, an object with such keys."""
    if isinstance(value, dict) and value:
        members = b"".join(_member(name, _value(inner, space), space) for name, inner in value.items())
        return rb"(?:\{" + space + members + rb"\}|" + _PLAIN + b")"
    item = _value(value[0], space) if isinstance(value, list) and value else _PLAIN
    listed = item + space + b"(?:," + space + item + space + b")*+"
    return rb"(?:" + _PLAIN + rb"|\[" + space + b"(?:" + listed + rb")?+\])"


def _missing(text: pl.Series) -> pl.Series:
    """JSON as it is written."""
    return pl.select(pl.when(text != "null").then(text)).to_series()


def _unquoted(text: pl.Series) -> pl.Series:
    """Strings without their quotes, null as missing, anything else as it is written."""
    quoted = text.str.starts_with('"')
    if not quoted.any():
        return _missing(text)
    inside = text.str.slice(1).str.head(-1)
    strings = _unescaped(pl.select(pl.when(quoted).then(inside)).to_series())
    return pl.select(pl.when(quoted).then(strings).when(text != "null").then(text)).to_series()


def _unescaped(text: pl.Series) -> pl.Series:
    escaped = text.str.contains("\\", literal=True).fill_null(False)
    if not escaped.any():
        return text
    return text.scatter(escaped.arg_true(), [json.loads(f'"{cell}"') for cell in text.filter(escaped)])
