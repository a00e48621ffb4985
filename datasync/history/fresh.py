"""What history says of the last freshness in, the newest value that was known then out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select

from datasync.history import tables


def last_freshness(sync: str) -> Select[Any]:
    """Ask for a row as `newest_of` takes it: of the last run that published rows whose freshness was seen."""
    runs, checks = tables.runs.c, tables.checks.c
    return (
        select(runs.started_at, runs.explicit, runs.window_end, checks.observed)
        .join_from(tables.runs, tables.checks, runs.run_id == checks.run_id)
        .where(runs.sync == sync, runs.committed, runs.staged > 0, checks.kind == "freshness", checks.observed.is_not(None))
        .order_by(runs.started_at.desc())
        .limit(1)
    )


def newest_of(rows: Iterable[Any]) -> datetime | None:
    """Turn an age back into an instant.

    Args:
        rows: of a run each: when it started, whether its window was given, the window's end as text, the age in seconds.

    Returns:
        The first row's, too old by the time from its start to its audit at most; None: there is no row.
    """
    for started, explicit, end, age in rows:
        reference: datetime = started.replace(tzinfo=UTC) if started.tzinfo is None else started
        limit = _instant(end) if explicit and end else None
        return min(reference, limit or reference) - timedelta(seconds=float(age))
    return None


def _instant(text: str) -> datetime | None:
    """Read a window's end; one of whole numbers says nothing about time."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
