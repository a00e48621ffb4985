"""The newest value of a column in, the verdict of `freshness` out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from datasync.results.model import CheckTally
from datasync.seams import WindowValue

AHEAD = timedelta(minutes=5)
"""How far clocks may differ before a value counts as one of the future."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When freshness is judged.

    Attributes:
        clock: the target system's time, aware.
        explicit_end: end of an explicit window; an integer says nothing about time.
        zone: IANA zone of values and dates that carry none.
    """

    clock: datetime
    explicit_end: WindowValue | None = None
    zone: str | None = None


def freshness(newest: date | datetime | None, max_age: timedelta, moment: Moment) -> CheckTally:
    """Judge `min(clock, explicit window end) - newest <= max_age`.

    Args:
        newest: greatest value of the column; a date counts from its midnight; None: there is no value.
        max_age: oldest age allowed, inclusive.
        moment: when.

    Returns:
        One thing evaluated; observed: the age in whole seconds, or why there is none.
    """
    if newest is None:
        return CheckTally(evaluated=1, failed=1, observed="no value")
    if isinstance(newest, datetime) and newest.tzinfo is None and moment.zone is None:
        return CheckTally(evaluated=1, error="the column has no zone: say which with timezone")
    value = _instant(newest, moment.zone)
    reference = moment.clock
    if isinstance(moment.explicit_end, date):
        reference = min(reference, _instant(moment.explicit_end, moment.zone))
    age = reference - value
    late = age > max_age or value - moment.clock > AHEAD
    return CheckTally(evaluated=1, failed=int(late), observed=age // timedelta(seconds=1))


def _instant(value: date | datetime, zone: str | None) -> datetime:
    local = value if isinstance(value, datetime) else datetime.combine(value, time())
    if local.tzinfo is None:
        local = local.replace(tzinfo=ZoneInfo(zone) if zone else UTC)
    return local.astimezone(UTC)
