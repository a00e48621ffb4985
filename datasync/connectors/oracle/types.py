"""Oracle's description of a result column in, the contract's type and how the column is selected exactly out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl

from datasync.casting import cast_column
from datasync.connectors.sql.column import FormedColumn
from datasync.contract.types import BOOL, STRING, DataType, Dialect, Unit, polars_type
from datasync.errors import PermanentError

_NUMBER_TEXT = "TO_CHAR({}, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"
"""All digits of a number, whatever the session's language."""
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""First and last second of years 1 to 9999, since 1970."""


@dataclass(frozen=True, slots=True)
class Column(FormedColumn):
    """How a column of Oracle is read."""

    dialect: ClassVar[Dialect] = "oracle"


def column_of(field: Any) -> Column:
    """Decide how a column is read.

    Args:
        field: oracledb's `FetchInfo`: name, type_code (a `DbType`), precision and scale.
    """
    name, kind = field.name, field.type_code.name.removeprefix("DB_TYPE_")
    if kind in _TEXTS:
        return Column(name, STRING)
    return _MAKERS[kind](field) if kind in _MAKERS else Column(name, None, refused=kind)


def _number(field: Any) -> Column:
    precision, scale = field.precision or 0, field.scale or 0
    if 0 < precision <= 18 and scale == 0:
        return Column(field.name, DataType("int64"))
    if 0 < precision <= 38 and 0 <= scale <= precision:
        return Column(field.name, DataType("decimal", precision=precision, scale=scale), _NUMBER_TEXT)
    # NUMBER and FLOAT say nothing of digits: the gate casts what is written.
    return Column(field.name, None, _NUMBER_TEXT)


def _timestamp(field: Any) -> Column:
    return Column(field.name, DataType("timestamp", unit=_unit(field)))


def _instant(field: Any) -> Column:
    # The driver drops the zone: the server says the instant in UTC.
    return Column(field.name, DataType("timestamp", unit=_unit(field), zone="UTC"), "SYS_EXTRACT_UTC({})")


def _unit(field: Any) -> Unit:
    return "ns" if (field.scale if field.scale is not None else 6) > 6 else "us"


_TEXTS = ("VARCHAR", "NVARCHAR", "CHAR", "NCHAR", "LONG", "LONG_NVARCHAR", "CLOB", "NCLOB")
_MAKERS: dict[str, Callable[[Any], Column]] = {
    "NUMBER": _number,
    "BINARY_INTEGER": lambda field: Column(field.name, DataType("int64")),
    "BINARY_FLOAT": lambda field: Column(field.name, DataType("float32")),
    "BINARY_DOUBLE": lambda field: Column(field.name, DataType("float64")),
    "DATE": lambda field: Column(field.name, DataType("timestamp", unit="s")),
    "TIMESTAMP": _timestamp,
    "TIMESTAMP_TZ": _instant,
    "TIMESTAMP_LTZ": _instant,
    "RAW": lambda field: Column(field.name, DataType("binary")),
    "LONG_RAW": lambda field: Column(field.name, DataType("binary")),
    "BLOB": lambda field: Column(field.name, DataType("binary")),
    "BOOLEAN": lambda field: Column(field.name, BOOL),
    "JSON": lambda field: Column(field.name, DataType("json"), "JSON_SERIALIZE({} RETURNING CLOB)"),
    "ROWID": lambda field: Column(field.name, STRING, "ROWIDTOCHAR({})"),
}
"""Types that a contract can name; intervals, objects, XML, files, cursors and vectors are refused."""


def meant(frame: pl.DataFrame, kinds: Mapping[str, DataType]) -> pl.DataFrame:
    """Give numbers and days that a contract calls booleans and dates these types, where every cell is one.

    Servers before 23 have no booleans, and a DATE has a time of day.
    """
    made = []
    for name, kind in kinds.items():
        series = frame[name] if name in frame.columns else None
        if series is None:
            continue
        if kind.name == "bool" and series.dtype.is_integer() and series.is_in([0, 1]).all():
            made.append(series.cast(pl.Boolean))
        elif kind.name == "date" and isinstance(series.dtype, pl.Datetime) and (series.dt.truncate("1d") == series).all():
            made.append(series.dt.date())
    return frame.with_columns(made)


def exact(frame: pl.DataFrame, columns: Sequence[Column], judged: frozenset[str]) -> pl.DataFrame:
    """Make a frame's columns what the reading says they are.

    Args:
        frame: one batch as the driver gives it, columns in the order of `columns`.
        columns: how each was read.
        judged: names that the first gate casts: a column with a cell that is no such value stays text there.

    Raises:
        PermanentError: a year outside 1 to 9999, or a number of more digits than its column declares where no gate casts.
    """
    pairs = zip(frame.iter_columns(), columns, strict=True)
    return pl.DataFrame([_exact(series.alias(column.name), column, judged) for series, column in pairs])


def _exact(series: pl.Series, column: Column, judged: frozenset[str]) -> pl.Series:
    kind = column.type
    if kind is None:
        return series.cast(pl.String)
    if kind.name == "timestamp":
        seconds = series.dt.epoch("s")
        least, greatest = seconds.min(), seconds.max()
        if isinstance(least, int) and isinstance(greatest, int) and (least < _FIRST or greatest > _LAST):
            raise _refused(column.name, "a year outside 1 to 9999")
        naive = series.cast(pl.Datetime("ns" if kind.unit == "ns" else "us"))
        return naive.dt.replace_time_zone(kind.zone) if kind.zone else naive
    if kind.name == "decimal":
        values, bad = cast_column(series.cast(pl.String), kind)
        if bad.any() and column.name not in judged:
            raise _refused(column.name, f"a number that is no {kind}")
        return series.cast(pl.String) if bad.any() else values
    return series.cast(polars_type(kind))


def _refused(name: str, what: str) -> PermanentError:
    return PermanentError(
        f"column {name} holds {what}, which no contract can name", code="E_SOURCE_VALUE", hint=f"read TO_CHAR({name}) in a query"
    )
