"""Row counts in, the verdicts of `count.min`, `count.max`, `count.tolerance` and `count.drift` out; all arithmetic is exact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from statistics import median

from datasync.contract.scalars import Limit
from datasync.results.model import CheckTally, RowCounts

Size = tuple[int, str | None, str | None]
"""Rows of a run, and start and end of its window as text (None: no window, or from the beginning)."""

LEAST_RUNS = 3
"""Fewer runs than this make no median to compare with."""


def count_min(rows: RowCounts, low: int | None, *, never_empty: bool) -> CheckTally:
    """Judge the least number of staged rows.

    Args:
        rows: the run's counts.
        low: the contract's `count.min`; None: unset.
        never_empty: a full read, or `replace_window`: with `low` unset, reading nothing fails there and passes elsewhere.
    """
    short = never_empty and rows.extracted == 0 if low is None else rows.staged < low
    return CheckTally(evaluated=1, failed=int(short), observed=rows.staged)


def count_max(rows: RowCounts, high: int) -> CheckTally:
    """Judge the greatest number of staged rows."""
    return CheckTally(evaluated=1, failed=int(rows.staged > high), observed=rows.staged)


def count_tolerance(rows: RowCounts, limit: Limit) -> CheckTally:
    """Judge `|source - (staged + quarantined + dropped - added)| / source`; a source count of 0 requires 0.

    Args:
        rows: the run's counts, `staged` after the audit.
        limit: a share of the source's count, or a number of rows.
    """
    if rows.source_count is None:
        return CheckTally(evaluated=1, error="the source did not count its rows")
    accounted = rows.staged + rows.quarantined + rows.dropped - rows.added
    difference = abs(rows.source_count - accounted)
    within = difference == 0 if rows.source_count == 0 else limit.allows(difference, rows.source_count)
    observed = f"source {rows.source_count}, accounted for {accounted}"
    return CheckTally(evaluated=1, failed=int(not within), observed=observed)


def count_drift(current: Size, past: Sequence[Size], within: Fraction) -> CheckTally:
    """Judge how far this run's rows lie from the median of earlier runs: per hour where windows are timestamps or dates.

    Args:
        current: this run, staged rows.
        past: the last published runs; empty ones are passed over, and so are those of another sort of window.
        within: the share of the median that is allowed, inclusive.

    Returns:
        Nothing evaluated (skipped) when this run is empty or fewer than three runs can be compared with.
    """
    hourly = _is_time(current[2])
    rate = _rate(current, hourly)
    if current[0] == 0 or rate is None:
        return CheckTally(observed="no rows" if current[0] == 0 else "a window without a length")
    rates = [found for size in past if size[0] > 0 and _is_time(size[2]) == hourly and (found := _rate(size, hourly)) is not None]
    if len(rates) < LEAST_RUNS:
        return CheckTally(observed=f"{len(rates)} runs to compare with")
    middle = median(rates)
    drifted = abs(rate - middle) > within * middle
    unit = " rows per hour" if hourly else " rows"
    observed = f"{_short(rate)}{unit}, median {_short(middle)}"
    return CheckTally(evaluated=1, failed=int(drifted), observed=observed)


def _rate(size: Size, hourly: bool) -> Fraction | None:
    rows, start, end = size
    if not hourly:
        return Fraction(rows)
    if start is None or end is None:
        return None
    length = _instant(end) - _instant(start)
    if length <= timedelta(0):
        return None
    return Fraction(rows) * Fraction(3600 * 10**6, length // timedelta(microseconds=1))


def _is_time(end: str | None) -> bool:
    return end is not None and not end.lstrip("+-").isdigit()


def _instant(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _short(number: Fraction) -> str:
    return f"{float(number):.2f}".rstrip("0").rstrip(".")
