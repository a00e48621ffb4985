"""An instant and a zone in, the bound that divides a column of naive local times there out; pure.

Local times go back an hour when summer time ends: they are then not ordered as the instants they stand for, and a time that comes
twice does not say which it is. Windows lose and double nothing as long as the bound never moves back, and never lies behind a
time that the column may yet take. So a time that comes twice is taken for the second one: the rows of the first are read with it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from datasync.contract.types import DataType

Value = TypeVar("Value")
_STEP = timedelta(microseconds=1)


def held(value: Value, kind: DataType, zone: str | None) -> Value:
    """Bring a bound to how a column holds it.

    Args:
        value: of a window; only an aware datetime is changed, and only for a naive column.
        kind: of the column.
        zone: that naive times are in; None: UTC.
    """
    if isinstance(value, datetime) and value.tzinfo is not None and kind.zone is None:
        return _divider(value, ZoneInfo(zone or "UTC"))  # type: ignore[return-value]
    return value


def instant(local: datetime, zone: str) -> datetime:
    """Say which instant a naive local time stands for, in UTC: of two the second, so that `held` gives the time back."""
    aware = local.replace(tzinfo=ZoneInfo(zone))
    return aware.replace(fold=int(_repeats(aware) > timedelta())).astimezone(UTC)


def _repeats(aware: datetime) -> timedelta:
    """How far the clock goes back behind this time, if it comes twice; negative for one that does not exist, else zero."""
    first, second = aware.replace(fold=0).utcoffset(), aware.replace(fold=1).utcoffset()
    assert first is not None
    assert second is not None
    return first - second


def _divider(value: datetime, zone: ZoneInfo) -> datetime:
    """Give the local time of an instant; of one whose time comes again, the first that does."""
    local = value.astimezone(zone)
    back = _repeats(local)
    if local.fold or back <= timedelta():
        return local.replace(tzinfo=None, fold=0)
    # The clock goes back between this instant and its twin: find when, as times of the second kind say it.
    early, late = value.astimezone(UTC), value.astimezone(UTC) + back
    offset = late.astimezone(zone).utcoffset()
    while late - early > _STEP:
        middle = early + (late - early) // 2
        early, late = (early, middle) if middle.astimezone(zone).utcoffset() == offset else (middle, late)
    return late.astimezone(zone).replace(tzinfo=None, fold=0)
