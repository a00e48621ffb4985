"""Type names of a contract in, typed values out: Arrow's names with SQL's common aliases.

Pure Python: polars and pyarrow are imported only inside the functions that speak of them, so that parsing a DAG stays light.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

Unit = Literal["s", "ms", "us", "ns"]
Dialect = Literal["duckdb", "sqlite", "postgres", "mysql", "oracle"]

ALIASES = {
    "int": "int32", "integer": "int32", "bigint": "int64", "smallint": "int16", "tinyint": "int8",
    "int2": "int16", "int4": "int32", "int8_t": "int8",
    "float": "float64", "double": "float64", "double precision": "float64", "real": "float32",
    "halffloat": "float32", "text": "string", "varchar": "string", "str": "string", "char": "string",
    "large_string": "string", "utf8": "string", "boolean": "bool", "date32": "date", "bytes": "binary",
    "bytea": "binary", "blob": "binary", "timestamptz": "timestamp[us, UTC]", "datetime": "timestamp",
    "jsonb": "json",
}  # fmt: skip
"""Other spellings of a type, each mapped to the one we use."""

INTEGERS = {
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
"""Integer types with their inclusive range."""

FLOATS = ("float32", "float64")
PLAIN = (*INTEGERS, *FLOATS, "bool", "string", "binary", "date", "time", "json", "uuid")

_DECIMAL = re.compile(r"^(?:decimal|numeric|decimal128)\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)$")
_TIMESTAMP = re.compile(r"^timestamp(?:\[\s*(s|ms|us|ns)\s*(?:,\s*(?:tz\s*=\s*)?([A-Za-z0-9_+\-/:]+)\s*)?\])?$")
_LIST = re.compile(r"^list<\s*(.+?)\s*>$")
_SIZED_TEXT = re.compile(r"^(?:varchar|char|character varying)\(\s*\d+\s*\)$")


@dataclass(frozen=True, slots=True)
class DataType:
    """A column's type.

    Attributes:
        name: `int64`, `decimal`, `timestamp`, `list`, … (one of `PLAIN`, or `decimal`, `timestamp`, `list`).
        precision: total digits of a decimal (1 to 38).
        scale: digits after the point of a decimal.
        unit: resolution of a timestamp; `us` unless written.
        zone: IANA zone of a timestamp; None: naive.
        item: the element type of a list.
    """

    name: str
    precision: int = 0
    scale: int = 0
    unit: Unit = "us"
    zone: str | None = None
    item: DataType | None = None

    def __str__(self) -> str:
        if self.name == "decimal":
            return f"decimal({self.precision},{self.scale})"
        if self.name == "timestamp":
            return f"timestamp[{self.unit}, {self.zone}]" if self.zone else f"timestamp[{self.unit}]"
        if self.name == "list":
            return f"list<{self.item}>"
        return self.name

    @property
    def is_integer(self) -> bool:
        return self.name in INTEGERS

    @property
    def is_float(self) -> bool:
        return self.name in FLOATS

    @property
    def is_numeric(self) -> bool:
        return self.is_integer or self.is_float or self.name == "decimal"

    @property
    def is_text(self) -> bool:
        """Held as text: string, and json and uuid, which are text that was checked."""
        return self.name in ("string", "json", "uuid")

    @property
    def is_temporal(self) -> bool:
        return self.name in ("date", "timestamp", "time")

    @property
    def is_ordered(self) -> bool:
        """May stand in `min`, `max` and comparisons."""
        return self.is_numeric or self.is_temporal or self.name == "string"


STRING = DataType("string")
BOOL = DataType("bool")
INT64 = DataType("int64")
FLOAT64 = DataType("float64")
DATE = DataType("date")
TIMESTAMP_UTC = DataType("timestamp", zone="UTC")


def parse_type(text: str) -> DataType:
    """Read a type as an author writes it.

    Args:
        text: e.g. `int64`, `bigint`, `decimal(12,2)`, `timestamp[us, Asia/Seoul]`, `list<string>`.

    Returns:
        The type.

    Raises:
        ValueError: the text names no type, or a decimal, unit or zone is out of range; the message says what is allowed.
    """
    word = " ".join(text.strip().split())
    lowered = word.lower()
    lowered = ALIASES.get(lowered, lowered)
    if lowered in PLAIN:
        return DataType(lowered)
    if _SIZED_TEXT.match(lowered):
        raise ValueError(f"a length is not part of a type: write string and max_length, not '{word}'")
    if match := _DECIMAL.match(lowered):
        return _decimal(int(match[1]), int(match[2] or 0))
    if lowered in ("decimal", "numeric"):
        raise ValueError("a decimal needs its digits: decimal(precision, scale)")
    if match := _LIST.match(word if word.lower().startswith("list") else lowered):
        return DataType("list", item=parse_type(match[1]))
    spelled = word if lowered.startswith("timestamp[") and not word.lower().startswith("timestamptz") else lowered
    if match := _TIMESTAMP.match(re.sub(r"(?i)^timestamp", "timestamp", spelled)):
        return DataType("timestamp", unit=match[1] or "us", zone=_zone(match[2]))  # type: ignore[arg-type]
    raise ValueError(
        f"'{word}' is not a type; known: {', '.join(PLAIN)}, decimal(p,s), timestamp[unit], timestamp[unit, zone], list<type>"
    )


def _decimal(precision: int, scale: int) -> DataType:
    if not 1 <= precision <= 38 or scale > precision:
        raise ValueError(f"decimal({precision},{scale}): precision is 1 to 38 and the scale at most the precision")
    return DataType("decimal", precision=precision, scale=scale)


def _zone(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"'{name}' is not an IANA time zone, such as UTC or Asia/Seoul") from error
    return name


def polars_type(kind: DataType) -> pl.DataType:
    """Give the polars type that holds values of `kind`; json and uuid are text there."""
    import polars as pl

    if kind.name == "decimal":
        return pl.Decimal(kind.precision, kind.scale)
    if kind.name == "timestamp":
        # polars has no seconds: milliseconds hold them all.
        return pl.Datetime("ms" if kind.unit == "s" else kind.unit, kind.zone)
    if kind.name == "list":
        assert kind.item is not None
        return pl.List(polars_type(kind.item))
    names = {
        "int8": pl.Int8, "int16": pl.Int16, "int32": pl.Int32, "int64": pl.Int64,
        "uint8": pl.UInt8, "uint16": pl.UInt16, "uint32": pl.UInt32, "uint64": pl.UInt64,
        "float32": pl.Float32, "float64": pl.Float64, "bool": pl.Boolean, "binary": pl.Binary, "date": pl.Date, "time": pl.Time,
    }  # fmt: skip
    return names.get(kind.name, pl.String)()


def of_polars(dtype: pl.DataType) -> DataType:
    """Give the contract type of a polars type.

    Raises:
        ValueError: a type no contract can name (struct, duration, object, …).
    """
    import polars as pl

    if isinstance(dtype, pl.Decimal):
        return DataType("decimal", precision=dtype.precision or 38, scale=dtype.scale)
    if isinstance(dtype, pl.Datetime):
        return DataType("timestamp", unit=dtype.time_unit, zone=dtype.time_zone)
    if isinstance(dtype, pl.List):
        return DataType("list", item=of_polars(dtype.inner))  # type: ignore[arg-type]
    simple = {
        pl.String: "string", pl.Categorical: "string", pl.Enum: "string", pl.Boolean: "bool", pl.Binary: "binary",
        pl.Date: "date", pl.Time: "time", pl.Float32: "float32", pl.Float64: "float64",
    }  # fmt: skip
    if type(dtype) in simple:
        return DataType(simple[type(dtype)])
    if dtype.is_integer() and (name := type(dtype).__name__.lower()) in INTEGERS:
        return DataType(name)
    raise ValueError(f"{dtype} has no counterpart in a contract")


def arrow_type(kind: DataType) -> pa.DataType:
    """Give the Arrow type that holds values of `kind`; json and uuid are text there."""
    import pyarrow as pa

    if kind.name == "decimal":
        return pa.decimal128(kind.precision, kind.scale)
    if kind.name == "timestamp":
        return pa.timestamp(kind.unit, kind.zone)
    if kind.name == "list":
        assert kind.item is not None
        return pa.list_(arrow_type(kind.item))
    names = {"bool": pa.bool_(), "binary": pa.binary(), "date": pa.date32(), "time": pa.time64("ns"), "string": pa.string()}
    if kind.is_integer or kind.is_float:
        return getattr(pa, kind.name)()
    return names.get(kind.name, pa.string())
