"""Frames as the driver gives them in, frames of exact values out; what cannot be held is said, never bent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from datasync.casting import cast_column
from datasync.connectors.postgres.types import Column
from datasync.contract.types import DataType, polars_type
from datasync.errors import PermanentError

DIMENSIONS = "__datasync_dimensions_"
"""Hidden columns: dimensions of an array, which the driver would flatten."""

_DAY_US = 86_400_000_000
_RANGES = {"date": (-719_162, 2_932_896), "timestamp": (-719_162 * _DAY_US, 2_932_897 * _DAY_US - 1)}
"""First and last value of years 1 to 9999, in days or microseconds since 1970."""


def select_list(columns: Sequence[Column]) -> str:
    """Give the SELECT list that reads these columns exactly."""
    dimensions = [
        f"array_ndims({column.selected().partition(' AS ')[0]}) AS {DIMENSIONS}{number}"
        for number, column in enumerate(columns)
        if column.is_list
    ]
    return ", ".join([*(column.selected() for column in columns), *dimensions])


def rebatched(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Cut a stream of frames into frames of `rows` rows; the last is shorter."""
    held: list[pl.DataFrame] = []
    height = 0
    for frame in frames:
        held.append(frame)
        height += frame.height
        if height < rows:
            continue
        whole = pl.concat(held) if len(held) > 1 else held[0]
        full = height - height % rows
        for start in range(0, full, rows):
            yield whole.slice(start, rows)
        held, height = ([whole.slice(full)], height - full) if height > full else ([], 0)
    if height:
        yield pl.concat(held) if len(held) > 1 else held[0]


def exact(frame: pl.DataFrame, columns: Sequence[Column], hints: Mapping[str, DataType]) -> pl.DataFrame:
    """Make a frame's columns what the reading says they are.

    Args:
        frame: one batch, with the hidden columns of `select_list`.
        columns: how each was read.
        hints: what the first gate declares; a numeric that is no such decimal stays text there, so that
            only its row is set aside.

    Raises:
        PermanentError: an infinite date, a year outside 1 to 9999, an array of two dimensions, or NaN in a numeric
            that no gate casts.
    """
    made: list[pl.Series] = []
    for number, column in enumerate(columns):
        series = frame.get_column(column.name)
        if column.is_list:
            _one_dimension(frame.get_column(f"{DIMENSIONS}{number}"), column.name)
        if column.decimals and column.type is not None:
            series = _decimals(series, column.type, column.name in hints)
        elif column.type is not None:
            _in_range(series, column.type, column.name)
        made.append(series)
    return pl.DataFrame(made)


def _one_dimension(dimensions: pl.Series, name: str) -> None:
    greatest = dimensions.max()
    if isinstance(greatest, int) and greatest > 1:
        raise _refused(name, "an array of more than one dimension", "to_json")


def _decimals(series: pl.Series, kind: DataType, judged: bool) -> pl.Series:
    if kind.name == "list":
        try:
            return series.cast(polars_type(kind))
        except pl.exceptions.PolarsError as error:
            raise _refused(series.name, f"an element that is no {kind.item}", "text") from error
    values = series.cast(polars_type(kind), strict=False)
    # The server writes exactly as many digits as the typmod says; a declared type may be narrower, and then digits count.
    if values.null_count() == series.null_count() and _same_digits(series, kind):
        return values
    values, bad = cast_column(series, kind)
    if not bad.any():
        return values
    if judged:
        return series
    raise _refused(series.name, f"a value that is no {kind}", "text")


def _same_digits(series: pl.Series, kind: DataType) -> bool:
    fraction = rf"\.[0-9]{{{kind.scale}}}$" if kind.scale else r"^-?[0-9]+$"
    return bool(series.str.contains(fraction).all())


def _in_range(series: pl.Series, kind: DataType, name: str) -> None:
    if kind.name == "list" and kind.item is not None:
        if kind.item.is_temporal:
            _in_range(series.explode(), kind.item, name)
        return
    if kind.name not in _RANGES:
        return
    low, high = _RANGES[kind.name]
    physical = series.to_physical()
    least, greatest = physical.min(), physical.max()
    if isinstance(least, int) and isinstance(greatest, int) and (least < low or greatest > high):
        raise _refused(name, "infinity or a year outside 1 to 9999", "text")


def _refused(name: str, what: str, cast: str) -> PermanentError:
    written = f"to_json({name})::text" if cast == "to_json" else f"{name}::text"
    return PermanentError(
        f"column {name} holds {what}, which no contract can name", code="E_SOURCE_VALUE", hint=f"read {written} in a query"
    )
