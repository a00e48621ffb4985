"""The types of one column in two tables in, what its values mean in both out: the family that they are compared as."""

from __future__ import annotations

from typing import Literal, get_args

from datasync.contract.types import DataType

Family = Literal[
    "integer",
    "decimal",
    "float",
    "bool",
    "date",
    "time",
    "timestamp",
    "instant",
    "uuid",
    "binary",
    "list",
    "json",
    "text",
    "other",
]
"""`instant` is a timestamp with a zone, in UTC; `other` is a type that no contract can name, or cells of no declared type."""

TEXTS: tuple[Family, ...] = ("text", "json", "other")
"""Families whose text may be anything."""
_ORDERED: tuple[tuple[Family, ...], ...] = (
    ("integer", "decimal"),
    ("integer", "bool"),
    ("decimal", "bool"),
    ("integer", "float"),
    ("decimal", "float"),
    ("bool", "float"),
    ("date", "timestamp"),
    ("date", "instant"),
    ("timestamp", "instant"),
    ("text", "uuid"),
    ("text", "list"),
    ("json", "list"),
)
"""Pairs of families whose values can be the same; they are compared as the second."""


def family_of(kind: DataType | None) -> Family:
    """Give the family of a contract's type."""
    if kind is None:
        return "other"
    if kind.is_integer:
        return "integer"
    if kind.is_float:
        return "float"
    if kind.name == "timestamp":
        return "instant" if kind.zone else "timestamp"
    named: dict[str, Family] = {word: word for word in get_args(Family)}
    return named.get(kind.name, "text")


def joined(first: Family, second: Family) -> Family:
    """Give the family as which values of two families are compared; text where they have nothing in common."""
    if first == second:
        return first
    for pair in _ORDERED:
        if {first, second} == set(pair):
            return pair[1]
    # Text may be how a system without the other's type writes it (SQLite, a CSV): it is read as the other's.
    for one, other in ((first, second), (second, first)):
        if one in TEXTS:
            return "text" if other in TEXTS else other
    return "text"
