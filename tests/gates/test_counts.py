"""Row counts in, the verdicts of `count.*` out."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasync.contract.scalars import Limit
from datasync.gates.counts import Size, count_drift, count_max, count_min, count_tolerance
from datasync.results.model import RowCounts


@pytest.mark.parametrize(
    ("extracted", "staged", "low", "never_empty", "failed"),
    [
        (0, 0, None, True, 1), (0, 0, None, False, 0), (3, 0, None, True, 0), (0, 0, 0, True, 0),
        (3, 2, 3, False, 1), (3, 3, 3, True, 0), (9, 0, 1, False, 1),
    ],
)  # fmt: skip
def test_min(extracted: int, staged: int, low: int | None, never_empty: bool, failed: int) -> None:
    tally = count_min(RowCounts(extracted=extracted, staged=staged), low, never_empty=never_empty)
    assert (tally.evaluated, tally.failed, tally.observed) == (1, failed, staged)


def test_max() -> None:
    assert count_max(RowCounts(staged=5), 5).failed == 0
    assert count_max(RowCounts(staged=6), 5).failed == 1


@pytest.mark.parametrize(
    ("rows", "limit", "failed"),
    [
        (RowCounts(source_count=100, staged=95), Limit(share=Fraction(5, 100)), 0),
        (RowCounts(source_count=100, staged=94), Limit(share=Fraction(5, 100)), 1),
        (RowCounts(source_count=100, staged=106), Limit(share=Fraction(5, 100)), 1),
        (RowCounts(source_count=100, staged=90, quarantined=6, dropped=5, added=1), Limit(count=0), 0),
        (RowCounts(source_count=100, staged=98), Limit(count=2), 0),
        (RowCounts(source_count=100, staged=97), Limit(count=2), 1),
        (RowCounts(source_count=0, staged=1), Limit(count=2), 1),
        (RowCounts(source_count=0, staged=1), Limit(share=Fraction(1)), 1),
        (RowCounts(source_count=0), Limit(count=0), 0),
    ],
)
def test_tolerance(rows: RowCounts, limit: Limit, failed: int) -> None:
    tally = count_tolerance(rows, limit)
    assert (tally.evaluated, tally.failed, tally.error) == (1, failed, "")


def test_tolerance_without_a_source_count_cannot_be_judged() -> None:
    assert count_tolerance(RowCounts(staged=1), Limit(count=0)).error


def full(*rows: int) -> list[Size]:
    return [(number, None, None) for number in rows]


def day(rows: int, number: int, length: int = 1) -> Size:
    return rows, f"2026-01-{number:02d}", f"2026-01-{number + length:02d}"


@pytest.mark.parametrize(
    ("current", "past", "failed"),
    [
        ((10, None, None), full(10, 10), None),
        ((10, None, None), full(10, 10, 0), None),
        ((0, None, None), full(10, 10, 10), None),
        ((14, None, None), full(10, 10, 10), 0),
        ((15, None, None), full(10, 10, 10), 1),
        ((6, None, None), full(10, 10, 10), 0),
        ((5, None, None), full(10, 10, 10), 1),
        ((7, None, None), full(1, 4, 6, 100), 0),
        (day(20, 9, 2), [day(10, n) for n in (1, 2, 3)], 0),
        (day(29, 9, 2), [day(10, n) for n in (1, 2, 3)], 1),
        ((1, "2026-01-09T00:00:00+00:00", "2026-01-09T00:06:00+00:00"), [day(240, n) for n in (1, 2, 3)], 0),
        (day(10, 9), [(10, None, "2026-01-02"), *full(10, 10, 10)], None),
        ((10, None, "2026-01-02"), [day(10, n) for n in (1, 2, 3)], None),
        ((10, "1", "20"), [(10, "1", "90"), (10, None, "5"), (10, "-9", "-1")], 0),
    ],
)
def test_drift(current: Size, past: list[Size], failed: int | None) -> None:
    tally = count_drift(current, past, Fraction(40, 100))
    assert (tally.evaluated, tally.failed) == ((0, 0) if failed is None else (1, failed))
    assert tally.observed


@given(st.integers(1, 10**9), st.integers(0, 100))
def test_drift_is_exact_at_its_limit(median: int, percent: int) -> None:
    past = full(median * 100, median * 100, median * 100)
    within = Fraction(percent, 100)
    high = median * (100 + percent)
    assert count_drift((high, None, None), past, within).failed == 0
    assert count_drift((high + 1, None, None), past, within).failed == 1
