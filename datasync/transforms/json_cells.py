"""The JSON text of a cell in, the values within it as text for a cast out: numbers keep their digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from datasync.contract.types import DataType
from datasync.json_text import decoder, to_json, whole


class BadJsonError(ValueError):
    """A text is no JSON document, or holds text that is no Unicode."""


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


_DECODER = decoder(_refuse)


def read_json(text: str) -> Any:
    """Read one document (RFC 8259).

    Raises:
        BadJsonError: it is none.
    """
    try:
        found = _DECODER.decode(text)
        sound = "\\u" not in text or whole(to_json(found))
    except (ValueError, RecursionError) as error:
        raise BadJsonError from error
    if not sound:
        raise BadJsonError("half of a surrogate pair")
    return found


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
