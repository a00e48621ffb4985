"""The same value has the same text in every engine, whatever its type is called there; another value has another one."""

from __future__ import annotations

import math
import random
import struct
from itertools import combinations

import pytest

from datasync.compare.comparing import Question, compare
from datasync.compare.floats import float_text
from tests.compare.engines import KINDS, Engines

NAMES = ("id", "s", "n", "f", "b", "ts", "tz", "d", "t", "bin")
DDL = {
    "postgres": "id bigint, s text, n numeric(14,2), f double precision, b boolean, ts timestamp, tz timestamptz, d date, t time, bin bytea",
    "mysql": "id int, s longtext, n decimal(16,4), f double, b tinyint(1), ts datetime(6), tz timestamp(6) null, d date, t time(6), bin longblob",
    "sqlite": "id integer, s text, n decimal_text(12,2), f real, b boolean, ts timestamp_text, tz text, d date_text, t time_text, bin blob",
    "duckdb": "id bigint, s varchar, n decimal(18,2), f double, b boolean, ts timestamp, tz timestamptz, d date, t time, bin blob",
}
NONE = (None,) * 5
ROWS = [
    (1, "", "1.50", 0.1, 1, "2024-01-02 03:04:05.000006", "2024-01-02 03:04:05", "2024-01-02", "01:02:03", b"\x00\xff"),
    (2, None, "-0.00", 1e-300, 0, "1000-01-01 00:00:00", "1999-12-31 23:59:59.5", "0001-01-01", "23:59:59.999999", b""),
    (3, "é😀,'q", "100.00", 1.7976931348623157e308, None, *NONE),
    (4, "x" * 2000, "123456789012.12", -5e-324, 1, "9999-12-31 23:59:59.999999", "2037-01-01 00:00:00", "9999-12-31", "00:00:00", b"a" * 3000),
    (-5, "~", None, 123456789.123456789, 1, "2024-01-02 03:04:05", "2024-01-02 03:04:05.25", "2024-02-29", "01:02:03", b"1"),
    (6, "a ", "7", 0.0, 1, *NONE),
    (7, "A", "7", -0.0, 1, *NONE),
    (8, "3:abc,~", "0.01", 3e20, None, *NONE),
]  # fmt: skip


def _rows(kind: str) -> list[list[object]]:
    """The rows as the engine's driver takes them: zones are said where there are some, booleans are such or numbers."""
    made = []
    for row in ROWS:
        values = list(row)
        if values[6] is not None and kind != "mysql":
            values[6] = f"{values[6]}+00:00"
        if values[4] is not None and kind in ("postgres", "duckdb"):
            values[4] = bool(values[4])
        made.append(values)
    return made


@pytest.mark.parametrize("key", [("id",), ("s", "id")])
def test_the_same_values_are_the_same_everywhere(engines: Engines, key: tuple[str, ...]) -> None:
    for kind in KINDS:
        engines.fill(kind, DDL[kind], _rows(kind))
    for first, second in combinations(KINDS, 2):
        found = compare(engines.open(first), engines.open(second), Question(key, show=True))
        assert found.same, (first, second, found.samples)
        assert found.columns == (*key, *(name for name in NAMES if name not in key))
        engines.close()


CHANGES = {
    "s": "'\\0x7e'", "n": "1.51", "f": "0.1000000000000001", "b": "NULL", "ts": "'2024-01-02 03:04:05.000007'",
    "d": "'2024-01-03'", "t": "'01:02:03.000001'", "bin": "NULL",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_least_change_of_a_value_is_found(engines: Engines, kind: str) -> None:
    other = "postgres" if kind != "postgres" else "sqlite"
    engines.fill(other, DDL[other], _rows(other))
    for column, value in CHANGES.items():
        engines.fill(kind, DDL[kind], _rows(kind), f"UPDATE t SET {column} = {value} WHERE id = 1")
        found = compare(engines.open(other), engines.open(kind), Question(("id",), show=True))
        assert (found.different, found.only_a, found.only_b, dict(found.by_column)) == (1, 0, 0, {column: 1}), found.samples
        engines.close()


@pytest.mark.parametrize("kind", KINDS)
def test_missing_is_not_empty(engines: Engines, kind: str) -> None:
    other = "duckdb" if kind != "duckdb" else "mysql"
    engines.fill(kind, "id integer, s varchar(20), n varchar(20)", [(1, "", None), (2, None, "")])
    engines.fill(other, "id integer, s varchar(20), n varchar(20)", [(1, None, ""), (2, None, "")])
    found = compare(engines.open(kind), engines.open(other), Question(("id",)))
    assert (found.different, dict(found.by_column)) == (1, {"s": 1, "n": 1})


def test_floats_have_one_text_in_all_engines(engines: Engines) -> None:
    numbers = random.Random(7)
    values = [2.0**power * sign for power in range(-1074, 1024, 7) for sign in (1, -1)]
    values += [struct.unpack("d", numbers.randbytes(8))[0] for _ in range(800)]
    values += [numbers.uniform(-1e9, 1e9) for _ in range(300)] + [2.0**-43, math.nextafter(2.0**53, 0), 2.0**53, 5e-324, 1e15]
    rows = [(number, value) for number, value in enumerate(values) if math.isfinite(value)]
    types = {"postgres": "double precision", "mysql": "double", "sqlite": "real", "duckdb": "double"}
    for kind in KINDS:
        engines.fill(kind, f"id integer, f {types[kind]}", rows)
    for kind in KINDS[1:]:
        found = compare(engines.open("postgres"), engines.open(kind), Question(("id",), show=True))
        assert found.same, (kind, found.samples)
    texts = {float_text(value) for _, value in rows}
    assert len(texts) == len({value for _, value in rows})


def test_numbers_that_are_not_finite(engines: Engines) -> None:
    for kind in ("postgres", "duckdb"):
        literals = [
            f"({number}, CAST('{text}' AS double precision))" for number, text in enumerate(("nan", "infinity", "-infinity"))
        ]
        engines.fill(kind, "id integer, f double precision", (), f"INSERT INTO t VALUES {', '.join(literals)}")
    assert compare(engines.open("postgres"), engines.open("duckdb"), Question(("id",))).same


def test_a_real_and_the_double_it_became(engines: Engines) -> None:
    engines.fill("postgres", "id integer, f real", [(1, 0.1), (2, 16777216.0)])
    engines.fill("mysql", "id integer, f double", [(1, struct.unpack("f", struct.pack("f", 0.1))[0]), (2, 16777216.0)])
    assert compare(engines.open("postgres"), engines.open("mysql"), Question(("id",))).same


def test_other_types_of_postgres(engines: Engines) -> None:
    engines.fill(
        "postgres", "id integer, u uuid, j jsonb, n numeric, a int[], i interval, day date", (),
        "INSERT INTO t VALUES (1, '123E4567-e89b-12d3-a456-426614174000', '{\"a\": 1}', 1e40, '{1,2}', '1 day', 'infinity')",
        "INSERT INTO t VALUES (2, NULL, NULL, 'NaN', NULL, NULL, '0044-03-15 BC')",
    )  # fmt: skip
    assert compare(engines.open("postgres"), engines.open("postgres"), Question(("id",))).same
    engines.fill("sqlite", "id integer, u text", [(1, "123e4567-e89b-12d3-a456-426614174000"), (2, None)])
    assert compare(engines.open("postgres"), engines.open("sqlite"), Question(("id",), ("u",))).same


def test_zero_dates_unsigned_and_bits_of_mysql(engines: Engines) -> None:
    ddl = "id bigint unsigned, d datetime, z int(8) unsigned zerofill, b bit(1), y year, e enum('a','b'), l varchar(9) charset latin1"
    engines.fill(
        "mysql", ddl, (),
        "SET SESSION sql_mode = 'ANSI_QUOTES'",
        "INSERT INTO t VALUES (18446744073709551615, '0000-00-00 00:00:00', 7, b'1', 2024, 'a', 'é')",
    )  # fmt: skip
    engines.fill(
        "sqlite", "id text, d text, z integer, b boolean, y integer, e text, l text",
        [("18446744073709551615", "?", 7, 1, 2024, "a", "é")],
    )  # fmt: skip
    found = compare(engines.open("mysql"), engines.open("sqlite"), Question(("id",), show=True))
    assert dict(found.by_column) == {"d": 1}
    assert compare(engines.open("mysql"), engines.open("mysql"), Question(("id",))).same
