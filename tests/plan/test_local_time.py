"""Bounds of windows over naive columns, on the days on which the clock goes back or ahead (F60, F62)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from datasync.contract.types import DataType
from datasync.plan.local_time import held, instant

NAIVE = DataType("timestamp")
ZONE = "America/New_York"
BACK = datetime(2024, 11, 3, 6, tzinfo=UTC)
"""When New York's clocks go from 02:00 to 01:00."""


def test_zoned_columns_and_other_values_stay() -> None:
    assert held(BACK, DataType("timestamp", zone=ZONE), ZONE) is BACK
    assert held(7, DataType("int64"), None) == 7
    assert held(BACK, NAIVE, None) == BACK.replace(tzinfo=None)


@pytest.mark.parametrize("zone", [ZONE, "Australia/Lord_Howe", "Europe/Dublin", "America/Sao_Paulo", "Asia/Seoul"])
@pytest.mark.parametrize(
    "day", ["2018-02-17", "2018-11-03", "2024-03-09", "2024-03-30", "2024-04-06", "2024-10-05", "2024-10-26", "2024-11-02"]
)
def test_no_row_is_behind_a_bound_that_was_read(zone: str, day: str) -> None:
    """A row of an instant lies at or behind every bound of that instant or before, and no bound lies before an earlier one."""
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
    moments = [begin + timedelta(minutes=7 * number) for number in range(3 * 24 * 60 // 7)]
    bounds = [held(moment, NAIVE, zone) for moment in moments]
    assert bounds == sorted(bounds)
    later = None
    for moment, bound in zip(reversed(moments), reversed(bounds), strict=True):
        written = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        later = written if later is None else min(later, written)
        assert bound <= later


def test_a_time_that_comes_twice_is_the_second() -> None:
    assert held(BACK - timedelta(minutes=15), NAIVE, ZONE) == datetime(2024, 11, 3, 1)
    assert held(BACK + timedelta(minutes=15), NAIVE, ZONE) == datetime(2024, 11, 3, 1, 15)
    assert instant(datetime(2024, 11, 3, 1, 15), ZONE) == BACK + timedelta(minutes=15)
    assert instant(datetime(2024, 7, 1), ZONE) == datetime(2024, 7, 1, 4, tzinfo=UTC)


def test_a_midnight_that_does_not_exist_is_the_hour_behind() -> None:
    assert held(instant(datetime(2018, 11, 4), "America/Sao_Paulo"), NAIVE, "America/Sao_Paulo") == datetime(2018, 11, 4, 1)
