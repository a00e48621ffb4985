"""Rows in flight and rows at rest in, figures that must agree out: what was accepted is what is staged.

T1: rows, and per column missing values, an exact sum, and for text characters and bytes. It finds an altered number, a
truncation, a time-zone shift or a rounding; not an edit of the same length or two values swapped (T4, `row_hash`, does). Floats
are cut into whole units before they are summed, for engines add floats in different orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

import polars as pl

from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType, Dialect
from datasync.seams import Staging

Column = tuple[int, ...]
"""Missing values, then the figures of the column's kind."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of some rows; they add up."""

    rows: int = 0
    columns: Mapping[str, Column] = field(default_factory=dict)

    def __add__(self, other: Figures) -> Figures:
        joined = dict(self.columns)
        for name, values in other.columns.items():
            mine = joined.get(name)
            joined[name] = values if mine is None else tuple(a + b for a, b in zip(mine, values, strict=True))
        return Figures(self.rows + other.rows, joined)

    def to_plain(self) -> dict[str, Any]:
        """Give what JSON can hold: integers may be long, so they are text."""
        return {"rows": self.rows, "columns": {name: [str(value) for value in values] for name, values in self.columns.items()}}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Figures:
        """Read what `to_plain` gave."""
        columns = {name: tuple(int(value) for value in values) for name, values in plain.get("columns", {}).items()}
        return cls(int(plain.get("rows", 0)), columns)


def figures(frame: pl.DataFrame, types: Mapping[str, DataType]) -> Figures:
    """Give the figures of rows in flight.

    Args:
        frame: typed as `types` says; other columns are left out.
        types: name to type of the staged columns.
    """
    wanted = []
    for number, (name, kind) in enumerate(types.items()):
        wanted.append(pl.col(name).null_count().alias(f"{number}n"))
        wanted += [made.alias(f"{number}f{place}") for place, made in enumerate(_polars(pl.col(name), kind))]
    row = frame.select(wanted).row(0, named=True) if wanted else {}
    found = {}
    for number, name in enumerate(types):
        values = [row[f"{number}n"], *(row[key] for key in row if key.startswith(f"{number}f"))]
        found[name] = tuple(int(value or 0) for value in values)
    return Figures(frame.height, found)


def _polars(column: pl.Expr, kind: DataType) -> list[pl.Expr]:
    if kind.is_integer:
        return [column.cast(pl.Int128).sum()]
    if kind.name == "decimal":
        # The physical value is the number of units of the last digit.
        return [column.to_physical().cast(pl.Int128).sum()]
    if kind.name in ("bool", "date"):
        return [column.to_physical().cast(pl.Int64).sum()]
    if kind.name == "timestamp":
        return [column.dt.epoch("ns" if kind.unit == "ns" else "us").cast(pl.Int128).sum()]
    if kind.name == "time":
        return [(column.cast(pl.Int64) // 1000).sum()]
    if kind.is_float:
        return _polars_float(column.cast(pl.Float64))
    return [made.cast(pl.Int64).sum() for made in _sizes(column, kind)]


def _sizes(column: pl.Expr, kind: DataType) -> list[pl.Expr]:
    if kind.is_text:
        return [column.str.len_chars(), column.str.len_bytes()]
    return [column.bin.size("b")] if kind.name == "binary" else [column.list.len()]


WHOLE, PART, LARGE = 1024.0, 2.0**40, 2.0**50
"""Floats below LARGE are cut into units of 1/WHOLE and of 1/(WHOLE * PART): powers of two, so that nothing is rounded."""


def _polars_float(column: pl.Expr) -> list[pl.Expr]:
    small = pl.when(column.abs() < LARGE).then(column)
    whole = (small * WHOLE).cast(pl.Int64, strict=False)
    part = ((small * WHOLE - whole.cast(pl.Float64)) * PART).cast(pl.Int64, strict=False)
    return [
        column.is_nan().sum(),
        (column.is_finite() & (column.abs() >= LARGE)).sum(),
        whole.cast(pl.Int128).sum(),
        part.cast(pl.Int128).sum(),
    ]


@dataclass(frozen=True, slots=True)
class _Part:
    """SQL of a part of a figure; the figure is the sum of its parts, each times its weight."""

    sql: str
    weight: int = 1


def staged_figures(staging: Staging, types: Mapping[str, DataType], relation: str | None = None) -> Figures:
    """Give the figures of rows at rest, computed by the staging's own engine in one scan.

    Args:
        staging: asked by SQL.
        types: name to type of its columns.
        relation: another relation of the same columns; default: the staged rows.
    """
    return figures_beside(staging, types, (), relation)[0]


def figures_beside(
    staging: Staging, types: Mapping[str, DataType], sums: Sequence[str], relation: str | None = None
) -> tuple[Figures, list[int]]:
    """Give figures as `staged_figures` does and, of the same scan, other sums of whole numbers; of no rows they are 0."""
    compiled: list[list[list[_Part]]] = []
    for name, kind in types.items():
        column = quote_identifier(name, staging.dialect)
        missing = [_Part(f"count(*) - count({column})")]
        compiled.append([missing, *_SQL[staging.dialect](column, kind)])
    flat = ["count(*)", *(part.sql for figures_ in compiled for parts in figures_ for part in parts), *sums]
    values = iter(staging.query(f"SELECT {', '.join(flat)} FROM {relation or staging.relation}")[0])
    rows = int(next(values))
    found = {
        name: tuple(sum(_units(next(values), part.weight) for part in parts) for parts in compiled[number])
        for number, name in enumerate(types)
    }
    return Figures(rows, found), [int(value or 0) for value in values]


def _units(value: Any, weight: int) -> int:
    if isinstance(value, Decimal):
        with localcontext(prec=200):
            return int((value * weight).to_integral_exact())
    return int(value or 0) * weight


def _duckdb(column: str, kind: DataType) -> list[list[_Part]]:
    if kind.is_integer or kind.name == "bool":
        return [[_Part(f"sum(CAST({column} AS HUGEINT))")]]
    if kind.name == "decimal":
        return [[_Part(f"sum({column})", 10**kind.scale)]]
    if kind.name == "date":
        return [[_Part(f"sum({column} - DATE '1970-01-01')")]]
    if kind.name == "timestamp":
        whole = column if kind.zone or kind.unit == "ns" else f"CAST({column} AS TIMESTAMP)"
        return [[_Part(f"sum(CAST(epoch_{'ns' if kind.unit == 'ns' else 'us'}({whole}) AS HUGEINT))")]]
    if kind.name == "time":
        return [[_Part(f"sum(epoch_us({column}))")]]
    if kind.is_float:
        wide = f"CAST({column} AS DOUBLE)"
        return _sql_float(wide, f"isnan({wide})", f"isfinite({wide})", "HUGEINT")
    if kind.is_text:
        text = f"CAST({column} AS VARCHAR)" if kind.name == "uuid" else column
        return [[_Part(f"sum(length({text}))")], [_Part(f"sum(strlen({text}))")]]
    return [[_Part(f"sum({'octet_length' if kind.name == 'binary' else 'len'}({column}))")]]


def _sql_float(wide: str, nan: str, finite: str, integer: str) -> list[list[_Part]]:
    # Neither infinity nor, for these engines, NaN is below any number: what is below it is finite.
    small = f"CASE WHEN abs({wide}) < {LARGE:.0f} THEN {wide} * {WHOLE} END"
    whole = f"CAST(trunc({small}) AS {integer})"
    part = f"CAST(trunc(({small} - trunc({small})) * {PART:.1f}) AS {integer})"
    large = f"sum(CASE WHEN abs({wide}) >= {LARGE:.0f} AND {finite} THEN 1 ELSE 0 END)"
    return [[_Part(f"sum(CASE WHEN {nan} THEN 1 ELSE 0 END)")], [_Part(large)], [_Part(f"sum({whole})")], [_Part(f"sum({part})")]]


def _postgres(column: str, kind: DataType) -> list[list[_Part]]:
    if kind.is_integer:
        return [[_Part(f"sum({column})")]]
    if kind.name == "bool":
        return [[_Part(f"sum({column}::int)")]]
    if kind.name == "decimal":
        return [[_Part(f"sum({column})", 10**kind.scale)]]
    if kind.name == "date":
        return [[_Part(f"sum({column} - DATE '1970-01-01')")]]
    if kind.name in ("timestamp", "time"):
        return [[_Part(f"sum(extract(epoch FROM {column}))", 10**6)]]
    if kind.is_float:
        wide = f"{column}::double precision"
        plain = f"({wide} NOT IN ('NaN', 'Infinity', '-Infinity'))"
        return _sql_float(f"({wide})", f"({wide} = 'NaN')", plain, "bigint")
    if kind.is_text:
        text = column if kind.name == "string" else f"{column}::text"
        return [[_Part(f"sum(char_length({text}))")], [_Part(f"sum(octet_length({text}))")]]
    return [[_Part(f"sum({'octet_length' if kind.name == 'binary' else 'cardinality'}({column}))")]]


def _sqlite(column: str, kind: DataType) -> list[list[_Part]]:
    """Sums of 64-bit integers overflow there: high and low halves are summed apart."""
    seconds = f"CAST(strftime('%s', substr({column}, 1, 19)) AS INTEGER)"
    midnight = f"CAST(strftime('%s', '1970-01-01 ' || substr({column}, 1, 8)) AS INTEGER)"
    integers = {
        "bool": column,
        "decimal": f"CAST(replace({column}, '.', '') AS INTEGER)",
        "date": f"CAST(strftime('%s', {column}) AS INTEGER) / 86400",
        "timestamp": f"({seconds} * 1000000 + CAST(substr({column}, 21, 6) AS INTEGER))",
        "time": f"({midnight} * 1000000 + CAST(substr({column}, 10, 6) AS INTEGER))",
    }
    if kind.is_integer or kind.name in integers:
        return [_halves(integers.get(kind.name, column))]
    if kind.is_float:
        small = f"CASE WHEN abs({column}) < {LARGE:.1f} THEN {column} END"
        whole = f"CAST(({small}) * {WHOLE} AS INTEGER)"
        part = f"CAST((({small}) * {WHOLE} - {whole}) * {PART:.1f} AS INTEGER)"
        large = f"sum(CASE WHEN abs({column}) >= {LARGE:.1f} AND abs({column}) < 9e999 THEN 1 ELSE 0 END)"
        return [[_Part("0")], [_Part(large)], _halves(whole), _halves(part)]
    if kind.is_text:
        return [[_Part(f"sum(length({column}))")], [_Part(f"sum(length(CAST({column} AS BLOB)))")]]
    return [[_Part(f"sum({'length' if kind.name == 'binary' else 'json_array_length'}({column}))")]]


def _mysql(column: str, kind: DataType) -> list[list[_Part]]:
    day = 86_400_000_000
    made = {
        "date": f"(to_days({column}) - 719528)",
        "timestamp": f"timestampdiff(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', {column})",
        "time": f"(time_to_sec({column}) * 1000000 + microsecond({column}))",
    }.get(kind.name, column)
    if kind.is_integer or kind.name in ("bool", "date", "time"):
        return [[_Part(f"sum({made})")]]
    if kind.name == "timestamp":
        # Days and what is left of a day, so that no sum leaves what a decimal of the server's holds.
        return [[_Part(f"sum({made} DIV {day})", day), _Part(f"sum({made} % {day})")]]
    if kind.name == "decimal":
        return [[_Part(f"sum({column})", 10**kind.scale)]]
    if kind.is_float:
        small = f"CASE WHEN abs({column}) < {LARGE:.0f} THEN {column} END * 1024e0"
        part = f"({small} - truncate({small}, 0)) * {PART:.0f}e0"
        large = f"sum(CASE WHEN abs({column}) >= {LARGE:.0f} THEN 1 ELSE 0 END)"
        wholes = [[_Part(f"sum(CAST(truncate({value}, 0) AS SIGNED))")] for value in (small, part)]
        return [[_Part("0")], [_Part(large)], *wholes]
    if kind.is_text:
        return [[_Part(f"sum(char_length({column}))")], [_Part(f"sum(length(CONVERT({column} USING utf8mb4)))")]]
    return [[_Part(f"sum({'length' if kind.name == 'binary' else 'json_length'}({column}))")]]


def _halves(value: str) -> list[_Part]:
    return [_Part(f"sum(({value}) >> 32)", 2**32), _Part(f"sum(({value}) & 4294967295)")]


_SQL: dict[Dialect, Callable[[str, DataType], list[list[_Part]]]] = {
    "duckdb": _duckdb,
    "postgres": _postgres,
    "sqlite": _sqlite,
    "mysql": _mysql,
}


def difference(expected: Figures, found: Figures) -> str:
    """Say where figures differ, without values; empty when they agree."""
    if expected.rows != found.rows:
        return f"{found.rows:,} rows where {expected.rows:,} were accepted"
    names = [name for name, values in expected.columns.items() if found.columns.get(name) != values]
    return f"values differ in {', '.join(names[:10])}" if names else ""


def row_hash(frame: pl.DataFrame, types: Mapping[str, DataType]) -> int:
    """Hash whole rows (T4): also finds edits of the same length and values swapped between rows.

    Args:
        frame: typed as `types` says.
        types: name to type; lists are hashed by their text.

    Returns:
        A sum modulo 2^64; sums of parts add up to the sum of the whole.
    """
    columns = [
        pl.col(name).cast(pl.List(pl.String)).list.join(",") if kind.name == "list" else pl.col(name)
        for name, kind in types.items()
    ]
    if frame.height == 0 or not columns:
        return 0
    hashes = frame.select(columns).hash_rows(seed=20260101)
    return int(hashes.cast(pl.Int128).sum()) % 2**64
