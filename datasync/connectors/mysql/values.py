"""Columns of bytes as the server writes them in, columns of exact values out; what cannot be held is said, never bent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from datasync.connectors.mysql.types import Column
from datasync.contract.types import BOOL, DataType, polars_type
from datasync.errors import PermanentError

_FORMS = {19: "%Y-%m-%d %H:%M:%S", 23: "%Y-%m-%d %H:%M:%S.%3f", 26: "%Y-%m-%d %H:%M:%S.%6f"}
"""How many bytes the server writes for a date with its time, and how they are read."""


def frame_of(cells: Sequence[pl.Series], columns: Sequence[Column], hints: Mapping[str, DataType]) -> pl.DataFrame:
    """Make a frame of one batch.

    Args:
        cells: a column of Binary each.
        columns: how each was read.
        hints: what the first gate declares: a column with a cell that is no such value stays text there, so that only its
            row is set aside.

    Raises:
        PermanentError: a zero date, a time beyond 24 hours or a number of too many digits in a column that no gate casts.
    """
    return pl.DataFrame([_typed(series, column, hints) for series, column in zip(cells, columns, strict=True)])


def _typed(series: pl.Series, column: Column, hints: Mapping[str, DataType]) -> pl.Series:
    kind, hint = column.type, hints.get(column.name)
    if kind is not None and kind.name == "binary":
        return series.alias(column.name)
    text = series.cast(pl.String).alias(column.name)
    if kind is None or kind.is_text:
        return text
    values = _values(text, kind)
    if values.null_count() != series.null_count():
        return _left_as_text(text, column, hint)
    if hint == BOOL and kind.is_integer:
        # MySQL has no booleans: a column of integers is one where the contract says so and every cell agrees.
        return values.cast(pl.Boolean) if values.is_between(0, 1).all() else text
    return values


def _values(text: pl.Series, kind: DataType) -> pl.Series:
    """Read what the server writes; a cell that is no such value becomes null."""
    if kind.name == "bool":
        return text.cast(pl.UInt8, strict=False).cast(pl.Boolean)
    if kind.name == "date":
        return text.str.to_date("%Y-%m-%d", strict=False)
    if kind.name == "time":
        return text.str.to_time("%H:%M:%S%.f", strict=False)
    if kind.name == "timestamp":
        naive = _instants(text)
        return naive.dt.replace_time_zone(kind.zone) if kind.zone else naive
    if kind.name == "float32":
        return text.cast(pl.Float64, strict=False).cast(pl.Float32)
    return text.cast(polars_type(kind), strict=False)


def _instants(text: pl.Series) -> pl.Series:
    """Read dates with times; where all are written alike, as a column's are, by a format that polars reads five times as fast."""
    lengths = text.str.len_bytes()
    shortest, form = lengths.min(), _FORMS.get(lengths.max())  # type: ignore[arg-type]
    if form is not None and shortest == lengths.max():
        values = text.str.strptime(pl.Datetime("us"), form, strict=False, cache=False)
        if values.null_count() == text.null_count():
            return values
    return text.str.strptime(pl.Datetime("us"), "%Y-%m-%d %H:%M:%S%.f", strict=False)


def _left_as_text(text: pl.Series, column: Column, hint: DataType | None) -> pl.Series:
    if hint is None:
        raise PermanentError(
            f"column {column.name} holds a value that is no {column.type}, such as a zero date or a time beyond 24 hours",
            code="E_SOURCE_VALUE",
            hint=f"declare it in source.columns, or read CAST({column.name} AS CHAR) in a query",
        )
    zoned = column.type is not None and column.type.zone is not None
    return text + "+00:00" if zoned else text
