"""Frames in, the values that SQLite stores exactly out; and those values into frames of the contract's types again.

Decimals are text with all digits of their scale, timestamps `YYYY-MM-DD HH:MM:SS.ffffff` (zoned ones in UTC, with
`+00:00`), dates and times ISO text, booleans 0 and 1, lists JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from datasync.casting import cast_column
from datasync.contract.types import DataType, polars_type
from datasync.errors import PermanentError
from datasync.seams import POSITION


def stored_frame(frame: pl.DataFrame, columns: Mapping[str, DataType]) -> pl.DataFrame:
    """Give columns the form in which SQLite stores them.

    Args:
        frame: typed as `columns` says, and `POSITION` where the run has it.
        columns: name to type.

    Raises:
        PermanentError: a column has another type, or a value that SQLite would alter.
    """
    made = []
    for name, dtype in frame.schema.items():
        if name == POSITION:
            made.append(frame[name])
            continue
        kind = columns[name]
        if dtype != polars_type(kind):
            raise PermanentError(f"column {name} arrives as {dtype}, the contract says {kind}", code="E_STAGING_TYPE")
        _refuse(frame[name], kind)
        made.append(_stored(frame[name], kind))
    return pl.DataFrame(made)


def _refuse(series: pl.Series, kind: DataType) -> None:
    """Refuse values that SQLite has no form for."""
    reason = ""
    if kind.is_float and series.is_nan().any():
        reason = "NaN, which SQLite would store as NULL"
    elif kind.is_text and series.str.contains("\0", literal=True).any():
        reason = "text with NUL, which SQLite's functions would cut off"
    elif kind.name == "time" and (series.cast(pl.Int64) % 1000 != 0).any():
        reason = "times with nanoseconds; SQLite keeps microseconds here"
    if reason:
        raise PermanentError(f"column {series.name} has {reason}", code="E_VALUE")


def _stored(series: pl.Series, kind: DataType) -> pl.Series:
    if kind.name == "bool":
        return series.cast(pl.Int8)
    if kind.name in ("decimal", "date"):
        return series.cast(pl.String)
    if kind.name == "time":
        return series.dt.strftime("%H:%M:%S%.6f")
    if kind.name == "timestamp":
        instants = series.dt.convert_time_zone("UTC") if kind.zone else series
        text = instants.cast(pl.Datetime("us", "UTC" if kind.zone else None)).dt.strftime("%Y-%m-%d %H:%M:%S%.6f")
        return text + "+00:00" if kind.zone else text
    if kind.name == "list" and kind.item is not None:
        return pl.Series(series.name, [_array(cell, kind.item) for cell in series], dtype=pl.String)
    return series


def _array(cell: pl.Series | None, item: DataType) -> str | None:
    """Write a list as a JSON array; elements that JSON has no exact form for are text."""
    if cell is None:
        return None
    _refuse(cell, item)
    if item.name == "bool":
        return json.dumps(cell.to_list())
    if item.name == "binary":
        return json.dumps([None if value is None else value.hex() for value in cell])
    if item.name == "list" and item.item is not None:
        inner = item.item
        return "[" + ", ".join(_array(value, inner) or "null" for value in cell) + "]"
    return json.dumps(_stored(cell, item).to_list(), ensure_ascii=False, allow_nan=False)


def typed_frame(names: Sequence[str], rows: Iterable[Sequence[Any]], columns: Mapping[str, DataType]) -> pl.DataFrame:
    """Make a frame of rows as SQLite gives them.

    Args:
        names: of the rows' columns.
        rows: at least one.
        columns: name to type of those that the contract knows; others are typed by what they hold.
    """
    cells = zip(*rows, strict=True)
    return pl.DataFrame([_typed(name, list(values), columns.get(name)) for name, values in zip(names, cells, strict=True)])


def _typed(name: str, values: list[Any], kind: DataType | None) -> pl.Series:
    if kind is None:
        return pl.Series(name, values, strict=False)
    wanted = polars_type(kind)
    if kind.name == "bool":
        return pl.Series(name, values, dtype=pl.Int8).cast(wanted)
    if kind.is_float:
        return pl.Series(name, values, dtype=pl.Float64).cast(wanted)
    if kind.is_integer or kind.is_text or kind.name == "binary":
        return pl.Series(name, values, dtype=wanted)
    typed, bad = cast_column(pl.Series(name, values, dtype=pl.String), kind)
    if bad.any():
        raise PermanentError(f"column {name} holds a value that is no {kind}", code="E_VALUE")
    return typed
