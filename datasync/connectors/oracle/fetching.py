"""A SELECT of a session and the contract's types in, frames of exactly these types out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from datasync.casting import cast_column
from datasync.connectors.oracle.engine import Session
from datasync.connectors.oracle.types import column_of, exact
from datasync.connectors.sql.column import select_list
from datasync.contract.types import DataType, polars_type
from datasync.errors import PermanentError

BATCH_ROWS = 100_000


def frames(session: Session, sql: str, kinds: Mapping[str, DataType], batch_rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
    """Run one SELECT and give its rows.

    Args:
        session: runs it.
        sql: without an ORDER BY.
        kinds: name to type of all its columns.
        batch_rows: rows per frame, at most.

    Raises:
        PermanentError: a value is none of its type.
    """
    columns = [column_of(field) for field in session.fields(sql)]
    for frame in session.frames(f"SELECT {select_list(columns)} FROM ({sql}) q", batch_rows):
        read = exact(frame, columns, frozenset(kinds))
        yield pl.DataFrame([as_kind(series, kinds[series.name]) for series in read.iter_columns()])


def as_kind(series: pl.Series, kind: DataType) -> pl.Series:
    """Give what Oracle holds the contract's type: booleans are numbers there, dates have a time of day.

    Raises:
        PermanentError: it holds something else.
    """
    if kind.name == "bool" and series.dtype != pl.Boolean:
        numbers, bad = cast_column(series, DataType("int8"))
        values = numbers.cast(pl.Boolean)
        bad = bad | ~numbers.is_in([0, 1]).fill_null(True)
    elif kind.zone is not None and isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is not None:
        return series.dt.convert_time_zone(kind.zone).cast(polars_type(kind))
    elif kind.name == "date" and isinstance(series.dtype, pl.Datetime):
        values = series.dt.date()
        bad = (values.cast(series.dtype) != series).fill_null(False)
    else:
        values, bad = cast_column(series, kind)
    if bad.any():
        raise PermanentError(f"column {series.name} holds a value that is no {kind}", code="E_VALUE")
    return values
