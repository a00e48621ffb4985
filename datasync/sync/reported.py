"""A recorded run in, its page out: history, quarantine and the contract's text gathered around the result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from datasync.contract.checks import checks_of
from datasync.contract.loader import LoadedContract, examine
from datasync.errors import DataSyncError
from datasync.history.store import History, RunRow
from datasync.reports.html import ContractText, PastCheck, RunPage, run_page
from datasync.reports.html.page import STRIP
from datasync.results.model import RunResult
from datasync.sync.project import Project


def report_html(project: Project, result: RunResult, links: Mapping[str, str] | None = None) -> str:
    """Give a run's page.

    Args:
        project: whose history tells of the runs before.
        result: the run.
        links: words to address, for pages of a scheduler.

    Raises:
        StorageError: history cannot be used.
    """
    loaded = _contract(result.path, project)
    history = History(project.history_url)
    try:
        past = _up_to(result, history.list_runs(result.contract, None, 200))
        checks: dict[str, list[PastCheck]] = {}
        for name, run_id, status, failed, evaluated in history.past_checks([row.run_id for row in past]):
            checks.setdefault(name, []).append(PastCheck(run_id, status, failed, evaluated))
        reasons: dict[str, int] = {}
        for batch in history.quarantine_batches(run_id=result.run_id):
            for reason, number in batch.reasons.items():
                reasons[reason] = reasons.get(reason, 0) + number
    finally:
        history.close()
    order = {row.run_id: place for place, row in enumerate(past)}
    for found in checks.values():
        found.sort(key=lambda check: order[check.run_id])
    page = RunPage(result, past, checks, reasons, contract_text(loaded), links or {}, _owner(loaded))
    return run_page(page)


def _up_to(result: RunResult, rows: list[RunRow]) -> list[RunRow]:
    """Runs of the same kind, from this one back."""
    same = [row for row in rows if row.kind == result.kind or row.run_id == result.run_id]
    here = next((number for number, row in enumerate(same) if row.run_id == result.run_id), 0)
    return same[here : here + STRIP]


def _contract(path: str, project: Project) -> LoadedContract | None:
    try:
        return examine(_file(path, project))[0] if path else None
    except DataSyncError:
        return None


def _file(path: str, project: Project) -> Path:
    """A relative path counted from where the run was started, which mostly is the project."""
    file = Path(path)
    return file if file.is_absolute() or file.is_file() else project.root / file


def contract_text(loaded: LoadedContract | None) -> ContractText | None:
    """Give a contract's text and the line of each check; None when there is none to read."""
    if loaded is None:
        return None
    try:
        lines = loaded.path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    places = {}
    rules = {rule.name: number for number, rule in enumerate(loaded.contract.rules)}
    for check in checks_of(loaded.contract):
        if check.name in rules:
            path: tuple[str | int, ...] = ("rules", rules[check.name])
        elif len(check.columns) == 1 and check.kind not in {"expectation", "freshness"}:
            path = ("columns", check.columns[0], check.kind)
        else:
            path = tuple(check.name.split("."))
        place = loaded.tree.place(path)
        if place.line > 1:
            places[check.name] = place.line
    return ContractText(str(loaded.path), lines, places)


def _owner(loaded: LoadedContract | None) -> str:
    owner = loaded.contract.owner if loaded is not None else None
    return ", ".join(word for word in (owner.team, owner.name, owner.slack, owner.email) if word) if owner else ""
