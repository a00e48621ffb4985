"""The same rows in five engines: what an expression gives for each row, engine by engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl

from datasync.contract.expressions import Expression, ExpressionError
from datasync.contract.expressions.dialects import decimal_digits, literal_sql, quote_identifier
from datasync.contract.expressions.to_sql import register_sqlite
from datasync.contract.types import DataType, Dialect, parse_type, polars_type

CLOCK = datetime(2024, 3, 10, 12, 30, 15, 250_000, tzinfo=UTC)
COLUMNS: dict[str, DataType] = {
    name: parse_type(text)
    for name, text in {
        "i": "int64",
        "j": "int64",
        "k": "int32",
        "w": "int16",
        "p": "decimal(9,2)",
        "q": "decimal(6,3)",
        "f": "float64",
        "g": "float64",
        "s": "string",
        "t": "string",
        "b": "bool",
        "c": "bool",
        "d": "date",
        "e": "date",
        "n": "timestamp",
        "m": "timestamp[ms]",
        "z": "timestamp[us, Asia/Seoul]",
        "y": "timestamp[us, UTC]",
        "u": "uuid",
        "h": "time",
        "js": "json",
        'odd `"name': "int32",
    }.items()
}
_INTS = [0, 1, -1, 2, 7, -7, 100, 2**31, -(2**31), 2**53 + 1, 2**62, 2**63 - 1, -(2**63 - 1), -(2**63)]
_NAIVE = [
    datetime(2024, 2, 29, 23, 59, 59, 999_000),
    datetime(1970, 1, 1),
    datetime(1969, 12, 31, 23, 0, 0, 1000),
    datetime(2024, 3, 10, 12, 30, 15),
]
_VALUES: dict[str, Sequence[Any]] = {
    "i": _INTS,
    "j": _INTS[::-1],
    "k": [0, 1, -1, 3, 2**31 - 1, -(2**31), -50],
    "w": [0, 5, -5, 32767, -32768],
    "p": [Decimal(v) for v in ("0.00", "1.25", "-1.25", "2.50", "-0.05", "9999999.99", "-9999999.99", "0.01")],
    "q": [Decimal(v) for v in ("0.000", "0.005", "-0.005", "1.250", "999.999", "-2.500")],
    "f": [0.0, -0.0, 1.5, -2.25, 0.1, 1e15, float("nan"), 3.0],
    "g": [1.5, float("nan"), 0.1, -0.0, 1e-3, 2.0],
    "s": [
        "",
        "a",
        "A",
        "a ",
        " b ",
        "É",
        "é",
        "SKU-000001",
        "a%b",
        "a_b",
        "日本語",
        "x\ny",
        "~",
        "\\",
        "a*b[c]?",
        "1",
        "😀",
        '{"a": 1}',
        "[1,]",
    ],
    "t": ["a", "B", "é", "", "a", "zz", "Z", "１"],
    "b": [True, False],
    "c": [False, True, True],
    "d": [date(2024, 2, 29), date(1970, 1, 1), date(2024, 3, 10), date(1999, 12, 31)],
    "e": [date(2024, 3, 1), date(2024, 2, 28), date(2025, 1, 1)],
    "n": _NAIVE,
    "m": _NAIVE[::-1],
    "z": [v.replace(tzinfo=UTC) for v in _NAIVE],
    "y": [v.replace(tzinfo=UTC) + timedelta(hours=9, microseconds=7) for v in _NAIVE],
    "u": ["123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000"],
    "h": [time(0), time(12, 30), time(23, 59, 59, 5)],
    "js": ['{"a": 1}', "[]", "1"],
    'odd `"name': [1, 2, -3],
}
ROWS = 43


def _cell(column: str, row: int) -> Any:
    values = [*_VALUES[column], None]
    # Different strides, so that columns meet each other's edges.
    return values[(row * (1 + list(_VALUES).index(column) % 5) + list(_VALUES).index(column)) % len(values)]


TABLE: list[dict[str, Any]] = [{column: _cell(column, row) for column in COLUMNS} for row in range(ROWS)]
_TYPES: dict[Dialect, dict[str, str]] = {
    "duckdb": {
        "string": "VARCHAR",
        "json": "VARCHAR",
        "bool": "BOOLEAN",
        "float64": "DOUBLE",
        "uuid": "UUID",
        "int16": "SMALLINT",
        "int32": "INTEGER",
        "int64": "BIGINT",
    },
    "postgres": {
        "string": "text",
        "bool": "boolean",
        "float64": "double precision",
        "uuid": "uuid",
        "int16": "smallint",
        "int32": "integer",
        "int64": "bigint",
    },
    "sqlite": {
        "string": "TEXT COLLATE NOCASE",
        "json": "TEXT",
        "bool": "INTEGER",
        "float64": "REAL",
        "uuid": "TEXT",
        "date": "TEXT",
        "time": "TEXT",
        "int16": "INTEGER",
        "int32": "INTEGER",
        "int64": "INTEGER",
    },
    "mysql": {
        "string": "varchar(100)",
        "json": "longtext",
        "bool": "tinyint",
        "float64": "double",
        "uuid": "char(36)",
        "time": "time(6)",
        "int16": "smallint",
        "int32": "int",
        "int64": "bigint",
    },
}


def _column_type(kind: DataType, dialect: Dialect) -> str:
    if kind.name == "decimal":
        return "TEXT" if dialect == "sqlite" else f"DECIMAL({kind.precision},{kind.scale})"
    if kind.name == "timestamp":
        if dialect == "duckdb" and not kind.zone:
            return "TIMESTAMP_MS" if kind.unit == "ms" else "TIMESTAMP"
        return {"sqlite": "TEXT", "mysql": "datetime(6)"}.get(dialect, "TIMESTAMPTZ" if kind.zone else "TIMESTAMP")
    return _TYPES[dialect].get(kind.name, kind.name)


def _stored(value: Any, kind: DataType, dialect: Dialect) -> str:
    if value is None or (isinstance(value, float) and value != value and dialect in ("sqlite", "mysql")):
        return "NULL"
    if isinstance(value, float) and value != value:
        return "CAST('NaN' AS double precision)"
    if isinstance(value, Decimal) and dialect == "sqlite":
        return f"'{decimal_digits(value, kind.scale)}'"
    return literal_sql(value, kind, dialect)


def setup_sql(dialect: Dialect) -> list[str]:
    """The statements that make and fill the table."""
    columns = ", ".join(f"{quote_identifier(name, dialect)} {_column_type(kind, dialect)}" for name, kind in COLUMNS.items())
    rows = ", ".join(
        "(" + ", ".join([str(number)] + [_stored(row[name], kind, dialect) for name, kind in COLUMNS.items()]) + ")"
        for number, row in enumerate(TABLE)
    )
    return [
        "DROP TABLE IF EXISTS expression_rows",
        f"CREATE TABLE expression_rows (__row int, {columns})",
        f"INSERT INTO expression_rows VALUES {rows}",
    ]


def frame() -> pl.DataFrame:
    """The same rows for polars."""
    series = []
    for name, kind in COLUMNS.items():
        dtype = polars_type(kind)
        values = pl.Series(name, [row[name] for row in TABLE], dtype=pl.Datetime("us", "UTC") if kind.zone else dtype)
        series.append(values.dt.convert_time_zone(kind.zone) if kind.zone else values)
    return pl.DataFrame(series)


@dataclass(frozen=True, slots=True, repr=False)
class Engines:
    """Runs a boolean expression in every engine."""

    frame: pl.DataFrame
    execute: dict[Dialect, Callable[[str], list[Any]]]

    def verdicts(self, expression: Expression) -> dict[str, list[bool | None]]:
        """Give True, False or None per row, by engine."""
        found: dict[str, list[bool | None]] = {
            "polars": self.frame.with_columns(verdict=expression.polars(CLOCK))["verdict"].to_list()
        }
        for dialect, execute in self.execute.items():
            try:
                emitted = expression.sql(dialect, CLOCK, "r")
            except ExpressionError as error:
                if dialect == "sqlite" and error.allowed.startswith("decimals of up to 18 digits"):
                    continue
                raise
            sql = f"SELECT {emitted} FROM expression_rows r ORDER BY __row"
            found[dialect] = [None if value is None else bool(value) for value in execute(sql)]
        return found


def open_engines(postgres: Any, mysql: Any) -> Engines:
    """Fill every engine's table."""
    lite = sqlite3.connect(":memory:")
    register_sqlite(lite)
    duck = duckdb.connect()

    def run_mysql(sql: str) -> list[Any]:
        with mysql.cursor() as cursor:
            cursor.execute(sql)
            return [row[0] for row in cursor.fetchall()]

    execute: dict[Dialect, Callable[[str], list[Any]]] = {
        "duckdb": lambda sql: [row[0] for row in duck.execute(sql).fetchall()],
        "sqlite": lambda sql: [row[0] for row in lite.execute(sql).fetchall()],
        "postgres": lambda sql: [row[0] for row in postgres.execute(sql.encode()).fetchall()],
        "mysql": run_mysql,
    }
    for statement in setup_sql("postgres"):
        postgres.execute(statement.encode())
    with mysql.cursor() as cursor:
        for statement in setup_sql("mysql"):
            cursor.execute(statement)
    for connection, dialect in ((duck, "duckdb"), (lite, "sqlite")):
        for statement in setup_sql(dialect):  # type: ignore[arg-type]
            connection.execute(statement)  # type: ignore[attr-defined]
    return Engines(frame(), execute)
