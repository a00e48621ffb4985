"""Rows in, each rule of the contract reference about row checks out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from datasync.gates import in_flight
from datasync.gates.in_flight import FlightGate
from datasync.gates.pandera_schema import SCREEN, Findings, validate
from datasync.seams import POSITION, Batch
from tests.gates.contracts import counts, judge, plan_of, reasons

AB = "columns:\n  a: {type: int64, %s}\n  b: {type: int64}\n"


@dataclass(frozen=True)
class Case:
    """Cells of `a` (and 1, 2, 3 … as `b`) and what check `a.<name>` (or a rule) sees: evaluated, failed, unknown; rows kept."""

    says: str
    a: list[Any]
    check: str
    seen: tuple[int, int, int]
    kept: list[int]


CASES = {
    "min passes on NULL and counts it": Case("min: 0", ["1", None, "-1"], "a.min", (3, 1, 1), [1, 2]),
    "nulls fail": Case("min: 0, nulls: fail", ["1", None, "-1"], "a.min", (3, 2, 0), [1]),
    "limits are inclusive": Case("min: 1, max: 1", ["1", "0", "2"], "a.max", (3, 1, 0), [1]),
    "greater_than is not": Case("greater_than: 1", ["1", "2"], "a.greater_than", (2, 1, 0), [2]),
    "less_than is not": Case("less_than: 1", ["1", "0"], "a.less_than", (2, 1, 0), [2]),
    "one_of": Case("one_of: [1, 2]", ["1", "3", None], "a.one_of", (3, 1, 1), [1, 3]),
    "required is never unknown": Case("required: true", ["1", None], "a.required", (2, 1, 0), [1]),
    "required is unknown where the cell cannot be cast": Case("required: true", ["1", "x"], "a.required", (2, 0, 1), [1]),
    "a key is required": Case("key: true", ["1", None], "a.required", (2, 1, 0), [1]),
    "type judges a missing cell and passes it": Case("min: 0", [None, "1"], "a.type", (2, 0, 0), [1, 2]),
    "a bad cell fails type": Case("min: 0", ["x", "1"], "a.type", (2, 1, 0), [2]),
    "a bad cell leaves other checks unknown": Case("min: 0", ["x", "1"], "a.min", (2, 0, 1), [2]),
    "a bad cell fails what nulls fail": Case("min: 0, nulls: fail", ["x", "1"], "a.min", (2, 1, 0), [2]),
    "warn is counted and goes on": Case("min: 0, severity: warn", ["-1", "1"], "a.min", (2, 1, 0), [1, 2]),
    "where selects": Case("min: 0, where: b > 1", ["-1", "-1", "1"], "a.min", (2, 1, 0), [1, 3]),
    "where of the column itself": Case("max: 9, where: a > 5", ["1", "7", "12", None, "x"], "a.max", (2, 1, 0), [1, 2, 4]),
    "surrounding spaces": Case("min: 0", [" 1", "1 ", "+1", "007"], "a.type", (4, 2, 0), [3, 4]),
    "overflow": Case("min: 0", ["9223372036854775807", "9223372036854775808"], "a.type", (2, 1, 0), [1]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_meaning(case: Case) -> None:
    frame = pl.DataFrame({"a": case.a, "b": list(range(1, len(case.a) + 1))}, schema={"a": pl.String, "b": pl.Int64})
    judged = judge(AB % case.says, frame)
    assert counts(judged)[case.check] == case.seen
    assert judged.accepted.frame["b"].to_list() == case.kept
    assert judged.tally.rejected == len(case.a) - len(case.kept)
    assert not any(tally.error for tally in judged.tally.checks.values())


RULES = {
    "rule": ("{name: r, rule: b >= a}", (4, 1, 1), [1, 3, 4]),
    "rule with nulls fail": ("{name: r, rule: b >= a, nulls: fail}", (4, 2, 0), [1, 4]),
    "rule over IS NULL": ("{name: r, rule: a IS NULL OR b >= a}", (4, 1, 0), [1, 3, 4]),
    "warn rule": ("{name: r, rule: b >= a, severity: warn}", (4, 1, 1), [1, 2, 3, 4]),
    "NULL where does not select": ("{name: r, rule: b > 100, where: a < 9, nulls: fail}", (2, 2, 0), [2, 3]),
    "where with unknown": ("{name: r, rule: b >= a, where: b >= 2}", (3, 1, 1), [1, 3, 4]),
    "rule without a column": ("{name: r, rule: today() < DATE '2026-01-16'}", (4, 0, 0), [1, 2, 3, 4]),
    "clock of the run": ("{name: r, rule: today() = DATE '2026-01-16'}", (4, 4, 0), []),
}


@pytest.mark.parametrize(("rule", "seen", "kept"), RULES.values(), ids=RULES.keys())
def test_rules(rule: str, seen: tuple[int, int, int], kept: list[int]) -> None:
    frame = pl.DataFrame({"a": ["1", "9", None, "4"], "b": ["1", "2", "3", "4"]})
    judged = judge(f"columns:\n  a: {{type: int64}}\n  b: {{type: int64}}\nrules:\n  - {rule}\n", frame)
    assert counts(judged)["r"] == seen
    assert judged.accepted.frame["b"].to_list() == kept


def test_a_bad_cell_leaves_rules_over_it_unknown_and_other_columns_judged() -> None:
    body = """columns:
  id: {type: int64}
  price: {type: int64, min: 0, max: 100}
  qty: {type: int64, min: 0}
rules:
  - {name: cheap, rule: price IS NULL OR price < 50}
"""
    judged = judge(body, pl.DataFrame({"id": ["1", "2", "3"], "price": ["5", "abc", "7"], "qty": ["1", "-1", "1"]}))
    assert counts(judged) == {
        "id.type": (3, 0, 0),
        "price.type": (3, 1, 0),
        "price.min": (3, 0, 1),
        "price.max": (3, 0, 1),
        "qty.type": (3, 0, 0),
        "qty.min": (3, 1, 0),
        "cheap": (3, 0, 1),
    }
    assert reasons(judged) == [["price.type", "qty.min"]]


def test_nan_counts_as_missing_and_stays() -> None:
    body = "columns:\n  a: {type: float64, min: 0, required: true, severity: warn}\n"
    judged = judge(body, pl.DataFrame({"a": [1.0, float("nan"), None, -1.0]}))
    assert counts(judged) == {"a.type": (4, 0, 0), "a.required": (4, 2, 0), "a.min": (4, 1, 2)}
    assert str(judged.accepted.frame["a"].to_list()) == "[1.0, nan, None, -1.0]"


def test_further_checks_have_their_own_settings() -> None:
    body = "columns:\n  a: {type: int64, min: 0, checks: [{name: usual, max: 9, severity: warn}, {name: odd, one_of: [1, 3]}]}\n"
    judged = judge(body, pl.DataFrame({"a": [1, 11, 2, -1]}))
    assert counts(judged) == {"a.type": (4, 0, 0), "a.min": (4, 1, 0), "a.usual": (4, 1, 0), "a.odd": (4, 3, 0)}
    assert reasons(judged) == [["a.odd"], ["a.odd"], ["a.min", "a.odd"]]


TYPES = [
    ("decimal(6,2)", ["1.5", "1.50", "1.005", "1,0", "12345.00"], [1, 2]),
    ("bool", ["true", "F", "Y", "on", "2"], [1, 2, 3]),
    ("date", ["2026-01-31", "2026-02-31", "31/01/2026", "2026-1-1", ""], [1]),
    ("timestamp[us, UTC]", ["2026-01-01T00:00:00Z", "2026-01-01T09:00:00+09:00", "2026-01-01T00:00:00", "x", ""], [1, 2]),
    ("string", ["NA", "null", "None", " ", ""], [1, 2, 3, 4, 5]),
    ("uuid", ["123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000", "x", "", "1"], [1]),
    ("json", ['{"a": 1}', "[1]", "{", "nul", "1"], [1, 2, 5]),
    ("list<int64>", ["[1, 2]", "[]", "[1.5]", "{}", "x"], [1, 2]),
    ("time", ["12:00:00", "25:00:00", "12:00", "noon", ""], [1, 3]),
]


@pytest.mark.parametrize(("kind", "cells", "kept"), TYPES, ids=[kind for kind, _, _ in TYPES])
def test_types_of_text(kind: str, cells: list[str], kept: list[int]) -> None:
    judged = judge(
        f'columns:\n  id: {{type: int64}}\n  v: {{type: "{kind}"}}\n', pl.DataFrame({"id": [1, 2, 3, 4, 5], "v": cells})
    )
    assert judged.accepted.frame["id"].to_list() == kept
    assert counts(judged)["v.type"] == (5, 5 - len(kept), 0)
    assert not any(tally.error for tally in judged.tally.checks.values())


def test_a_typed_column_that_cannot_be_cast_fails_in_every_cell_that_is_there() -> None:
    judged = judge("columns:\n  d: {type: date}\n", pl.DataFrame({"d": [True, None, False]}))
    assert counts(judged) == {"d.type": (3, 2, 0)}
    assert judged.accepted.frame["d"].dtype == pl.Date


def test_accepted_rows_have_the_declared_columns_typed_and_in_order() -> None:
    frame = pl.DataFrame({"b": ["1", "x"], "note": ["n", "m"], "a": ["2", "3"], POSITION: [7, 8]})
    body = "columns:\n  a: {type: int32}\n  b: {type: int64}\nunknown_columns: %s\n"
    for word, columns in (("fail", ["a", "b"]), ("drop", ["a", "b"]), ("evolve", ["a", "b", "note"])):
        judged = judge(body % word, frame)
        assert judged.accepted.frame.columns == [*columns, POSITION]
        assert judged.accepted.number == 3
    assert judged.accepted.frame.schema["a"] == pl.Int32
    assert judged.rejected is not None
    assert_frame_equal(judged.rejected.frame, frame[1:])


def test_the_source_gate_lets_other_columns_pass_as_they_are() -> None:
    plan = replace(plan_of("columns:\n  b: {type: int64}\n", unknown_columns="pass"), gate="source")
    frame = pl.DataFrame({"note": ["n", "m"], "b": ["1", "x"], POSITION: [1, 2]})
    judged = FlightGate(plan).judge(Batch(frame))
    assert_frame_equal(judged.accepted.frame, pl.DataFrame({"note": ["n"], "b": [1], POSITION: [1]}))


def test_an_absent_column_is_null_where_the_kind_says_so_and_else_cannot_be_judged() -> None:
    body = AB % "min: 0"
    judged = judge(body, pl.DataFrame({"b": [1]}), absent_is_null=True)
    assert counts(judged) == {"a.type": (1, 0, 0), "a.min": (1, 0, 1), "b.type": (1, 0, 0)}
    assert judged.accepted.frame.rows() == [(None, 1)]
    judged = judge(body, pl.DataFrame({"b": [1]}))
    assert {name for name, tally in judged.tally.checks.items() if tally.error} == {"a.type", "a.min"}


@pytest.mark.parametrize(("samples", "shown"), [("mask", ("Aa99-9".lower(), "-9")), ("show", ("Bo12-3", "-7")), ("hide", ())])
def test_samples_of_failing_cells(samples: str, shown: tuple[str, ...]) -> None:
    body = f"columns:\n  a: {{type: int64, min: 0, samples: {samples}}}\n"
    judged = judge(body, pl.DataFrame({"a": ["Bo12-3", "-7", "1"]}))
    seen = judged.tally.checks["a.type"].samples + judged.tally.checks["a.min"].samples
    assert seen == shown


def test_samples_are_few_short_and_only_of_checks_over_one_column() -> None:
    body = "columns:\n  a: {type: string, max_length: 2}\n  b: {type: string}\nrules:\n  - {name: r, rule: a = b}\n"
    judged = judge(body, pl.DataFrame({"a": ["서울é" * 30] * 9, "b": ["1"] * 9}))
    assert [len(text) for text in judged.tally.checks["a.max_length"].samples] == [40] * 5
    assert set(judged.tally.checks["a.max_length"].samples[0]) == {"a"}
    assert judged.tally.checks["r"].samples == ()


def test_no_rows_and_no_batch() -> None:
    gate = FlightGate(plan_of(AB % "min: 0"))
    judged = gate.judge(Batch(pl.DataFrame(schema={"a": pl.String, "b": pl.String})))
    assert judged.rejected is None
    assert judged.accepted.frame.schema == {"a": pl.Int64, "b": pl.Int64}
    assert gate.empty() == judged.tally


def test_the_diagnosis_never_runs_on_a_good_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr(in_flight, "validate", lambda schema, frame: ran.append(frame.height) or validate(schema, frame))
    judge(AB % "min: 0", pl.DataFrame({"a": [1, 2], "b": [1, 2]}))
    assert ran == [0, 2]
    judge(AB % "min: 0", pl.DataFrame({"a": [1, -2], "b": [1, 2]}))
    assert ran == [0, 2, 0, 2, 1]


@dataclass(frozen=True)
class Breaking:
    """An expression that raises while it is evaluated, or (without one) while it is emitted."""

    columns: tuple[str, ...]
    expression: pl.Expr | None

    def polars(self, clock: datetime | None = None) -> pl.Expr:
        if self.expression is None:
            raise RuntimeError("secret 42")
        return self.expression


@pytest.mark.parametrize("expression", [pl.col("s").str.to_integer(strict=True) > 0, pl.col("nowhere") > 0, None])
@pytest.mark.parametrize("good", [True, False])
def test_an_exception_inside_a_check_is_its_error_and_no_failure(expression: pl.Expr | None, good: bool) -> None:
    plan = plan_of("columns:\n  s: {type: string}\n  a: {type: int64, min: 0}\nrules:\n  - {name: r, rule: a > 0}\n")
    broken = Breaking(("s",), expression)
    checks = tuple(replace(check, predicate=broken) if check.name == "r" else check for check in plan.checks)  # type: ignore[arg-type]
    judged = FlightGate(replace(plan, checks=checks)).judge(
        Batch(pl.DataFrame({"s": ["hunter", "x"], "a": [1, 1 if good else -1]}))
    )
    tally = judged.tally.checks["r"]
    assert tally.error.startswith("could not be")
    assert "hunter" not in tally.error
    assert "42" not in tally.error
    assert tally.failed == 0
    assert counts(judged)["a.min"] == (2, int(not good), 0)
    assert judged.accepted.frame.height == 1 + good


def test_screen_and_diagnosis_that_disagree_are_an_error_of_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def lying(schema: Any, frame: pl.DataFrame) -> Findings:
        found = validate(schema, frame)
        return found if SCREEN not in found.failed else Findings({SCREEN: pl.Series([True] * frame.height)})

    monkeypatch.setattr(in_flight, "validate", lying)
    judged = judge(AB % "min: 0", pl.DataFrame({"a": [1, -2], "b": [1, 2]}))
    assert all("different rows" in tally.error for tally in judged.tally.checks.values())


@pytest.mark.parametrize("name", ["PANDERA_VALIDATION_ENABLED", "PANDERA_VALIDATION_DEPTH"])
def test_the_gate_does_not_listen_to_panderas_switches(name: str) -> None:
    from pandera.config import config_context

    setting = {"validation_enabled": False} if name.endswith("ENABLED") else {"validation_depth": "SCHEMA_ONLY"}
    with config_context(**setting):  # type: ignore[arg-type]
        judged = judge(AB % "min: 0", pl.DataFrame({"a": [1, -2], "b": [1, 2]}))
    assert judged.tally.rejected == 1


def test_rejected_rows_do_not_keep_their_batch_in_memory() -> None:
    rows = 20_000
    frame = pl.DataFrame({"a": [1] * (rows - 1) + [-1], "s": [f"{n:0>200}" for n in range(rows)], "l": [["y" * 50]] * rows})
    judged = judge("columns:\n  a: {type: int64, min: 0}\n", frame)
    assert judged.rejected is not None
    # What Arrow can reach from the frame; slices of views reach their parent's buffers.
    table = judged.rejected.frame.to_arrow(compat_level=pl.CompatLevel.newest())
    assert table.get_total_buffer_size() < 2_000
    assert_frame_equal(judged.rejected.frame, frame[-1:])


def test_odd_names_do_not_meet_the_gates_own() -> None:
    body = 'columns:\n  __row: {type: int64, min: 0}\n  "__bad.__row": {type: int64}\n  "a b\'c": {type: int64, max: 3}\n'
    frame = pl.DataFrame({"__row": ["1", "x", "-1"], "__bad.__row": [1, 2, 3], "a b'c": [1, 2, 4]})
    judged = judge(body, frame)
    assert reasons(judged) == [["__row.type"], ["__row.min", "a b'c.max"]]
