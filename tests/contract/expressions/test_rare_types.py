"""Types that not every engine has: polars and DuckDB give the same verdict for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pytest

from datasync.contract.expressions import compile_expression
from datasync.contract.types import parse_type, polars_type

CLOCK = datetime(2024, 3, 10, tzinfo=UTC)
VALUES: dict[str, tuple[str, list[Any]]] = {
    "u64": ("uint64", [0, 2**64 - 1, 2**63, None]),
    "u8": ("uint8", [0, 255, None, 7]),
    "i8": ("int8", [-128, 127, None, 0]),
    "i64": ("int64", [-(2**63), 2**63 - 1, 5, None]),
    "f32": ("float32", [0.1, float("nan"), None, float("inf")]),
    "wide": ("decimal(38,10)", [Decimal("1.5"), Decimal("-9999999999999999999999999999.9999999999"), None, Decimal(0)]),
    "sec": ("timestamp[s]", [datetime(2024, 3, 10), None, datetime(1969, 12, 31, 23, 59, 59), datetime(2024, 2, 29)]),
    "nano": ("timestamp[ns]", [datetime(2024, 3, 10), None, datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime(2024, 2, 29)]),
    "seoul": ("timestamp[ms, Asia/Seoul]", [CLOCK, None, datetime(2024, 3, 9, 15, tzinfo=UTC), CLOCK]),
}
TYPES = {name: parse_type(text) for name, (text, _) in VALUES.items()}


def _frame() -> pl.DataFrame:
    series = []
    for name, (_, values) in VALUES.items():
        kind = TYPES[name]
        column = pl.Series(name, values, dtype=pl.Datetime("ms", "UTC") if kind.zone else polars_type(kind))
        series.append(column.dt.convert_time_zone(kind.zone) if kind.zone else column)
    return pl.DataFrame(series)


@pytest.fixture(scope="module")
def duck() -> Iterator[tuple[Any, pl.DataFrame]]:
    frame = _frame()
    connection = duckdb.connect()
    arrow = frame.with_columns(row=pl.int_range(pl.len())).to_arrow()
    connection.register("arrow", arrow)
    connection.execute("CREATE TABLE t AS SELECT * REPLACE (CAST(sec AS TIMESTAMP_S) AS sec) FROM arrow")
    yield connection, frame
    connection.close()


@pytest.mark.parametrize(
    "text",
    [
        "u64 > 18446744073709551614",
        "u64 > i64",
        "u64 = 9223372036854775808",
        "u64 + 1 > 0",
        "u64 - 1 >= 0",
        "-u64 < 0",
        "u64 % 7 = 1",
        "u64 IN (0, 18446744073709551615)",
        "u8 - 1 < 0",
        "u8 + u8 > 255",
        "-i8 = 128",
        "abs(i8) = 128",
        "i8 * i8 * i8 < 0",
        "i8 > 1000",
        "i8 IN (300, 127)",
        "u8 > -1",
        "div(i64, -1) > 0",
        "i64 % -1 = 0",
        "abs(i64) > 0",
        "f32 > 0.1",
        "f32 = 0.1",
        "f32 * 2 > 0.2",
        "f32 - f32 = 0",
        "f32 IS NULL",
        "f32 > u8",
        "wide > 1.4999999999",
        "wide < -1",
        "round(wide, 2) = 1.5",
        "-wide > 0",
        "abs(wide) > 1",
        "sec = TIMESTAMP '2024-03-10'",
        "sec < TIMESTAMP '2024-03-10 00:00:00.000001'",
        "sec + INTERVAL '1' SECOND > TIMESTAMP '1970-01-01'",
        "date_diff('second', sec, TIMESTAMP '2024-03-10 00:00:00.5') = 0",
        "nano >= TIMESTAMP '1969-12-31 23:59:59.999999'",
        "year(nano) = 2024",
        "date_diff('hour', nano, TIMESTAMP '1970-01-01 02:00:00') = 2",
        "seoul = now()",
        "seoul + INTERVAL '9' HOUR = TIMESTAMP '2024-03-10 00:00:00+00'",
        "date_diff('hour', seoul, now()) = 9",
    ],
)
def test_polars_and_duckdb(duck: tuple[Any, pl.DataFrame], text: str) -> None:
    connection, frame = duck
    expression = compile_expression(text, TYPES, boolean=True)
    ours = frame.select(verdict=expression.polars(CLOCK))["verdict"].to_list()
    theirs = [row[0] for row in connection.execute(f"SELECT {expression.sql('duckdb', CLOCK)} FROM t ORDER BY row").fetchall()]
    assert ours == theirs
