"""A recorded run in, its page out: history, quarantine and the contract's text gathered around the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datasync.contract.loader import LoadedContract
from datasync.contract.places import check_places, owner_line
from datasync.history import views
from datasync.history.rows import RunRow
from datasync.history.store import History
from datasync.history.views import CheckPoint
from datasync.reports.diff import differences
from datasync.reports.html import ContractDiff, ContractText, IncidentLine, RunPage, run_page
from datasync.reports.html.views import STRIP
from datasync.results.model import RunResult
from datasync.results.words import when
from datasync.sync.aside_rows import explored
from datasync.sync.project import Project
from datasync.sync.texts import contract_as_run, shown_path


@dataclass(frozen=True, slots=True)
class Around:
    """What a page is told by whoever shows it.

    Attributes:
        links: words to address, beside those of the scheduler's pages that were recorded with the run.
        hrefs: run id to the address of its page.
    """

    links: Mapping[str, str] = field(default_factory=dict)
    hrefs: Mapping[str, str] = field(default_factory=dict)


def report_html(project: Project, result: RunResult, links: Mapping[str, str] | None = None) -> str:
    """Give a run's page.

    Args:
        project: whose history tells of the runs before.
        result: the run.
        links: words to address, for pages of a scheduler.

    Raises:
        StorageError: history cannot be used.
    """
    history = History(project.history_url)
    try:
        return run_page(gather_run(project, history, result, Around(links or {})))
    finally:
        history.close()


def gather_run(project: Project, history: History, result: RunResult, around: Around | None = None) -> RunPage:
    """Gather what a run's page is made of; how much is read does not depend on how many runs there are."""
    around = around or Around()
    row = views.run(history, result.run_id)
    past = views.runs_up_to(history, row, STRIP) if row is not None else []
    text = views.text_of(history, row.contract_hash if row else None)
    loaded = contract_as_run(text, result.path, project)
    batches = history.quarantine_batches(run_id=result.run_id)
    reasons: dict[str, int] = {}
    for batch in batches:
        for reason, number in batch.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + number
    return RunPage(
        result,
        past,
        checks_over_time(history, past),
        reasons,
        contract_text(loaded, project),
        {**result.links, **around.links},
        owner_line(loaded) if loaded else "",
        explored(batches, loaded.contract if loaded else None) if batches else {},
        _diff(history, row, text.text if text else None),
        next((run.started_at for run in past if run.committed), None),
        incident_lines(history, result.contract),
        around.hrefs,
    )


def places_of(project: Project, result: RunResult) -> tuple[Path | None, dict[str, int]]:
    """Give the file of a run's contract and the line of each promise, as they were when it ran."""
    history = History(project.history_url)
    try:
        row = views.run(history, result.run_id)
        kept = views.text_of(history, row.contract_hash if row else None)
    finally:
        history.close()
    loaded = contract_as_run(kept, result.path, project)
    return (loaded.path, check_places(loaded)) if loaded is not None else (None, {})


def incident_lines(history: History, contract: str) -> list[IncidentLine]:
    """Give a contract's unresolved incidents as pages show them: first what nobody has taken, and what blocks."""
    found = views.open_incidents(history, contract)
    found.sort(key=lambda one: (one.state != "open", one.severity != "error"))
    return [
        IncidentLine(one.check, one.state, one.opened_at, one.who, one.occurrences, one.severity, one.number) for one in found
    ]


def checks_over_time(history: History, runs: list[RunRow], kind: str | None = None) -> dict[str, list[CheckPoint]]:
    """Give check name to what it was in some runs, in the order of the runs."""
    order = {row.run_id: place for place, row in enumerate(runs)}
    found: dict[str, list[CheckPoint]] = {}
    for point in views.check_points(history, list(order), kind):
        found.setdefault(point.name, []).append(point)
    for points in found.values():
        points.sort(key=lambda point: order[point.run_id])
    return found


def contract_text(loaded: LoadedContract | None, project: Project) -> ContractText | None:
    """Give a contract's text as pages show it."""
    if loaded is None:
        return None
    lines = loaded.content.decode(errors="replace").splitlines()
    return ContractText(shown_path(loaded.path, project), lines, check_places(loaded))


def _diff(history: History, row: RunRow | None, text: str | None) -> ContractDiff | None:
    """Compare the contract with that of the last good run; None when there was none, or its text is not known."""
    good = views.last_good(history, row) if row is not None and text is not None else None
    old = views.text_of(history, good.contract_hash) if good is not None else None
    if good is None or old is None or text is None:
        return None
    since = f"the last good run, {when(good.started_at)}"
    return ContractDiff(since, differences(old.text, text))
