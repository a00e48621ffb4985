"""PostgreSQL's type of a result column in, the contract's type and how the column is selected exactly out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType, parse_type

NUMERIC, NUMERIC_LIST = 1700, 1231
_PLAIN = {
    16: "bool", 17: "binary", 19: "string", 20: "int64", 21: "int16", 23: "int32", 25: "string", 700: "float32", 701: "float64",
    1042: "string", 1043: "string", 1082: "date", 1083: "time", 1114: "timestamp[us]", 1184: "timestamp[us, UTC]",
    1000: "list<bool>", 1001: "list<binary>", 1003: "list<string>", 1005: "list<int16>", 1007: "list<int32>",
    1009: "list<string>", 1014: "list<string>",
    1015: "list<string>", 1016: "list<int64>", 1021: "list<float32>", 1022: "list<float64>",
    1115: "list<timestamp[us]>", 1182: "list<date>", 1185: "list<timestamp[us, UTC]>",
}  # fmt: skip
"""Types whose Arrow form the driver gives exactly."""

_CAST = {
    26: ("bigint", "int64"), 114: ("text", "json"), 3802: ("text", "json"), 2950: ("text", "uuid"), 142: ("text", "string"),
    650: ("text", "string"), 869: ("text", "string"), 774: ("text", "string"), 829: ("text", "string"),
    1560: ("text", "string"), 1562: ("text", "string"),
    199: ("text[]", "list<json>"), 3807: ("text[]", "list<json>"), 2951: ("text[]", "list<uuid>"),
    1041: ("text[]", "list<string>"), 651: ("text[]", "list<string>"), 1183: ("text[]", "list<string>"),
}  # fmt: skip
"""Types that the server writes as another one first: json, uuid, xml, networks, bits, object ids."""

TEXT_NAMES = ("citext",)
"""Types of extensions that are text."""


@dataclass(frozen=True, slots=True)
class Found:
    """A result column as the server describes it: `modifier` is its typmod, `label` its type in words, `kind` its typtype."""

    name: str
    oid: int
    modifier: int
    label: str = ""
    kind: str = "b"


@dataclass(frozen=True, slots=True)
class Column:
    """How a column is read.

    Attributes:
        type: the contract's type of what arrives; None: text that the gate casts, or a type that cannot be read (`refused`).
        cast: SQL type that the server casts to; empty: as it is.
        decimals: text (or a list of text) that becomes `type` here.
        refused: the server's type, when no contract can name it.
        digits: of a second, that a moment keeps.
    """

    name: str
    type: DataType | None
    cast: str = ""
    decimals: bool = False
    refused: str = ""
    digits: int = 6

    @property
    def is_list(self) -> bool:
        return self.type is not None and self.type.name == "list"

    def selected(self) -> str:
        """The column's expression in a SELECT list."""
        quoted = quote_identifier(self.name, "postgres")
        return f"{quoted}::{self.cast} AS {quoted}" if self.cast else quoted


def column_of(found: Found, hints: Mapping[str, DataType]) -> Column:
    """Decide how a column is read.

    Args:
        found: as described.
        hints: what the first gate declares; gives a numeric without digits its own.
    """
    if found.oid in (NUMERIC, NUMERIC_LIST):
        return _numeric(found, hints.get(found.name))
    if found.oid in _PLAIN:
        return Column(found.name, parse_type(_PLAIN[found.oid]), digits=found.modifier if found.modifier >= 0 else 6)
    if found.oid in _CAST:
        cast, kind = _CAST[found.oid]
        return Column(found.name, parse_type(kind), cast)
    if found.kind == "e" or found.label in TEXT_NAMES:
        return Column(found.name, DataType("string"), "text")
    return Column(found.name, None, refused=found.label or f"of type {found.oid}")


def _numeric(found: Found, hint: DataType | None) -> Column:
    """A numeric becomes the decimal that its typmod says, else the one the contract declares, else stays text."""
    digits = modifier_digits(found.modifier)
    if found.oid == NUMERIC:
        declared = digits or (hint if hint is not None and hint.name == "decimal" else None)
        return Column(found.name, declared, "text", decimals=declared is not None)
    item = digits or (hint.item if hint is not None and hint.item is not None and hint.item.name == "decimal" else None)
    return Column(found.name, DataType("list", item=item or DataType("string")), "text[]", decimals=item is not None)


def modifier_digits(modifier: int) -> DataType | None:
    """Read precision and scale from a numeric's typmod; None without one, or beyond what a contract's decimal holds.

    Source: `numeric_typmod_precision` and `numeric_typmod_scale` of PostgreSQL's numeric.c.
    """
    if modifier < 4:
        return None
    precision, scale = ((modifier - 4) >> 16) & 0xFFFF, (((modifier - 4) & 0x7FF) ^ 1024) - 1024
    if precision > 38 or not 0 <= scale <= precision:
        return None
    return DataType("decimal", precision=precision, scale=scale)
