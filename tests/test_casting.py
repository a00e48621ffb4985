"""Exact casting: what is such a value, and what is not."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasync.casting import cast_column
from datasync.contract.types import parse_type, polars_type

BAD = object()
TEXT: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    ("int64", {}, {"1": 1, "+2": 2, "-3": -3, "007": 7, " 4": BAD, "5.0": BAD, "1_0": BAD, "": BAD, "9223372036854775808": BAD}),
    ("uint64", {}, {"18446744073709551615": 2**64 - 1, "-1": BAD}),
    ("int8", {}, {"127": 127, "128": BAD, "-128": -128}),
    ("decimal(5,2)", {}, {"1": Decimal(1), "1.50000": Decimal("1.5"), ".5": Decimal("0.5"), "999.99": Decimal("999.99"), "1000": BAD,
                          "1.234": BAD, "1,5": BAD, "1e2": BAD, "--1": BAD}),
    ("float64", {}, {"1.5": 1.5, "-1E-5": -1e-5, "nan": BAD, "inf": BAD, "1e400": BAD, "1.5 ": BAD}),
    ("bool", {}, {"TRUE": True, "t": True, "Y": True, "no": False, "0": False, "2": BAD, "": BAD}),
    ("date", {}, {"2024-02-29": date(2024, 2, 29), "2023-02-29": BAD, "2024-1-1": BAD, "2024-01-01T00:00:00": BAD}),
    ("date", {}, {"0000-01-01": BAD, "0001-01-01": date(1, 1, 1), "9999-12-31": date(9999, 12, 31)}),
    ("time", {}, {"23:59:59.123456000": time(23, 59, 59, 123456), "23:59:60": BAD, "23:59:59.9999999": BAD}),
    ("time", {"parse": "%H:%M:%S"}, {"23:59:59": time(23, 59, 59), "10:30:60": BAD}),
    ("timestamp", {}, {"2024-01-01T23:59:60": BAD, "2016-12-31 23:59:60.5": BAD}),
    ("timestamp[us, UTC]", {"parse": "%d/%m/%Y %H:%M:%S%z"}, {"31/12/2016 23:59:60+0000": BAD}),
    ("timestamp", {}, {"0000-12-31T23:59:59": BAD, "0001-01-01T00:00:00": datetime(1, 1, 1)}),
    ("timestamp[us, UTC]", {}, {"9999-12-31T23:59:59-14:00": BAD, "0001-01-01T00:00:00+14:00": BAD}),
    ("timestamp[us, Asia/Seoul]", {}, {"9999-12-31T23:59:59Z": BAD, "0001-01-01T01:00:00+09:00": BAD}),
    ("date", {"parse": "%d/%m/%Y"}, {"31/12/2024": date(2024, 12, 31), "2024-12-31": BAD, "30/02/2024": BAD}),
    ("time", {}, {"10:00": time(10), "10:00:00.5": time(10, 0, 0, 500000), "24:00": BAD}),
    ("timestamp", {}, {"2024-01-01 00:00": datetime(2024, 1, 1), "2024-01-01T00:00:00.1234567": BAD, "2024-01-01T00:00:00Z": BAD}),
    ("timestamp[us, UTC]", {}, {"2024-01-01T09:00:00+0900": datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01T00:00:00": BAD}),
    ("timestamp[us, America/New_York]", {"timezone": "America/New_York"}, {"2013-11-03 01:30:00": BAD, "2013-03-10 02:30:00": BAD}),
    ("timestamp[s, UTC]", {}, {"2024-01-01T00:00:00.5Z": BAD}),
    ("uuid", {}, {"123E4567-E89B-12D3-A456-426614174000": "123e4567-e89b-12d3-a456-426614174000", "123": BAD}),
    ("json", {}, {'{"a": [1]}': '{"a": [1]}', "{a}": BAD, "NaN": BAD}),
    ("list<int64>", {}, {"[1,2]": [1, 2], "[1.5]": BAD, "{}": BAD, '["x"]': BAD}),
    ("binary", {}, {"\\xff00": b"\xff\x00", "f": BAD, "zz": BAD}),
]  # fmt: skip
CELLS = [(kind, options, text, value) for kind, options, cells in TEXT for text, value in cells.items()]


@pytest.mark.parametrize(("kind", "options", "text", "value"), CELLS)
def test_text(kind: str, options: dict[str, Any], text: str, value: Any) -> None:
    values, bad = cast_column(pl.Series("a", [text, None], dtype=pl.String), parse_type(kind), **options)
    assert values.dtype == polars_type(parse_type(kind))
    assert bad.to_list() == [value is BAD, False]
    assert values[1] is None
    if value is not BAD:
        found = values.to_list()[0]
        assert (found.astimezone(UTC) if isinstance(found, datetime) and found.tzinfo else found) == value


@pytest.mark.parametrize(
    ("values", "kind", "bad"),
    [
        ([1, 300, None], "int8", [False, True, False]),
        ([1.0, 1.5, float("nan")], "int64", [False, True, True]),
        ([2**53 + 1], "float64", [True]),
        ([1, 200], "decimal(3,2)", [False, True]),
        ([True], "int64", [True]),
        ([datetime(2024, 1, 1)], "timestamp[us, UTC]", [True]),
    ],
)
def test_typed(values: list[Any], kind: str, bad: list[bool]) -> None:
    assert cast_column(pl.Series("a", values), parse_type(kind))[1].to_list() == bad


@settings(max_examples=60, deadline=None)
@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12), min_size=1))
def test_decimals_come_back(numbers: list[Decimal]) -> None:
    values, bad = cast_column(pl.Series("a", [f"{number:f}" for number in numbers], dtype=pl.String), parse_type("decimal(20,4)"))
    assert not bad.any()
    assert values.to_list() == numbers


def test_no_rows() -> None:
    for kind in ("int64", "decimal(5,2)", "timestamp[us, UTC]", "list<string>", "json", "bool"):
        values, bad = cast_column(pl.Series("a", [], dtype=pl.String), parse_type(kind))
        assert len(values) == len(bad) == 0


INTEGER_TYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


@pytest.mark.parametrize("wanted", INTEGER_TYPES)
@pytest.mark.parametrize("given", INTEGER_TYPES)
def test_integers_of_every_width_into_every_other(given: str, wanted: str) -> None:
    bounds = {name: (0 if name[0] == "u" else -(2 ** (int(name.strip("uint")) - 1))) for name in INTEGER_TYPES}
    tops = {name: 2 ** (int(name.strip("uint")) - (name[0] != "u")) - 1 for name in INTEGER_TYPES}
    values = [bounds[given], 0, 1, tops[given], None]
    found, bad = cast_column(pl.Series("a", values, dtype=polars_type(parse_type(given))), parse_type(wanted))
    fits = [value is None or bounds[wanted] <= value <= tops[wanted] for value in values]
    assert found.to_list() == [value if fit else None for value, fit in zip(values, fits, strict=True)]
    assert bad.to_list() == [not fit for fit in fits]
