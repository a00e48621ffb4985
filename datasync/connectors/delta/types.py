"""A contract's type in, the type as which a Delta table keeps it exactly out; names that Delta cannot keep are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from datasync.contract.types import STRING, DataType, of_polars
from datasync.errors import TargetMismatch, did_you_mean
from datasync.seams import TargetSpec

if TYPE_CHECKING:
    from deltalake import DeltaTable

_WIDER = {"uint8": DataType("int16"), "uint16": DataType("int32"), "uint32": DataType("int64"), "json": STRING, "uuid": STRING,
          "uint64": DataType("decimal", precision=20, scale=0)}  # fmt: skip
_NO_NAME = frozenset(" ,;{}()\n\t=")
"""Characters that names of Delta's columns may not have, for the Parquet files of other engines."""


def kept(kind: DataType) -> DataType:
    """Name the type that holds `kind`: unsigned integers as wider ones, instants in UTC, timestamps as microseconds.

    Raises:
        TargetMismatch: Delta has none.
    """
    if kind.name == "time":
        raise TargetMismatch("delta cannot hold time", hint="string, or int64 with the seconds of the day")
    if kind.name == "timestamp":
        if kind.unit == "ns":
            raise TargetMismatch(f"delta cannot hold {kind} exactly", hint="its timestamps have microseconds: timestamp[us]")
        return replace(kind, unit="us", zone="UTC" if kind.zone else None)
    if kind.name == "list":
        assert kind.item is not None
        return replace(kind, item=kept(kind.item))
    return _WIDER.get(kind.name, kind)


def columns_of(table: DeltaTable) -> dict[str, DataType | None]:
    """Give a table's columns; None for types that no contract can name (struct, map, …)."""
    import polars as pl
    import pyarrow as pa

    schema = pa.schema(table.schema())
    found: dict[str, DataType | None] = {}
    for entry in schema:
        try:
            series = pl.from_arrow(pa.array([], entry.type))
            found[entry.name] = of_polars(series.dtype)  # type: ignore[union-attr]
        except (ValueError, pl.exceptions.PolarsError, pa.ArrowException):
            found[entry.name] = None
    return found


def check_names(spec: TargetSpec, name: str) -> None:
    """Refuse names that a Delta table cannot keep.

    Raises:
        TargetMismatch: a character that Parquet files of other engines may not have, or two names that differ in case alone.
    """
    seen: dict[str, str] = {}
    for column in spec.columns:
        if not column or not column.isprintable() or _NO_NAME & set(column):
            raise TargetMismatch(f"{name}: delta cannot hold the name '{column[:40]}'", hint="no space and none of ,;{}()= in it")
        other = seen.setdefault(column.lower(), column)
        if other != column:
            raise TargetMismatch(f"{name}: delta takes the columns {other} and {column} for one", hint="rename one of them")


def additions(spec: TargetSpec, found: Mapping[str, DataType | None], name: str) -> tuple[str, ...]:
    """Give the columns that a table lacks.

    Raises:
        TargetMismatch: a column has another type, or one of the key is missing.
    """
    added = []
    for column, kind in spec.columns.items():
        if column not in found:
            if column in spec.key:
                raise TargetMismatch(
                    f"{name} has no column {column}, which is part of the contract's key", hint=did_you_mean(column, found)
                )
            added.append(column)
        elif found[column] != kept(kind):
            there = found[column] or "of a type that no contract can name"
            raise TargetMismatch(
                f"{name}.{column} is {there}, the contract's {kind} needs {kept(kind)}",
                hint="change the contract's type, or migrate the table: datasync never alters a column's type",
            )
    return tuple(added)
