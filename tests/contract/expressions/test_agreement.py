"""polars, DuckDB, SQLite, PostgreSQL and MariaDB give the same verdict for the same rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from datasync.contract.expressions import compile_expression
from tests.contract.expressions.engines import CLOCK, COLUMNS, TABLE, Engines, open_engines
from tests.contract.expressions.strategies import booleans


@pytest.fixture(scope="module")
def engines(postgres_connection: Any, mysql_connection: Any) -> Engines:
    return open_engines(postgres_connection, mysql_connection)


def agree(engines: Engines, text: str) -> None:
    verdicts = engines.verdicts(compile_expression(text, COLUMNS, boolean=True))
    wanted = verdicts.pop("polars")
    for dialect, found in verdicts.items():
        rows = [
            (number, "polars", ours, dialect, theirs)
            for number, (ours, theirs) in enumerate(zip(wanted, found, strict=True))
            if ours is not theirs
        ]
        detail = [(row, {name: TABLE[row[0]][name] for name in COLUMNS if name in text}) for row in rows[:3]]
        sql = compile_expression(text, COLUMNS).sql(dialect, CLOCK)  # type: ignore[arg-type]
        assert not rows, f"{text}\n{sql}\n{detail}"


FIXED = [
    "i + 1 > 0", "i + j > 0", "i - j <= 0", "i * j > 0", "i * i * i > 0", "-i > 0", "abs(i) > 5", "abs(k) > 5", "-k < 0", "k * k * k > 0", "k - w > 0",
    "i % 7 = 1", "i % -2 = -1", "div(i, -2) > 0", "div(i, nullif(j, 0)) = 1", "i % nullif(k, 0) >= 0", "div(w, 2) * 2 = w", "w + w + w > 0",
    "div(k, -1) > 0", "k % -1 = 0", "i IS DISTINCT FROM j", "i = 9223372036854775807", "i > -9223372036854775808", "i < 18446744073709551615",
    "p + q > 1.25", "p * q > 0.001", "p - q < 0", "-p > 1", "abs(p) >= 1.25", "round(p, 1) = 1.3", "round(p) = -1", "round(q, 2) = 0.01", "round(q, 2) = -0.01",
    "p / 3 > 0.416666", "p / 3 = 0.416667", "q / nullif(p, 0) > 0.5", "p / -7 < 0", "p > k", "p IN (1.25, -0.05)", "p BETWEEN -1 AND 2.5", "p = 1.250", 
    "w * q > 1", "p IS DISTINCT FROM 1.25", "coalesce(p, 0) = 0", "coalesce(q, p, 1) > 1", "nullif(p, 1.25) IS NULL", "w > 0.5",
    "f > 0.1", "f = 0.1", "f + g > 1", "f * g >= 0", "f / 2 > 0.5", "f / nullif(g, 0) > 1", "f IS NULL", "g IS NOT NULL", "f = g", "f <> g", "-f < 0", "abs(f) > 1",
    "f IS DISTINCT FROM g", "f IN (0, 1.5)", "f > k", "f < i", "i > f", "f - g = 0", "coalesce(f, g, 1.5) = 1.5", "nullif(f, 0) IS NULL", "f BETWEEN 0 AND 2",
    "s = 'a'", "s = 'a '", "s < 'b'", "s > t", "s <= t", "s IN ('a', 'É', '')", "s LIKE 'a%'", "s LIKE '_'", "s LIKE 'a\\%b' ESCAPE '\\'", "s LIKE '%!_%' ESCAPE '!'", "s LIKE '%'",
    "s NOT LIKE '%b%'", "s LIKE ''", "s LIKE '%~%'", "s LIKE '%*b[c]?'", "lower(s) = 'a'", "upper(s) = 'A'", "lower(s) = lower(t)", "upper(s) = 'É'", "trim(s) = 'b'",
    "length(s) = 1", "length(s) > 2", "length(trim(s)) = 1", "substr(s, 2) = '%b'", "substr(s, 1, 3) = 'SKU'", "concat(s, '-', t) = 'a-a'", "concat(s, t) > 'a'",
    "starts_with(s, 'SKU')", "ends_with(s, ' ')", "contains(s, '_')", "contains(s, '')", "starts_with(s, '%')", "ends_with(s, '語')", "s = '\\'", "s = '日本語'", "s = '😀'", "s > '～'",
    "coalesce(s, t, 'x') = 'x'", "nullif(s, 'a') = 'A'", "s IS DISTINCT FROM t", "is_json(s)", "is_json(js)", "u = '123E4567-e89b-12d3-a456-426614174000'", "u <> u", "js = '[]'",
    "matches(s, '^[A-Z]{3}-\\d{6}$')", "matches(s, '^a')", "matches(s, 'a$')", "matches(s, '^.$')", "matches(s, '^\\w+$')", "matches(s, '\\s')", "matches(s, '^\\S*$')", "matches(s, '[^a-z]')",
    "matches(s, '\\\\')", "matches(s, '^(a|é|😀)?$')", "matches(s, '[\\[\\]\\-~&\\^]')", "matches(s, 'x\\ny')", "matches(s, 'x.y')", "matches(s, '^(?:[^\\d]{1,3})$')", "matches(s, 'É')",
    "matches(s, '^\\D*$')", "matches(s, '^\\W+$')", "matches(s, '日.語')",
    "b", "NOT b", "b AND c", "b OR c", "b = c", "b <> c", "b IS TRUE", "b IS NOT TRUE", "b IS FALSE", "b IS NOT FALSE", "(i > 0) = b", "(i > 0) IS DISTINCT FROM b", "b IN (TRUE)",
    "CASE WHEN b THEN i WHEN c THEN k ELSE 5 END > 3", "CASE WHEN b THEN NULL ELSE s END = 'a'", "CASE b WHEN TRUE THEN p ELSE q END > 1", "coalesce(b, c, TRUE)", "TRUE", "NOT (i > 0 OR NULL)",
    "b AND NULL", "NULL OR c", "CASE WHEN NULL THEN 1 ELSE 2 END = 2",
    "d = DATE '2024-02-29'", "d < e", "d BETWEEN DATE '2024-01-01' AND today()", "date_diff('day', d, e) > 0", "d + INTERVAL '1' DAY = e", "e - INTERVAL '366' DAY < d", "d = today()",
    "n > TIMESTAMP '1970-01-01'", "n = m", "n < m", "z = y", "z <= y", "z > TIMESTAMP '2024-02-29 09:00:00+09'", "y < now()", "z < now()", "m = TIMESTAMP '2024-02-29 23:59:59.999'",
    "n - INTERVAL '1' SECOND < TIMESTAMP '1970-01-01'", "z + INTERVAL '2' DAY > now()", "m + INTERVAL '90' MINUTE > n", "y + INTERVAL '1' HOUR > z", "z >= now() - INTERVAL '12' DAY",
    "date_diff('day', n, m) = 0", "date_diff('hour', n, m) > 1", "date_diff('second', z, y) > 32399", "date_diff('minute', y, z) < -1", "date_diff('day', z, now()) > 9", "date_diff('second', n, m) = 0",
    "year(d) = 2024", "month(n) = 2", "day(m) = 29", "hour(n) = 23", "hour(y) = 9", "year(y) = 1970", "month(y) = 3", "h > TIME '12:00:00'", "h = TIME '23:59:59.000005'",
    "w IN (100000)", "NOT w IN (100000, 5)", "1 IN (1, 2)", "is_json('1')", "i IN (18446744073709551615)", "n IN (TIMESTAMP '1970-01-01 00:00:00')", "d IN (DATE '1970-01-01', DATE '1999-12-31')", "n IS DISTINCT FROM m", "coalesce(d, e) = e", "\"odd `\"\"name\" > 0",
]  # fmt: skip


@pytest.mark.parametrize("text", FIXED)
def test_fixed(engines: Engines, text: str) -> None:
    agree(engines, text)


@settings(max_examples=300, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(booleans())
def test_generated(engines: Engines, text: str) -> None:
    agree(engines, text)
