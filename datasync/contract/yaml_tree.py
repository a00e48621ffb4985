"""YAML text in, plain values with the line and column of every key and value out; bounded and free of surprises.

Scalars follow YAML 1.2's core schema: `no`, `on` and `1:30` are text. What an author could mean in two ways (`012`, a key that
stands twice, a tag) is a problem, said with its place. Events come from PyYAML's parser; composing them is ours, because its own
composer keeps the last of two equal keys and shares what aliases repeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from datasync.errors import ContractError, Problem

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_NODES = 50_000
Path = tuple[str | int, ...]

_INTEGER = re.compile(r"^[+-]?(?:0|[1-9][0-9_]*)$")
_FLOAT = re.compile(r"^[+-]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?$|^[+-]?\.[0-9_]+(?:[eE][+-]?[0-9]+)?$")
_LEADING_ZERO = re.compile(r"^[+-]?0[0-9_]+$")
_BASED = re.compile(r"^0(?:x[0-9a-fA-F]+|o[0-7]+)$")
_NOT_FINITE = re.compile(r"^[+-]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "TRUE": True,
                          "false": False, "False": False, "FALSE": False}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key and its value stand; lines and columns count from 1."""

    line: int
    column: int
    value_line: int = 0
    value_column: int = 0


@dataclass(slots=True)
class Tree:
    """What a document holds.

    Attributes:
        value: mappings, tuples, text, integers, Decimals, booleans and None.
        places: for the path of every key and item, where it stands.
        problems: what is wrong with the text itself.
    """

    value: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Give the place of a path, or of its nearest parent that stands in the text."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return Place(1, 1, 1, 1)


def read_tree(content: bytes, file: str = "") -> Tree:
    """Read one YAML document.

    Args:
        content: UTF-8.
        file: its name, for problems.

    Returns:
        The tree, with the problems of the text; values next to a problem are there as far as they make sense.

    Raises:
        ContractError: the text cannot be read at all: too large, not UTF-8, or its syntax is broken.
    """
    text = _decode(content, file)
    composer = _Composer(file)
    try:
        composer.read(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        hint = "indent with spaces, not tabs" if "\t" in _line(text, line) else ""
        found = f"this is not YAML: {error.problem or error.context or 'unreadable'}"
        raise ContractError([Problem("", found, hint=hint, file=file, line=line, column=column, code="E_YAML")]) from error
    except yaml.YAMLError as error:
        found = f"this is not YAML: {str(error)[:120]}"
        raise ContractError([Problem("", found, file=file, line=1, column=1, code="E_YAML")]) from error
    return composer.tree


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _decode(content: bytes, file: str) -> str:
    if len(content) > MAX_BYTES:
        found = f"the file has {len(content):,} bytes"
        raise ContractError([Problem("", found, f"at most {MAX_BYTES:,}", file=file, line=1, column=1, code="E_YAML")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        found = "this is not UTF-8"
        raise ContractError([Problem("", found, "UTF-8 text", file=file, line=line, column=column, code="E_YAML")]) from error


class _Bounded(Exception):
    """The document is larger or deeper than allowed."""


class _Composer:
    """Builds the tree from parser events."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.tree = Tree()
        self.nodes = 0
        self.anchors: set[str] = set()

    def read(self, events: Iterator[Any]) -> None:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._problem((), event.start_mark, "a second document", "one document in a file")
                    return
                continue
            if isinstance(event, yaml.StreamStartEvent | yaml.DocumentEndEvent | yaml.StreamEndEvent):
                continue
            try:
                self.tree.value = self._value(event, events, ())
            except _Bounded:
                return

    def _value(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            found = f"more than {MAX_NODES:,} values" if self.nodes > MAX_NODES else "nested too deep"
            self._problem(path, event.start_mark, found, f"at most {MAX_DEPTH} levels and {MAX_NODES:,} values")
            raise _Bounded
        if isinstance(event, yaml.AliasEvent):
            self._problem(path, event.start_mark, f"the alias *{event.anchor}", "values written out", "aliases are not expanded")
            return None
        if event.anchor is not None:
            self._problem(path, event.start_mark, f"the anchor &{event.anchor}", "values written out", "aliases are not expanded")
        if event.tag is not None and not (isinstance(event, yaml.ScalarEvent) and event.tag == "!"):
            self._problem(path, event.start_mark, f"the tag {event.tag[:60]}", "plain values", "tags are not read")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        return self._scalar(event, path)

    def _mapping(self, events: Iterator[Any], path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, events, path)
            value = next(events)
            if key is None:
                self._value(value, events, (*path, "?"))
                continue
            here = (*path, key)
            start = event.start_mark
            if key in found:
                first = self.tree.places[here].line
                self._problem(
                    here, start, f"the key '{key}' stands twice, first in line {first}", "each key once", code="E_DUPLICATE_KEY"
                )
                self._value(value, events, (*path, "?"))
                continue
            self.tree.places[here] = Place(
                start.line + 1, start.column + 1, value.start_mark.line + 1, value.start_mark.column + 1
            )
            found[key] = self._value(value, events, here)
        return found

    def _key(self, event: Any, events: Iterator[Any], path: Path) -> str | None:
        if not isinstance(event, yaml.ScalarEvent):
            self._problem(path, event.start_mark, "a key that is not text", "keys are words")
            self._value(event, events, (*path, "?"))
            return None
        if event.value == "<<" and event.implicit[0]:
            self._problem(path, event.start_mark, "a merge key <<", "values written out", "aliases are not expanded")
            return None
        return str(event.value)

    def _sequence(self, events: Iterator[Any], path: Path) -> tuple[Any, ...]:
        found: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            here = (*path, len(found))
            line, column = event.start_mark.line + 1, event.start_mark.column + 1
            self.tree.places[here] = Place(line, column, line, column)
            found.append(self._value(event, events, here))
        return tuple(found)

    def _scalar(self, event: Any, path: Path) -> Any:
        text = event.value
        if not event.implicit[0] or event.style:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.match(text):
            return int(text.replace("_", ""))
        if _BASED.match(text):
            return int(text, 0)
        if _LEADING_ZERO.match(text):
            self._problem(path, event.start_mark, f"the number {text} with a leading zero", f"'{text}' as text, or {int(text)}",
                          "quote it if the zero matters", code="E_LEADING_ZERO")  # fmt: skip
            return text
        if _FLOAT.match(text):
            return Decimal(text.replace("_", ""))
        if _NOT_FINITE.match(text):
            self._problem(path, event.start_mark, text, "a finite number, or text in quotes")
            return text
        return text

    def _problem(self, path: Path, mark: Any, found: str, *words: str, code: str = "E_YAML") -> None:
        where = dotted(path)
        allowed, hint = (*words, "", "")[:2]
        self.tree.problems.append(Problem(where, found, allowed, hint, self.file, mark.line + 1, mark.column + 1, code))


def dotted(path: Path) -> str:
    """Write a path as people do: `rules[0].rule`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
