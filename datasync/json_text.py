"""JSON text in, values whose numbers keep their digits out, and the text of such values again."""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

_CONSTANTS = {None: "null", True: "true", False: "false"}


class Number(str):
    """A JSON number as it is written."""

    __slots__ = ()


def decoder(constant: Callable[[str], Any], pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> json.JSONDecoder:
    """Make a reader of documents (RFC 8259) whose numbers become `Number`.

    Args:
        constant: gives a value for NaN and Infinity, which JSON does not have, or raises.
        pairs: makes an object; default: a dict, in which the last of equal keys stays.
    """
    return json.JSONDecoder(object_pairs_hook=pairs, parse_int=Number, parse_float=Number, parse_constant=constant)


def to_json(value: Any, other: Callable[[Any], str] = json.dumps) -> str:
    """Write what a `decoder` gave: numbers as they stood, no blanks.

    Args:
        value: None, a bool, text, a `Number`, or dicts and lists of such.
        other: writes or refuses a value of any other type.
    """
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is Number:
        return str(value)
    if kind is dict:
        return "{" + ",".join(f"{encode_basestring(key)}:{to_json(item, other)}" for key, item in value.items()) + "}"
    if kind is list:
        return "[" + ",".join(to_json(item, other) for item in value) + "]"
    return _CONSTANTS[value] if value is None or kind is bool else other(value)


def whole(text: str) -> bool:
    """Tell whether a text is Unicode: JSON can write half a surrogate pair, which is no character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
