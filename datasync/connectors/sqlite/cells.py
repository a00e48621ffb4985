"""Declared types and cells of SQLite in, columns of exact values out.

SQLite keeps a storage class per cell, whatever the column is declared as: a column becomes what its declaration means only
where every cell of the batch is exactly that, else it stays as it is stored, and mixed cells are text that the gate casts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from datasync.casting import cast_column
from datasync.contract.types import BOOL, DATE, INT64, STRING, TIMESTAMP_UTC, DataType
from datasync.errors import PermanentError

_STORED = {
    "BOOLEAN_INTEGER": BOOL, "DATE_TEXT": DATE, "TIME_TEXT": DataType("time"), "JSON_TEXT": DataType("json"),
    "UUID_TEXT": DataType("uuid"), "TIMESTAMP_TEXT": DataType("timestamp"), "TIMESTAMPTZ_TEXT": TIMESTAMP_UTC,
}  # fmt: skip
"""Types that our own tables are declared with."""
_DIGITS = re.compile(r"^DECIMAL_TEXT\(\s*([0-9]+)\s*,\s*([0-9]+)\s*\)$")
EXACT_IN_FLOAT = 2**53


def declared_type(spelled: str) -> DataType | None:
    """Give the contract's type of a declared type; None where the name does not say what the cells are.

    Source: section 3.1 of "Datatypes In SQLite" for the order of the words.
    """
    name = " ".join(spelled.upper().split())
    if name in _STORED:
        return _STORED[name]
    if match := _DIGITS.match(name):
        return DataType("decimal", precision=int(match[1]), scale=int(match[2]))
    if name in ("BOOLEAN", "BOOL"):
        return BOOL
    if name == "LIST_TEXT":
        return None
    for words, kind in ((("INT",), INT64), (("CHAR", "CLOB", "TEXT"), STRING), (("BLOB",), DataType("binary"))):
        if any(word in name for word in words):
            return kind
    return DataType("float64") if any(word in name for word in ("REAL", "FLOA", "DOUB")) else None


def stored_by_us(spelled: str) -> bool:
    """Tell whether a declared type is one that only our own targets write: its text has one form."""
    name = " ".join(spelled.upper().split())
    return name in _STORED or _DIGITS.match(name) is not None


def column(name: str, cells: Sequence[Any], declared: DataType | None, hint: DataType | None) -> pl.Series:
    """Make a column of a batch's cells.

    Args:
        name: the column's.
        cells: as the driver gives them: int, float, str, bytes or None.
        declared: by the table.
        hint: by the first gate.

    Raises:
        PermanentError: bytes stand among cells of another class.
    """
    classes = {type(cell) for cell in cells} - {type(None)}
    if not classes:
        return _empty(name, cells, declared)
    if classes == {int}:
        return _integers(name, cells, declared, hint)
    if classes == {float}:
        return pl.Series(name, cells, dtype=pl.Float64)
    if classes == {str}:
        return _text(pl.Series(name, cells, dtype=pl.String), declared)
    if classes == {bytes}:
        return pl.Series(name, cells, dtype=pl.Binary)
    if bytes in classes:
        raise PermanentError(
            f"column {name} holds BLOBs among other values", code="E_SOURCE_VALUE", hint=f"read hex({name}) or a CAST in a query"
        )
    return _mixed(name, cells, declared, hint)


def _empty(name: str, cells: Sequence[Any], declared: DataType | None) -> pl.Series:
    from datasync.contract.types import polars_type

    return pl.Series(name, cells, dtype=polars_type(declared or STRING))


def _integers(name: str, cells: Sequence[Any], declared: DataType | None, hint: DataType | None) -> pl.Series:
    series = pl.Series(name, cells, dtype=pl.Int64)
    if BOOL in (declared, hint) and series.is_between(0, 1).all():
        return series.cast(pl.Boolean)
    return series


def _text(series: pl.Series, declared: DataType | None) -> pl.Series:
    if declared is None or declared.is_text or (declared.is_numeric and declared.name != "decimal"):
        return series
    if declared.name in ("bool", "binary"):
        return series
    values, bad = cast_column(series, declared)
    return series if bad.any() else values


def _mixed(name: str, cells: Sequence[Any], declared: DataType | None, hint: DataType | None) -> pl.Series:
    """Whole numbers among floats are floats when they are exact; everything else is text."""
    numbers = all(not isinstance(cell, str) for cell in cells)
    floats = any(kind is not None and kind.is_float for kind in (declared, hint)) or (declared is None and hint is None)
    exact = all(not isinstance(cell, int) or abs(cell) <= EXACT_IN_FLOAT for cell in cells)
    if numbers and floats and exact:
        return pl.Series(name, [None if cell is None else float(cell) for cell in cells], dtype=pl.Float64)
    text = [cell if cell is None or isinstance(cell, str) else repr(cell) for cell in cells]
    return pl.Series(name, text, dtype=pl.String)
