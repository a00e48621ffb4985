"""History in, the live pages out: all contracts, one, one day, one run, and figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from datasync.errors import UsageError
from datasync.history import views
from datasync.history.texts import KeptContract
from datasync.reports.html.listing import FIGURE_DAYS, contract_values, figures_values
from datasync.reports.html.page import run_values
from datasync.sync.gathered import ContractLinks, gather_contract, run_hrefs
from datasync.sync.reported import Around, gather_run
from datasync.web.asked import Asked, Reading
from datasync.web.catalogue import files_of

router = APIRouter()


@router.get("/contracts/{name}")
def contract(question: Reading, name: str) -> HTMLResponse:
    """One contract: how it stands, its runs, volumes, freshness, rates, quarantine and versions."""
    question.know(name)
    history = question.house.history
    text = next((text for text in views.versions(history, name, 1)), None) or _never_run(question, name)
    figures = next((found for found in views.figures(history, _since()) if found.contract == name), None)
    links = ContractLinks(
        question.at.to("contracts", name),
        lambda run: question.at.run(run.run_id),
        {day: question.at.to("contracts", name, "days", day) for day in views.days(history, name)},
    )
    page = gather_contract(history, text, figures, links)
    file = next((file for file in files_of(question.house.project) if file.name == name), None)
    return question.page("live_contract.html.j2", "Contracts", of=name, file=file, **contract_values(page))


@router.get("/contracts/{name}/days/{day}")
def one_day(question: Reading, name: str, day: str) -> HTMLResponse:
    """The runs of a contract on one day."""
    question.know(name)
    try:
        start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    except ValueError:
        raise UsageError(f"'{day[:20]}' is no day", code="E_RUN_ID", hint="2026-01-31") from None
    history = question.house.history
    runs = views.runs_of_day(history, name, start, start + timedelta(days=1))
    earlier = next((known for known in views.days(history, name) if known < day), "")
    return question.page(
        "live_day.html.j2", "Contracts", contract=name, day=day, runs=runs,
        hrefs=run_hrefs(runs, lambda run: question.at.run(run.run_id)), up=question.at.to("contracts", name),
        before=question.at.to("contracts", name, "days", earlier) if earlier else "",
    )  # fmt: skip


@router.get("/runs/{run_id:path}")
def one_run(question: Reading, run_id: str) -> Response:
    """The report of a run; of one that goes on, the page of what does."""
    house = question.house
    question.contract_of(run_id)
    row = views.run(house.history, run_id)
    if row is not None and row.status == "running":
        return RedirectResponse(question.at.to("running"), 303)
    result = house.history.result(run_id)
    if result is None:
        raise UsageError(f"run {run_id[:100]} has no result", code="E_RUN_ID", hint="its process may be gone")
    page = gather_run(house.project, house.history, result, Around())
    hrefs = run_hrefs(page.past, lambda run: question.at.run(run.run_id))
    nav = {result.contract: question.at.to("contracts", result.contract)}
    return question.page("live_run.html.j2", "Contracts", of=result.contract, **run_values(replace(page, hrefs=hrefs, nav=nav)))


@router.get("/figures")
def figures(question: Reading) -> HTMLResponse:
    """How well contracts and owners have done."""
    history = question.house.history
    found = [one for one in views.figures(history, _since()) if question.sees(one.contract)]
    daily = [one for one in views.daily(history, _since()) if question.sees(one.contract)]
    hrefs = {one.contract: question.at.to("contracts", one.contract) for one in found}
    values = figures_values(found, daily, hrefs, question.at.to())
    return question.page("live_figures.html.j2", "Figures", **values)


def _since() -> datetime:
    return datetime.now(UTC) - timedelta(days=FIGURE_DAYS)


def _never_run(question: Asked, name: str) -> KeptContract:
    """Give what is known of a contract that never ran.

    Raises:
        UsageError: there is none of that name.
    """
    for file in files_of(question.house.project):
        if file.name == name:
            text = file.file.read_text(encoding="utf-8", errors="replace")
            return KeptContract("", name, "", file.path, file.owner, file.tags, text, datetime.now(UTC))
    raise UsageError(f"there is no contract '{name[:63]}' here", code="E_NO_CONTRACT")
