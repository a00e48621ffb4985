"""A SELECT in a DuckDB file in, its rows as frames in the contract's types out, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

from datasync.connectors.duckdb.engine import Handle
from datasync.contract.types import DataType, polars_type

if TYPE_CHECKING:
    import pyarrow as pa


def stream(handle: Handle, sql: str, columns: Mapping[str, DataType], batch_rows: int = 250_000) -> Iterator[pl.DataFrame]:
    """Run a SELECT and give its rows in the contract's types; in a cursor of its own, so that other statements may run meanwhile.

    Args:
        handle: the file.
        sql: the SELECT.
        columns: the contract's.
        batch_rows: rows per frame, at most.
    """
    with handle.statements() as connection:
        cursor = connection.cursor()
        try:
            for frame in frames(cursor.sql(sql).to_arrow_reader(batch_rows)):
                yield typed(frame, columns)
        finally:
            cursor.close()


def frames(batches: Iterable[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
    """Give Arrow batches as frames, but for those without rows."""
    for batch in batches:
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        if frame.height:
            yield frame


def typed(frame: pl.DataFrame, columns: Mapping[str, DataType]) -> pl.DataFrame:
    """Give columns that DuckDB holds in another form the contract's type again."""
    casts = []
    for name, dtype in frame.schema.items():
        kind = columns.get(name)
        if kind is None or dtype == polars_type(kind):
            continue
        column = pl.col(name)
        if kind.name == "timestamp" and kind.zone is not None and isinstance(dtype, pl.Datetime):
            column = column.dt.convert_time_zone(kind.zone)
        casts.append(column.cast(polars_type(kind)))
    return frame.with_columns(casts) if casts else frame
