"""One check, one meaning: every kind of row check in flight (pandera) and at rest (Great Expectations and our SQL), the same rows.

Key checks are judged at rest only: the engines of the three databases must move the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import datasync
from datasync.contract.checks import Check, checks_of
from datasync.gates.offenders import Ground, breaking_rows, unknown_rows
from tests.connectors.sql_targets import KINDS, Place
from tests.gates.contracts import CLOCK, contract_of, judge
from tests.services import connection_of

HEAD = "contract: c\nversion: 1.0.0\nrun: {tasks: split, audit: full}\nsource: {type: parquet, path: a.parquet}\n"
TARGETS = {
    "duckdb": "target: {type: duckdb, database: db.duckdb, table: t, write: replace}\n",
    "sqlite": "target: {type: sqlite, database: db.sqlite, table: t, write: replace}\n",
    "postgres": "target: {type: postgres, connection: warehouse, table: public.t, write: replace}\n",
    "mysql": "target: {type: mysql, connection: warehouse, table: t, write: replace}\n",
}
BODY = """\
columns:
  id: {type: int64, key: true}
  i: {type: int64, required: true, min: 0, max: 10, severity: SEVERITY}
  g: {type: int64, greater_than: 0, less_than: 10, nulls: fail, severity: SEVERITY}
  f: {type: float64, required: true, min: -1.5, less_than: 2.5, severity: SEVERITY}
  d: {type: "decimal(9,2)", greater_than: 0, max: 99.99, one_of: [0.01, 99.99, 100.00], severity: SEVERITY}
  s: {type: string, min_length: 2, max_length: 4, pattern: '^[a-z]+$', severity: SEVERITY}
  o: {type: string, one_of: [a, "b'", é, ""], severity: SEVERITY}
  day: {type: date, min: 2024-02-29, max: 2024-12-31, severity: SEVERITY}
  at: {type: "timestamp[us, UTC]", min: "2024-01-01T00:00:00Z", less_than: "2024-06-01T00:00:00Z", severity: SEVERITY}
  b: {type: bool, one_of: [true], severity: SEVERITY}
  w: {type: int64, min: 0, where: "i > 5", severity: SEVERITY}
  x:
    type: string
    checks:
    - {name: mail, format: email, severity: SEVERITY}
    - {name: uuid, format: uuid, severity: SEVERITY}
    - {name: url, format: url, severity: SEVERITY}
    - {name: v4, format: ipv4, severity: SEVERITY}
    - {name: v6, format: ipv6, severity: SEVERITY}
    - {name: iso, format: date_iso, severity: SEVERITY}
    - {name: land, format: country, severity: SEVERITY}
    - {name: money, format: currency, severity: SEVERITY}
    - {name: js, format: json, severity: SEVERITY}
rules:
  - {name: three_valued, rule: "i > 3 OR g > 3", severity: SEVERITY}
  - {name: strict, rule: "i <= g", nulls: fail, severity: SEVERITY}
  - {name: some, rule: "f >= 0", where: "o = 'a'", severity: SEVERITY}
  - {name: texts, rule: "lower(s) LIKE 'a%' OR length(s) > 3 OR s IS NULL", severity: SEVERITY}
  - {name: numbers, rule: "abs(i) % 3 <> 1 AND coalesce(w, -1) BETWEEN -1 AND 7", severity: SEVERITY}
  - {name: sums, rule: "round(d * 2, 1) <> 0", severity: SEVERITY}
  - {name: times, rule: "at < now() AND day >= date '2024-03-01'", severity: SEVERITY}
  - {name: cases, rule: "CASE WHEN b THEN i > 1 WHEN i IS NULL THEN FALSE ELSE TRUE END", severity: SEVERITY}
"""
NAN = math.nan
CELLS: dict[str, tuple[pl.DataType, list[Any]]] = {
    "i": (pl.Int64(), [0, -1, 10, 11, None, 5, 6, 2**62]),
    "g": (pl.Int64(), [None, 0, 1, 9, 10, 4]),
    "f": (pl.Float64(), [-1.5, -1.6, 2.5, 2.4, NAN, None, 0.0, -0.0, math.inf]),
    "d": (pl.Decimal(9, 2), [Decimal("0.01"), Decimal("0.00"), Decimal("99.99"), Decimal("100.00"), None]),
    "s": (pl.String(), ["a", "ab", "abcd", "abcde", "Ab", "aé", "éé", "", None, "😀😀"]),
    "o": (pl.String(), ["a", "b'", "é", "", "A", "e", None]),
    "day": (pl.Date(), [date(2024, 2, 29), date(2024, 2, 28), date(2024, 12, 31), date(2025, 1, 1), None, date(2024, 3, 1)]),
    "at": (pl.Datetime("us", "UTC"), [datetime(2024, 1, 1, tzinfo=UTC), datetime(2023, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
           datetime(2024, 5, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC), None]),
    "b": (pl.Boolean(), [True, False, None]),
    "w": (pl.Int64(), [-1, 0, 7, 8, None]),
    "x": (pl.String(), ["a@b.example", "123e4567-e89b-12d3-a456-426614174000", "https://example.com/a?b=c", "127.0.0.1", "::1", "2024-02-29",
          "2024-02-30", "KR", "kr", "KRW", '{"a": [1, null]}', "{", "", None]),
}  # fmt: skip
ROWS = 180
KINDS_OF_CHECK = ("one_of", "pattern", "min", "max", "greater_than", "less_than", "min_length", "max_length", "format")


def _frame(kind: str) -> pl.DataFrame:
    """Rows in which every cell of every column meets others; SQLite and MySQL have no NaN, MySQL no infinity."""
    columns = [pl.Series("id", range(ROWS), dtype=pl.Int64())]
    for stride, (name, (dtype, cells)) in enumerate(CELLS.items(), 1):
        able = [None if isinstance(cell, float) and not _held(cell, kind) else cell for cell in cells]
        columns.append(pl.Series(name, [able[(row * stride + row // 7) % len(able)] for row in range(ROWS)], dtype=dtype))
    return pl.DataFrame(columns)


def _held(number: float, kind: str) -> bool:
    return math.isfinite(number) if kind == "mysql" else kind != "sqlite" or not math.isnan(number)


def _row_checks() -> list[Check]:
    contract = contract_of(BODY.replace("SEVERITY", "warn"))
    return [
        check
        for check in checks_of(contract)
        if check.family == "row" and check.predicate is not None and check.columns != ("id",)
    ]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A project whose target is a database of each kind in turn."""
    server = None
    if request.param in ("postgres", "mysql"):
        url = request.getfixturevalue(f"{request.param}_database")
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", url)
        server = connection_of(url)
    (tmp_path / "datasync.toml").touch()
    return Place(request.param, tmp_path, server)


def _audited(place: Place, body: str, frame: pl.DataFrame) -> Any:
    """Run the contract up to the audit; staging is still there then."""
    frame.write_parquet(place.root / "a.parquet")
    (place.root / "c.yaml").write_text(HEAD + body + TARGETS[place.kind], encoding="utf-8")
    one = datasync.load(place.root / "c.yaml")
    for stage in ("extract", "gate_prepared", "stage", "audit"):
        result = one.run(run_id="r1", begin=stage, until=stage, now=CLOCK)
        assert result.error is None, result.error
    return result


def _rows(place: Place, condition: Callable[[Check, Ground], str]) -> dict[str, set[int]]:
    """The staged rows for which a check's condition is true, by check."""
    from tests.connectors.sql_targets import spec_of

    contract = contract_of(BODY.replace("SEVERITY", "warn"))
    types = {name: column.type for name, column in contract.columns.items()}
    staging = place.target(table="public.t" if place.kind == "postgres" else "t").staging(spec_of({"id": "int64"}, "r1"))
    ground = Ground(staging.dialect, staging.relation, types, clock=CLOCK)
    found = {}
    for check in _row_checks():
        found[check.name] = {
            int(row[0]) for row in staging.query(f"SELECT id FROM {staging.relation} WHERE {condition(check, ground)}")
        }
    place.close()
    return found


def test_row_checks_fail_the_same_rows_in_flight_and_at_rest(place: Place) -> None:
    frame = _frame(place.kind)
    result = _audited(place, BODY.replace("SEVERITY", "warn"), frame)
    by_gate: dict[str, dict[str, Any]] = {"prepared": {}, "staged": {}}
    for check in result.checks:
        by_gate.get(check.gate, {})[check.name] = (check.status, check.evaluated, check.failed, check.unknown)
    names = [check.name for check in _row_checks()]
    assert {name: by_gate["staged"][name] for name in names} == {name: by_gate["prepared"][name] for name in names}
    kinds = {"required", "rule", *KINDS_OF_CHECK}
    assert {check.kind for check in _row_checks()} == kinds
    # Every check judges rows that fail it and rows that do not: nothing here is vacuous.
    assert all(0 < by_gate["prepared"][name][2] < ROWS for name in names), by_gate["prepared"]

    rejected = judge(BODY.replace("SEVERITY", "error"), frame).rejected
    assert rejected is not None
    in_flight: dict[str, set[int]] = {name: set() for name in names}
    for row, reasons in zip(rejected.frame["id"].to_list(), rejected.reasons.to_list(), strict=True):
        for reason in reasons:
            in_flight[reason].add(row)
    assert _rows(place, breaking_rows) == in_flight
    unknown = _rows(place, unknown_rows)
    assert {name: len(rows) for name, rows in unknown.items()} == {name: by_gate["prepared"][name][3] for name in names}


KEYS = """\
columns:
  id: {type: int64, key: true}
  one: {type: string, unique: true}
  two: {type: float64, unique: true, where: "id > 3"}
  of: {type: int64, references: {table: people, column: id}}
rules:
  - {name: pair, unique: [two, of]}
quarantine: {allow: 100%}
"""
KEY_ROWS = [
    (1, "a", 1.0, 1), (2, "a", 1.0, 2), (3, None, 1.0, 2), (4, None, NAN, None), (5, "b", 5.0, 9), (6, "B", 5.0, 3), (7, "c ", None, 3),
    (8, "c", 8.0, 1), (8, "d", 9.0, 2), (10, "é", 0.0, None), (11, "e\u0301", -1.0, 1),
]  # fmt: skip
MOVED = {
    1: ["one.unique"], 2: ["one.unique", "pair"], 3: ["pair"], 5: ["of.references", "two.unique"], 6: ["two.unique"], 8: ["key.unique"],
}  # fmt: skip


def test_key_checks_move_the_same_rows_in_every_engine(place: Place) -> None:
    schema = {"id": pl.Int64, "one": pl.String, "two": pl.Float64, "of": pl.Int64}
    rows = [tuple(None if isinstance(cell, float) and math.isnan(cell) else cell for cell in row) for row in KEY_ROWS]
    frame = pl.DataFrame(rows if place.kind in ("sqlite", "mysql") else KEY_ROWS, schema=schema, orient="row")
    place.rows("CREATE TABLE people (id BIGINT)")
    place.rows("INSERT INTO people VALUES (1), (2), (3), (NULL)")
    result = _audited(place, KEYS, frame)
    assert result.rows.quarantined == len([row for row in KEY_ROWS if row[0] in MOVED])
    found: dict[int, list[str]] = {}
    for _, kept in datasync.load(place.root / "c.yaml").project.run_folder("c", "r1").read_quarantine():
        for row, reasons in zip(kept["id"].to_list(), kept["_reasons"].to_list(), strict=True):
            found[int(row)] = sorted(reasons)
    assert found == MOVED
