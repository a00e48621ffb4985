"""What checks saw in a row of runs in, drawings with the threshold out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from datasync.history.rows import RunRow
from datasync.history.views import CheckPoint, DayFigures
from datasync.reports.charts import Drawing, Series, bars, lines, trend, written
from datasync.results import words

if TYPE_CHECKING:
    from markupsafe import Markup


def time_labels(times: Sequence[datetime]) -> list[str]:
    """Label points of time as shortly as tells them apart: the time of day of one day, else the date; seconds where needed."""
    one_day = len({moment.date() for moment in times}) == 1
    daily = all(moment.time() == times[0].time() for moment in times)
    forms = ("%H:%M", "%H:%M:%S") if one_day else ("%m-%d",) if daily else ("%m-%d %H:%M", "%m-%d %H:%M:%S")
    for form in forms:
        labels = [moment.strftime(form) for moment in times]
        if len(set(labels)) == len(labels):
            break
    return labels


def check_trend(points: Sequence[CheckPoint], runs: Mapping[str, RunRow], size: tuple[int, int] = (460, 140)) -> Markup | None:
    """Draw a check over time: the observed figure of a table check, the failing share of the others.

    Args:
        points: newest first.
        runs: run id to run, for the times.
        size: width and height.

    Returns:
        None when there is nothing to see: fewer than two points, or no figure.
    """
    seen = [point for point in reversed(points) if point.status != "skipped" and point.run_id in runs]
    table = bool(seen) and seen[-1].kind in words.TABLE
    values = [point.observed if table else share_of(point) for point in seen]
    known = [value for value in values if value is not None]
    if len(known) < 2 or not seen:
        return None
    unit = "s" if seen[-1].kind == "freshness" else "" if table else "%"
    bound = seen[-1].threshold
    limit = bound if table or bound is None else 100 * bound
    said = f"{seen[-1].name}, {len(known)} runs: from {written(known[0], unit)} to {written(known[-1], unit)}"
    said += f", greatest {written(max(known), unit)}" + (f", threshold {written(limit, unit)}" if limit is not None else "")
    labels = time_labels([runs[point.run_id].started_at for point in seen])
    return trend(Drawing(said, labels, unit, *size), Series("observed" if table else "failing", values), limit)


def share_of(point: CheckPoint) -> float | None:
    """Give the share of rows that broke a check, in percent."""
    return 100 * point.failed / point.evaluated if point.evaluated else None


def volumes(runs: Sequence[RunRow]) -> Markup | None:
    """Draw how many rows each run published, set aside, or held back; runs newest first."""
    shown = _over(runs)
    if len(shown) < 2:
        return None
    held = [max(run.extracted - run.quarantined - run.published, 0) if not run.committed else 0 for run in shown]
    parts = [
        Series("published", [run.published for run in shown]),
        Series("set aside", [run.quarantined for run in shown]),
        Series("not published", held),
    ]
    total = sum(run.published for run in shown)
    said = f"Rows of the last {len(shown)} runs: {total:,} published, {sum(run.quarantined for run in shown):,} set aside"
    return bars(Drawing(said, time_labels([run.started_at for run in shown])), parts)


def scores(runs: Sequence[RunRow]) -> Markup | None:
    """Draw the quality of each run; runs newest first."""
    shown = [run for run in reversed(runs) if run.score is not None]
    if len(shown) < 2:
        return None
    values = [run.score for run in shown]
    said = f"Quality of the last {len(shown)} runs, from {values[0]:.1f} to {values[-1]:.1f} of 100"
    return lines(Drawing(said, time_labels([run.started_at for run in shown])), [Series("quality", values)])


def quality_per_day(days: Sequence[DayFigures]) -> Markup:
    """Draw mean quality over days; oldest first, each with a score."""
    values = [day.score for day in days]
    said = f"Quality of {days[-1].contract} on {len(days)} days, from {values[0]:.1f} to {values[-1]:.1f} of 100"
    return lines(Drawing(said, [day.day[5:] for day in days]), [Series("quality", values)])


def durations(runs: Sequence[RunRow]) -> Markup | None:
    """Draw how long each run took; runs newest first."""
    shown = _over(runs)
    if len(shown) < 2:
        return None
    values = [run.seconds for run in shown]
    said = f"Seconds of the last {len(shown)} runs, from {words.seconds(min(values))} to {words.seconds(max(values))}"
    return lines(Drawing(said, time_labels([run.started_at for run in shown]), "s"), [Series("took", values)])


def _over(runs: Sequence[RunRow]) -> list[RunRow]:
    """Those that are over, oldest first: what goes on has no figures yet."""
    return [run for run in reversed(runs) if run.status != "running"]
