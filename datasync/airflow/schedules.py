"""A contract's schedule in, Airflow's out: cron and presets, fixed intervals, assets, and cron with catchup."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset, CronDataIntervalTimetable, CronTriggerTimetable

from datasync.contract.model import Assets, Contract, Cron, Every

START = datetime(2025, 1, 1, tzinfo=UTC)
"""Airflow wants a date; without catchup it only says that the schedule is not in the future."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a DAG runs.

    Attributes:
        window: templates of the explicit window that scheduled runs and backfills read; None: by the watermark.
    """

    schedule: Any
    start: datetime = START
    catchup: bool = False
    window: tuple[str | None, str | None] = (None, None)


INTERVAL = (
    "{{ data_interval_start.isoformat() if data_interval_start and data_interval_start < data_interval_end else '' }}",
    "{{ data_interval_end.isoformat() if data_interval_start and data_interval_start < data_interval_end else '' }}",
)
"""A run that was started by hand has no interval: it goes by the watermark."""


def timing(contract: Contract) -> Timing:
    """Translate a contract's schedule.

    A cron text becomes a trigger without data interval: its runs go by the watermark. Only `{cron, catchup, start}` has
    intervals, so that catchup and backfills read theirs.
    """
    given = contract.schedule
    if isinstance(given, Every):
        return Timing(given.every)
    if isinstance(given, Assets):
        return Timing([_asset(text) for text in given.assets])
    if isinstance(given, Cron):
        schedule = CronDataIntervalTimetable(given.cron, timezone=contract.timezone)
        return Timing(schedule, _start(given.start, contract.timezone), given.catchup, _window(contract))
    if given is None or given.startswith("@"):
        return Timing(given)
    return Timing(CronTriggerTimetable(given, timezone=contract.timezone))


def _asset(text: str) -> Any:
    """A URI is an asset of that URI; a name is the asset of the contract of that name."""
    return Asset(uri=text) if "://" in text else Asset.ref(name=text)


def _start(text: str | None, zone: str) -> datetime:
    if text is None:
        return START
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))


def _window(contract: Contract) -> tuple[str | None, str | None]:
    """`replace` always reads in full; only timestamps and dates have intervals that a schedule knows."""
    if contract.target is not None and contract.target.write == "replace":
        return None, None
    return INTERVAL
