"""The JSON text of a cell in, the values within it as text for a cast out: numbers keep their digits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Any, NoReturn

from datasync.contract.types import DataType


class Number(str):
    """A JSON number as it is written."""

    __slots__ = ()


class BadJsonError(ValueError):
    """A text is no JSON document, or holds text that is no Unicode."""


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse)


def read_json(text: str) -> Any:
    """Read one document (RFC 8259).

    Raises:
        BadJsonError: it is none.
    """
    try:
        found = _DECODER.decode(text)
        # Half a surrogate pair is no text that a column could hold.
        if "\\u" in text:
            to_json(found).encode()
    except (ValueError, RecursionError) as error:
        raise BadJsonError from error
    return found


def to_json(value: Any) -> str:
    """Write what `read_json` gave."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode_basestring(key)}:{to_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    return json.dumps(value)


def cell_of(value: Any, kind: DataType) -> str | None:
    """Give the text that is cast to `kind`: JSON for json and what has parts, else the value's own text; null is missing."""
    if value is None:
        return None
    if kind.name == "json" or isinstance(value, dict | list):
        return to_json(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def member(value: Any, steps: Sequence[str | int]) -> Any:
    """Follow a path into a document; None where it leads nowhere."""
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value
