"""Types of a contract in, the values at their edges out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl

from datasync.contract.types import INTEGERS, DataType, parse_type, polars_type


@dataclass(frozen=True, slots=True)
class Edge:
    """A type and its edge values, under a name that a kind can say it lacks."""

    name: str
    kind: DataType
    values: tuple[Any, ...]


_OTHERS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("float32", "float32", (1.5, -3.4028234663852886e38, 0.0)),
    ("float64", "float64", (0.1, 1.7976931348623157e308, 5e-324, -1.5)),
    ("negative_zero", "float64", (-0.0, 0.0)),
    ("nan", "float64", (float("nan"), float("inf"), 1.0)),
    ("bool", "bool", (True, False)),
    ("string", "string", ("a", "é😀 한글", 'it\'s "quoted", \\ back; -- % {x} :y', "NULL", "NA", "001")),
    ("empty_string", "string", ("", "a")),
    ("newlines", "string", ("a\nb", "tab\tbed", "c\r\nd")),
    ("spaces", "string", (" a ", "  ")),
    ("binary", "binary", (b"\x00\xff", b"a")),
    ("empty_binary", "binary", (b"",)),
    ("date", "date", (date(1, 1, 1), date(1969, 12, 31), date(9999, 12, 31))),
    ("time", "time", (time(0), time(23, 59, 59, 999999))),
    ("timestamp_s", "timestamp[s]", (datetime(1969, 12, 31, 23, 59, 59), datetime(2024, 2, 29))),
    ("timestamp_ms", "timestamp[ms]", (datetime(1969, 12, 31, 23, 59, 59, 1000), datetime(2024, 2, 29))),
    ("timestamp_us", "timestamp[us]", (datetime(1000, 1, 1, 0, 0, 0, 1), datetime(9999, 12, 31, 23, 59, 59, 999999))),
    ("utc", "timestamp[us, UTC]", (datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC), datetime(2024, 3, 10, tzinfo=UTC))),
    ("seoul", "timestamp[us, Asia/Seoul]", (datetime(2024, 3, 10, 15, tzinfo=UTC), datetime(1987, 5, 9, 15, tzinfo=UTC))),
    ("decimal18", "decimal(18,4)", (Decimal("-99999999999999.9999"), Decimal("0.0001"), Decimal("0"))),
    ("decimal38", "decimal(38,10)", (Decimal("-9999999999999999999999999999.0123456789"), Decimal("1e-10"))),
    ("uuid", "uuid", ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",)),
    ("json", "json", ('{"b": 1,  "a": [1, 2.50]}', "1.0", "[]")),
    ("list", "list<int64>", ([1, None, 2**63 - 1], [])),
    ("list_of_text", "list<string>", (["a,b", None, 'q"', ""], [])),
)


def edges() -> list[Edge]:
    """Give every type's edges."""
    whole = [Edge(name, DataType(name), bounds) for name, bounds in INTEGERS.items()]
    return [*whole, *(Edge(name, parse_type(kind), values) for name, kind, values in _OTHERS)]


def frame_of(columns: Mapping[str, DataType], rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """Make a typed frame of rows; zoned timestamps are given as any instants."""
    cells = list(zip(*rows, strict=True)) if rows else [() for _ in columns]
    return pl.DataFrame([_series(name, kind, values) for (name, kind), values in zip(columns.items(), cells, strict=True)])


def _series(name: str, kind: DataType, values: Sequence[Any]) -> pl.Series:
    if kind.zone is None:
        return pl.Series(name, values, dtype=polars_type(kind))
    instants = pl.Series(name, values, dtype=pl.Datetime("us", "UTC"))
    return instants.dt.convert_time_zone(kind.zone).cast(polars_type(kind))
