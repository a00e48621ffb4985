"""Newest values and clocks in, the verdict of `freshness` out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from datasync.gates.freshness import Moment, freshness

DAY = timedelta(hours=24)
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
AGO = NOON - DAY

CASES: dict[str, tuple[Any, Moment, int, Any]] = {
    "no value": (None, Moment(NOON), 1, "no value"),
    "just old enough": (AGO, Moment(NOON), 0, 86400),
    "a microsecond too old": (AGO - timedelta(microseconds=1), Moment(NOON), 1, 86400),
    "five minutes ahead": (NOON + timedelta(minutes=5), Moment(NOON), 0, -300),
    "more ahead": (NOON + timedelta(minutes=5, microseconds=1), Moment(NOON), 1, -301),
    "an explicit end counts instead of the clock": (
        datetime(2025, 1, 1, tzinfo=UTC),
        Moment(NOON, datetime(2025, 1, 2, tzinfo=UTC)),
        0,
        86400,
    ),
    "an explicit end as a date": (datetime(2025, 1, 1, tzinfo=UTC), Moment(NOON, date(2025, 1, 2)), 0, 86400),
    "an end in the future does not": (AGO, Moment(NOON, NOON + DAY), 0, 86400),
    "behind the explicit end, not in the future": (AGO, Moment(NOON, AGO - DAY), 0, -86400),
    "an integer end says nothing": (AGO, Moment(NOON, 17), 0, 86400),
    "a naive value in its zone": (datetime(2026, 1, 15, 21), Moment(NOON, zone="Asia/Seoul"), 0, 0),
    "a date counts from its midnight": (date(2026, 1, 14), Moment(NOON), 1, 129600),
    "a date in its zone": (date(2026, 1, 15), Moment(NOON, zone="Asia/Seoul"), 0, 75600),
    "a date of tomorrow": (date(2026, 1, 16), Moment(NOON), 1, -43200),
}


@pytest.mark.parametrize(("newest", "moment", "failed", "observed"), CASES.values(), ids=CASES.keys())
def test_freshness(newest: Any, moment: Moment, failed: int, observed: Any) -> None:
    tally = freshness(newest, DAY, moment)
    assert (tally.evaluated, tally.failed, tally.observed, tally.error) == (1, failed, observed, "")


def test_a_naive_value_without_a_zone_cannot_be_judged() -> None:
    assert "timezone" in freshness(datetime(2026, 1, 15), DAY, Moment(NOON)).error
