"""What a run's page needs, gathered, in; the page's text out. Templates only lay out what is worked out here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from datasync.history.views import CheckPoint
from datasync.reports.html.render import render
from datasync.reports.html.trends import check_trend, share_of
from datasync.reports.html.views import STRIP, AsideRow, RunPage
from datasync.results import words
from datasync.results.model import CheckResult, RunResult, StageResult

if TYPE_CHECKING:
    from markupsafe import Markup

FIRST = 10
"""Findings that are shown at once; the rest is folded."""
DRAWN = 40
"""Trends drawn on one page, the worst checks first: a page of hundreds stays quick to build and to read."""


def run_page(page: RunPage) -> str:
    """Lay out one run: verdict, failures, past runs, rows, what to do; then everything else, folded."""
    return render("run.html.j2", **run_values(page))


def run_values(page: RunPage) -> dict[str, Any]:
    """Give what the template of a run's page is filled with."""
    result = page.result
    bad = [check for check in words.sorted_checks(result.checks) if check.status in words.BAD]
    rest = [check for check in words.sorted_checks(result.checks) if check.status not in words.BAD]
    draw = _Trends(page)
    findings = [_Shown.of(check, page, draw) for check in _by_weight(bad)]
    return {
        "page": page,
        "result": result,
        "verdict": words.verdict(result, page.published_at),
        "judged": any(check.status != "skipped" for check in result.checks),
        "findings": findings[:FIRST],
        "more": findings[FIRST:],
        "rest": [_Shown.of(check, page, draw) for check in rest],
        "strip": list(reversed(page.past[:STRIP])),
        "flow": row_parts(result),
        "stages": timeline(result),
        "todo": todo(result),
        "marked": {page.contract.places[check.name] for check in bad if check.name in page.contract.places}
        if page.contract
        else (),
    }


def _by_weight(checks: Sequence[CheckResult]) -> list[CheckResult]:
    """Errors before warnings, then by the share of rows that broke them."""

    def weight(check: CheckResult) -> tuple[int, int, float]:
        share = check.failed / check.evaluated if check.evaluated else 1.0
        return words.ORDER.index(check.status), int(check.severity == "warn"), -share

    return sorted(checks, key=weight)


class _Trends:
    """Draws the trends of one page, up to a budget; a check that was never anything but zero has no trend to see."""

    def __init__(self, page: RunPage) -> None:
        self._runs = {row.run_id: row for row in page.past}
        self._left = DRAWN

    def draw(self, points: Sequence[CheckPoint]) -> Markup | None:
        moved = any(point.observed is not None or share_of(point) for point in points)
        if not moved or not self._left:
            return None
        drawn = check_trend(points, self._runs)
        self._left -= drawn is not None
        return drawn


@dataclass(frozen=True, slots=True)
class _Shown:
    """A check with the words around it."""

    check: CheckResult
    seen: str
    limit: str
    since: str
    line: int | None
    share: float
    allowed: float | None
    trend: Markup | None
    rows: Sequence[AsideRow]

    @classmethod
    def of(cls, check: CheckResult, page: RunPage, trends: _Trends) -> _Shown:
        line = page.contract.places.get(check.name) if page.contract else None
        share = 100 * check.failed / check.evaluated if check.evaluated else 0.0
        points = page.checks.get(check.name, ())
        by_rows = check.type not in words.TABLE and check.threshold is not None
        allowed = 100 * check.threshold if by_rows and check.threshold is not None else None
        return cls(
            check, words.check_line(check), words.limit_line(check), _since(points, page), line, share, allowed,
            trends.draw(points), [row.short for row in page.aside.get(check.name, ())] if check.failed else (),
        )  # fmt: skip


def _since(past: Sequence[CheckPoint], page: RunPage) -> str:
    """Say how long a check has been what it is not meant to be."""
    if not past or past[0].status not in words.BAD:
        return ""
    number = len(list(takewhile(lambda run: run.status in words.BAD, past)))
    if number == 1:
        before = sum(1 for run in past[1:] if run.status == "passed")
        return f"new: passed in the {before} runs before" if before > 1 else "new in this run"
    first = past[number - 1].run_id
    began = next((f"since {words.when(run.started_at)}" for run in page.past if run.run_id == first), f"since run {first}")
    return f"for {number}{' or more' if number == len(past) else ''} runs, {began}"


def row_parts(result: RunResult) -> list[tuple[str, int, float]]:
    """Give the parts of extracted + added, which add up, with their share in percent."""
    rows = result.rows
    whole = rows.extracted + rows.added
    parts = (("accepted", rows.accepted), ("quarantined", rows.quarantined), ("dropped", rows.dropped))
    return [(name, value, 100 * value / whole) for name, value in parts if value and whole]


def timeline(result: RunResult) -> list[dict[str, Any]]:
    """Give each stage with where its bar begins and how long it is, in percent of the run.

    Stages of one process overlap. Those of an older run, whose times are not known, begin at the left.
    """
    began = [stage.began for stage in result.stages if stage.began]
    ended = [stage.ended for stage in result.stages if stage.ended]
    whole = (max(ended) - min(began)).total_seconds() if began and ended else 0.0
    longest = max((stage.seconds for stage in result.stages), default=0) or 1
    return [_bar(stage, min(began), whole) if whole and stage.began else _own(stage, longest) for stage in result.stages]


def _bar(stage: StageResult, start: datetime, whole: float) -> dict[str, Any]:
    assert stage.began is not None
    left = 100 * (stage.began - start).total_seconds() / whole
    wide = 100 * ((stage.ended or stage.began) - stage.began).total_seconds() / whole
    left = min(max(left, 0.0), 99.0)
    return {"stage": stage, "name": stage.name.replace("_", " "), "left": left, "wide": min(max(wide, 0.5), 100 - left)}


def _own(stage: StageResult, longest: float) -> dict[str, Any]:
    return {"stage": stage, "name": stage.name.replace("_", " "), "left": 0.0, "wide": 100 * stage.seconds / longest}


def todo(result: RunResult) -> list[tuple[str, str]]:
    """Give what a person can do next, with the command for it."""
    found = []
    if result.status == "held":
        end = words.when(result.started_at + words.HELD_FOR)
        found += [
            (f"Publish in spite of it, until {end}", f"datasync runs release {result.run_id} --reason '…'"),
            ("Give it up", f"datasync runs reject {result.run_id} --reason '…'"),
        ]
    if result.quarantine.rows and result.quarantine.location:
        found.append(("See the rows that were set aside", f"datasync quarantine show {result.run_id}"))
        if result.ok and result.kind == "run":
            found += [
                ("Take them along, to correct them", f"datasync quarantine export {result.run_id} --to rows.csv"),
                ("Send them again, corrected", f"datasync quarantine replay {result.run_id} --data rows.csv"),
            ]
    if not result.ok and result.status != "held" and result.path:
        found.append(("Run it again", f"datasync run {result.path}"))
    return found
