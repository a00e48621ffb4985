"""Pieces of JSON in, rows whose numbers keep their digits out, or why a piece is no row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from datasync.connectors.files.content import Content
from datasync.connectors.files.json_shape import json_shape
from datasync.connectors.files.rows import NotARowError, Row, Run
from datasync.connectors.files.shapes import Known, Shape, Shapes
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.json_text import Number, decoder, whole

LONGEST = 64 << 20
"""Bytes of one line, at most."""
BLOCK = 1 << 20
BOM = b"\xef\xbb\xbf"


class Raw(str):
    """A JSON value as it is written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank, or the text of an object that may span lines, with the number of its (first) line, from 1."""

    number: int
    raw: bytes


def unknown(data: bytes, at: int, line: int) -> Run | None:
    """See `shapes.Known`: none is known."""
    return None


def lines(content: Content, known: Known = unknown) -> Iterator[Line | Run]:
    """Give a file's lines.

    Args:
        content: the file.
        known: gives several lines at once, where it can.

    Raises:
        PermanentError: a line is longer than any line should be.
    """
    with content.open() as stream:
        number, at = 1, 0
        data = stream.read(max(BLOCK, len(BOM))).removeprefix(BOM)
        while True:
            if run := known(data, at, number):
                at, number = run.end, run.next_line
                yield run
                continue
            end = data.find(b"\n", at) + 1
            if (end or len(data)) - at > LONGEST:
                raise PermanentError(f"{content.name}: line {number} has more than {LONGEST >> 20} MB", code="E_LIMIT")
            if not end and (block := stream.read(max(BLOCK, len(data) - at))):
                data, at = data[at:] + block, 0
                continue
            raw = data[at : end or len(data)]
            if not raw:
                return
            if not raw.isspace():
                yield Line(number, raw)
            at, number = at + len(raw), number + 1


@dataclass(frozen=True, slots=True)
class Pieces:
    """How a file holds objects.

    Attributes:
        cut: gives their texts, and runs of those that are known.
        space: pattern of what may stand between an object's tokens.
        behind: pattern of what stands behind an object that another one follows, and such a text.
    """

    cut: Callable[[Content, Known], Iterator[Line | Run]]
    space: bytes
    behind: tuple[bytes, bytes]


LINES = Pieces(lines, rb"[ \t\r]*+", (rb"[ \t\r]*+\n", b"\n"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotARowError("a key stands twice")
    return found


def _constant(word: str) -> None:
    raise NotARowError(f"{word} is no JSON")


_EXACT = decoder(_constant, _object)
_QUICK = json.JSONDecoder(parse_int=len, parse_float=len)


class JsonRows:
    """See `rows.Rows`: objects of JSON, however a file holds them.

    Args:
        pieces: gives the objects' texts.
        types: what the contract declares.
    """

    def __init__(self, pieces: Pieces, types: Mapping[str, DataType]) -> None:
        self._pieces = pieces
        self._types = types
        self._json = frozenset(name for name, kind in types.items() if kind.name == "json")
        self._shapes = Shapes()

    def keys(self, content: Content) -> Iterator[str]:
        """Give the keys of all objects; what is no row has none."""
        seen: set[str] = set()
        for line in self._pieces.cut(content, self._shapes.skip):
            if isinstance(line, Run):
                continue
            try:
                found = _QUICK.decode(line.raw.decode())
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                self._missed(line, found)
                fresh = [key for key in found if key not in seen]
                seen.update(fresh)
                yield from (key for key in fresh if whole(key))

    def rows(self, content: Content, names: list[str]) -> Iterator[Row | Run]:
        """Give the objects' values."""
        types = self._types
        for line in self._pieces.cut(content, self._shapes.run):
            if isinstance(line, Run):
                yield line
                continue
            size = len(line.raw)
            try:
                row = row_of(line.raw, self._json)
                yield Row(line.number, size, {name: text_of(row.get(name), name, types.get(name)) for name in names})
            except NotARowError as problem:
                text = line.raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
                yield Row(line.number, size, {}, str(problem), text)

    def _missed(self, line: Line, row: dict[str, Any]) -> None:
        """Learn its shape, if it is time and the row has one."""
        behind, sample = self._pieces.behind
        raw = line.raw.strip() + sample

        def made() -> Shape | None:
            return next(
                (
                    shape
                    for space in (b"", self._pieces.space)
                    if (shape := json_shape(row, self._types, behind, space)) and shape.pattern.match(raw)
                ),
                None,
            )

        self._shapes.missed(raw, made)


def first_rows(contents: Iterable[Content], pieces: Pieces, rows: int) -> list[Any]:
    """Give the first objects of files as `row_of` reads them, at most so many; what is no row is passed over."""
    found: list[Any] = []
    for line in (line for content in contents for line in pieces.cut(content, unknown)):
        if len(found) >= rows:
            break
        if isinstance(line, Line):
            with suppress(NotARowError):
                found.append(row_of(line.raw))
    return found


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
        if b"\\u" in raw and not whole(json.dumps(row, ensure_ascii=False)):
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
