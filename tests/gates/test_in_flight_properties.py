"""Random batches in, laws that hold for every gate out: rows are conserved, tallies add up, screen and diagnosis agree."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from datasync.gates.in_flight import FlightGate, Judged
from datasync.gates.pandera_schema import SCREEN, validate
from datasync.results.model import GateTally
from datasync.seams import POSITION, Batch
from tests.gates.contracts import plan_of

BODY = """columns:
  a: {type: int64, key: true, min: 0, max: 9, where: "b > 0"}
  b: {type: "decimal(4,1)", one_of: [0.5, 1, 2], nulls: fail, severity: warn}
  f: {type: float64, min: 0, less_than: 5}
  s: {type: string, pattern: '^[a-z]+$', max_length: 2, format: country, severity: warn}
rules:
  - {name: r, rule: "a >= b OR s IS NULL"}
  - {name: w, rule: "f > a", where: "s <> 'x'", nulls: fail, severity: warn}
  - {name: n, rule: "CASE WHEN a > 3 THEN b > 1 END"}
"""
PLAN = plan_of(BODY)
GATE = FlightGate(PLAN)

ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, "1", "5", "-1", "12", "x", " 1"]),
        st.sampled_from([None, "0.5", "1.0", "2", "3", "1.25", ""]),
        st.sampled_from([None, 0.0, -1.0, 4.5, 7.0, float("nan"), float("inf")]),
        st.sampled_from([None, "a", "x", "KR", "abc", "A1"]),
    ),
    max_size=30,
)


def _frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    schema = {"a": pl.String, "b": pl.String, "f": pl.Float64, "s": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.int_range(pl.len()).alias(POSITION))


def _judge(frame: pl.DataFrame) -> Judged:
    return GATE.judge(Batch(frame))


@settings(deadline=None, max_examples=30)
@given(ROWS)
def test_rows_are_conserved(rows: list[tuple[object, ...]]) -> None:
    judged = _judge(_frame(rows))
    rejected = [] if judged.rejected is None else judged.rejected.frame[POSITION].to_list()
    assert sorted(judged.accepted.frame[POSITION].to_list() + rejected) == list(range(len(rows)))
    assert judged.tally.rows == len(rows)
    assert judged.tally.rejected == len(rejected)
    assert judged.rejected is None or all(judged.rejected.reasons.list.len() > 0)


@settings(deadline=None, max_examples=30)
@given(ROWS, st.integers(0, 30))
def test_tallies_of_parts_add_up_to_the_tally_of_the_whole(rows: list[tuple[object, ...]], cut: int) -> None:
    frame = _frame(rows)
    parts = [_judge(frame[:cut]), _judge(frame[cut:])]
    assert parts[0].tally + parts[1].tally == _judge(frame).tally
    assert GATE.empty() + parts[0].tally == parts[0].tally


@settings(deadline=None, max_examples=30)
@given(ROWS)
def test_screen_and_diagnosis_name_the_same_rows(rows: list[tuple[object, ...]]) -> None:
    typed = GATE._typed(_frame(rows))
    masked = bool(typed.masks)
    screened = validate(GATE._screen(masked), typed.frame)
    diagnosed = validate(GATE._diagnosis(masked, typed.frame), typed.frame)
    assert not screened.errors
    assert not diagnosed.errors
    each = [series.to_list() for series in diagnosed.failed.values()]
    anyone = [any(row) for row in zip(*each, strict=True)] if each else [False] * len(rows)
    screen = screened.failed[SCREEN].to_list() if SCREEN in screened.failed else [False] * len(rows)
    assert screen == anyone


@settings(deadline=None, max_examples=30)
@given(ROWS)
def test_counts_are_those_of_each_check_asked_alone_over_all_rows(rows: list[tuple[object, ...]]) -> None:
    """The gate takes short cuts (cells missing, rows rejected); here every predicate is evaluated plainly."""
    typed = GATE._typed(_frame(rows))
    judged = _judge(_frame(rows))
    for check in PLAN.checks:
        if check.predicate is None or check.family != "row":
            continue
        bad = [typed.masks[name] for name in check.predicate.columns if name in typed.masks]
        verdicts = typed.frame.select(check.predicate.polars(PLAN.clock)).to_series().to_list()
        verdicts = [None if any(mask[row] for mask in bad) else verdict for row, verdict in enumerate(verdicts)]
        if check.where is not None:
            blind = [typed.masks[name] for name in check.where.columns if name in typed.masks]
            chosen = typed.frame.select(check.where.polars(PLAN.clock)).to_series().to_list()
            keep = [bool(yes) and not any(mask[row] for mask in blind) for row, yes in enumerate(chosen)]
            verdicts = [verdict for verdict, kept in zip(verdicts, keep, strict=True) if kept]
        unknown = verdicts.count(None)
        fails = check.nulls == "fail"
        expected = (len(verdicts), verdicts.count(False) + unknown * fails, 0 if fails else unknown)
        tally = judged.tally.checks[check.name]
        assert (tally.evaluated, tally.failed, tally.unknown) == expected, check.name


def test_the_empty_tally_changes_nothing() -> None:
    assert GateTally() + GATE.empty() == GATE.empty()
