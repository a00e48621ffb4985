"""Pieces of JSON in, rows whose numbers keep their digits out, or why a piece is no row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from datasync.connectors.files.content import Content
from datasync.connectors.files.rows import NotARowError, Row
from datasync.contract.types import DataType
from datasync.errors import PermanentError

LONGEST = 64 << 20
"""Bytes of one line, at most."""
BOM = b"\xef\xbb\xbf"


class Number(str):
    """A JSON number as it is written."""

    __slots__ = ()


class Raw(str):
    """A JSON value as it is written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank, or the text of an object that may span lines, with the number of its (first) line, from 1."""

    number: int
    raw: bytes


def lines(content: Content) -> Iterator[Line]:
    """Give a file's lines.

    Raises:
        PermanentError: a line is longer than any line should be.
    """
    with content.open() as stream:
        number = 0
        while raw := stream.readline(LONGEST + 1):
            number += 1
            if len(raw) > LONGEST:
                raise PermanentError(f"{content.name}: line {number} has more than {LONGEST >> 20} MB", code="E_LIMIT")
            if number == 1:
                raw = raw.removeprefix(BOM)
            if not raw.isspace() and raw:
                yield Line(number, raw)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotARowError("a key stands twice")
    return found


def _constant(word: str) -> None:
    raise NotARowError(f"{word} is no JSON")


_EXACT = json.JSONDecoder(object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=_constant)
_QUICK = json.JSONDecoder(parse_int=len, parse_float=len)


class JsonRows:
    """See `rows.Rows`: objects of JSON, however a file holds them.

    Args:
        pieces: gives the objects' texts.
        types: what the contract declares.
    """

    def __init__(self, pieces: Callable[[Content], Iterator[Line]], types: Mapping[str, DataType]) -> None:
        self._pieces = pieces
        self._types = types
        self._json = frozenset(name for name, kind in types.items() if kind.name == "json")

    def keys(self, content: Content) -> Iterator[str]:
        """Give the keys of all objects; what is no row has none."""
        seen: set[str] = set()
        for line in self._pieces(content):
            try:
                found = _QUICK.decode(line.raw.decode())
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict) and not found.keys() <= seen:
                fresh = [key for key in found if key not in seen]
                seen.update(fresh)
                yield from (key for key in fresh if _sound(key))

    def rows(self, content: Content, names: list[str]) -> Iterator[Row]:
        """Give the objects' values."""
        types = self._types
        for line in self._pieces(content):
            size = len(line.raw)
            try:
                row = row_of(line.raw, self._json)
                yield Row(line.number, size, {name: text_of(row.get(name), name, types.get(name)) for name in names})
            except NotARowError as problem:
                text = line.raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
                yield Row(line.number, size, {}, str(problem), text)


def _sound(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def row_of(raw: bytes, json_columns: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Read one object.

    Args:
        raw: its text, alone.
        json_columns: keys whose values stay JSON, whatever they are.

    Returns:
        Key to value: None, text, `Number`, True, False, or for nested and `json_columns` a `Raw`, as it is written.

    Raises:
        NotARowError: it is no JSON object, or one that no row can be made of.
    """
    try:
        text = raw.decode().rstrip("\r\n")
        row = _EXACT.decode(text)
        if not isinstance(row, dict):
            raise NotARowError("no JSON object")
        if b"\\u" in raw and not _sound(json.dumps(row, ensure_ascii=False)):
            raise NotARowError("half of a surrogate pair, which is no character")
    except UnicodeDecodeError:
        raise NotARowError("bytes that are not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotARowError(f"no JSON from character {error.pos + 1} on") from None
    except RecursionError:
        raise NotARowError("nested too deeply") from None
    for name, value in row.items():
        if value is not None and (type(value) in _NESTED or name in json_columns):
            return _raw_values(text, row, json_columns)
    return row


_NESTED = (dict, list)
_SPACE = re.compile(r"[ \t\n\r]*")


def _raw_values(text: str, row: dict[str, Any], json_columns: frozenset[str]) -> dict[str, Any]:
    """Take nested values as they stand in the text of an object that is known to be sound."""
    found: dict[str, Any] = {}
    at = _after(text, text.index("{") + 1)
    while text[at] == '"':
        name, at = scanstring(text, at + 1)
        at = _after(text, _after(text, at) + 1)
        value, end = _EXACT.scan_once(text, at)  # type: ignore[attr-defined]
        raw = value is not None and (type(value) in _NESTED or name in json_columns)
        found[name] = Raw(text[at:end]) if raw else row[name]
        at = _after(text, end)
        if text[at] == "}":
            break
        at = _after(text, at + 1)
    return found


def _after(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def text_of(value: Any, name: str, kind: DataType | None) -> str | None:
    """Give a cell as text: strings without their quotes, anything else as it is written.

    Raises:
        NotARowError: the contract says string and the value is none: `7` and `"7"` are not the same.
    """
    if value is None or type(value) is str:
        return value
    if kind is not None and kind.name == "string":
        raise NotARowError(f"{name}: {_what(value)} where the contract says string")
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


def _what(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    return "a number" if type(value) is Number else "an object or array"
