"""A transform in, the checks by which it may set rows aside out: one list for gates, reports and replays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from datasync.contract.processing import Flatten, ParseJson, Processor

REFUSING = ("cast", "map_values", "parse_json", "flatten", "explode", "lookup")
"""Kinds of checks that transforms judge, and no gate."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A check of a transform: rows that break it cannot be carried on.

    Attributes:
        check: its name, `COLUMN.KIND`.
        column: what it reads.
        expected: what must be there, in words.
    """

    check: str
    kind: str
    column: str
    expected: str


def refusals(item: Processor) -> Iterator[Refusal]:
    """Give the checks by which one transform may set rows aside."""
    for name, kind in (item.cast or {}).items():
        yield _refusal("cast", name, str(kind))
    if item.map_values is not None and item.map_values.default == "reject":
        yield _refusal("map_values", item.map_values.column, "a value of the map")
    if item.parse_json is not None:
        yield from _members("parse_json", item.parse_json, "a JSON object or list")
    if item.flatten is not None:
        yield from _members("flatten", item.flatten, "a JSON object")
    if item.explode is not None:
        yield _refusal("explode", item.explode.column, "a list")
    if item.lookup is not None and item.lookup.missing == "reject":
        yield _refusal("lookup", next(iter(item.lookup.by)), "a key of the other table")


def _members(kind: str, wanted: ParseJson | Flatten, whole: str) -> Iterator[Refusal]:
    yield _refusal(kind, wanted.column, whole)
    for name, (_, field) in wanted.members().items():
        if name != wanted.column:
            yield _refusal(kind, name, str(field.type))


def _refusal(kind: str, column: str, expected: str) -> Refusal:
    return Refusal(f"{column}.{kind}", kind, column, expected)
