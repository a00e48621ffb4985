"""Frames in, Arrow batches that COPY stores exactly out; and what ADBC reads back into frames of the contract's types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from datasync.contract.types import DataType, polars_type
from datasync.errors import PermanentError
from datasync.seams import POSITION

if TYPE_CHECKING:
    import pyarrow as pa


def wire_frame(frame: pl.DataFrame, columns: Mapping[str, DataType]) -> pl.DataFrame:
    """Give columns the form in which binary COPY takes their values: a uuid as its 16 bytes, uint64 as a decimal.

    Args:
        frame: typed as `columns` says, and `POSITION` where the run has it.
        columns: name to type.

    Raises:
        PermanentError: a column has another type (the driver would store naive and zoned timestamps alike), or a time of day
            has nanoseconds.
    """
    casts = []
    for name, dtype in frame.schema.items():
        if name == POSITION:
            continue
        kind = columns[name]
        if dtype != polars_type(kind):
            raise PermanentError(f"column {name} arrives as {dtype}, the contract says {kind}", code="E_STAGING_TYPE")
        made = _wire(pl.col(name), kind)
        if made is not None:
            casts.append(made.alias(name))
        if kind.name == "time" and frame.select((pl.col(name).cast(pl.Int64) % 1000 != 0).any()).item():
            raise PermanentError(f"column {name} has times with nanoseconds, postgres keeps microseconds", code="E_VALUE")
    return frame.with_columns(casts) if casts else frame


def _wire(column: pl.Expr, kind: DataType) -> pl.Expr | None:
    if kind.name == "uuid":
        return column.str.replace_all("-", "", literal=True).str.decode("hex")
    if kind.name == "uint64":
        return column.cast(pl.Decimal(20, 0))
    if kind.name == "list" and kind.item is not None:
        made = _wire(pl.element(), kind.item)
        return None if made is None else column.list.eval(made)
    return None


def arrow_batches(frame: pl.DataFrame) -> list[pa.RecordBatch]:
    """Give a frame's record batches; they share its memory."""
    return list(frame.to_arrow().to_batches())


def typed_frame(batch: pa.RecordBatch, columns: Mapping[str, DataType]) -> pl.DataFrame:
    """Read a batch that ADBC gave; numerics arrive as text there, uuids as bytes.

    Args:
        batch: of staged columns, and others that no contract types.
        columns: name to type of those that have one.
    """
    import pyarrow as pa

    arrays = [_plain(array) for array in batch.columns]
    table = pa.Table.from_arrays(arrays, names=batch.schema.names)
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    casts = [_unwired(pl.col(name), kind, frame.schema[name]) for name, kind in columns.items() if name in frame.columns]
    return frame.with_columns(casts)


def _plain(array: Any) -> Any:
    """Take the storage of extension types, inside lists too."""
    import pyarrow as pa

    if isinstance(array.type, pa.ExtensionType) or hasattr(array, "storage"):
        array = array.storage
    if pa.types.is_fixed_size_binary(array.type):
        return array.cast(pa.binary())
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        # The offsets are kept as they stand: only the elements change.
        values = _plain(array.values)
        return (
            pa.ListArray.from_arrays(array.offsets, values, mask=array.is_null())
            if len(array)
            else array.cast(pa.list_(values.type))
        )
    return array


def _unwired(column: pl.Expr, kind: DataType, found: pl.DataType) -> pl.Expr:
    wanted = polars_type(kind)
    if kind.name == "uuid" and found == pl.Binary:
        digits = column.bin.encode("hex")
        return digits.str.replace(r"^(.{8})(.{4})(.{4})(.{4})(.{12})$", "$1-$2-$3-$4-$5")
    if kind.name == "uint64" and found == pl.String:
        return column.cast(wanted)
    if kind.name == "timestamp" and kind.zone is not None:
        return column.dt.convert_time_zone(kind.zone).cast(wanted)
    if kind.name == "list" and kind.item is not None and isinstance(found, pl.List):
        return column.list.eval(_unwired(pl.element(), kind.item, found.inner)).cast(wanted)  # type: ignore[arg-type]
    return column.cast(wanted)
