"""History and contract files in, the list of all contracts out: searched, filtered, and a page at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from datasync.history import lists, views
from datasync.history.texts import KeptContract
from datasync.reports.html import ContractRow
from datasync.reports.html.listing import FIGURE_DAYS, LAST, Pages, Wanted, contracts_values, worst_first
from datasync.sync.gathered import gather_row
from datasync.sync.site import overview
from datasync.web.asked import Asked, Reading
from datasync.web.catalogue import files_of

router = APIRouter()
PAGE = 30
"""Contracts on a page; runs are read for these alone."""


def _wanted(text: str = "", owner: str = "", tag: str = "", status: str = "") -> Wanted:
    return Wanted(text[:200], owner, tag, status)


@router.get("/")
def contracts(question: Reading, wanted: Annotated[Wanted, Depends(_wanted)], page: int = 1) -> HTMLResponse:
    """All contracts: those that ran, those that lie in `contracts/` and never did, and files that no run could load."""
    kept = _known(question)
    newest = lists.latest(question.house.history)
    rows = [ContractRow(name, (newest[name],) if name in newest else (), "", one.owner, one.tags) for name, one in kept.items()]
    found = worst_first(row for row in rows if wanted.has(row))
    last = max(-(-len(found) // PAGE), 1)
    number = min(max(page, 1), last)
    pages = replace(Pages.whole(rows), found=len(found), wanted=wanted, number=number, last=last)
    since = datetime.now(UTC) - timedelta(days=FIGURE_DAYS)
    figures = [one for one in views.figures(question.house.history, since) if question.sees(one.contract)]
    chosen = [kept[row.name] for row in found[(number - 1) * PAGE : number * PAGE]]
    shown = _rows(question, chosen, figures)
    hrefs = {run.run_id: question.at.run(run.run_id) for row in shown for run in row.runs}
    values = contracts_values(shown, hrefs, overview(rows, figures) if rows else {}, pages=pages)
    broken = [file for file in files_of(question.house.project) if file.errors and question.sees(file.name)]
    values |= {"broken": broken[:PAGE], "more_broken": len(broken[PAGE:])}
    return question.page("live_contracts.html.j2", "Contracts", **values)


def _known(question: Asked) -> dict[str, KeptContract]:
    kept = {text.contract: text for text in views.contracts(question.house.history) if question.sees(text.contract)}
    for file in files_of(question.house.project):
        if file.name and file.name not in kept and question.sees(file.name):
            kept[file.name] = KeptContract("", file.name, "", file.path, file.owner, file.tags, "", datetime.now(UTC))
    return kept


def _rows(question: Asked, texts: list[KeptContract], figures: list[views.Figures]) -> list[ContractRow]:
    history = question.house.history
    runs = lists.last_runs(history, [text.contract for text in texts], LAST)
    incidents, by_name = lists.unresolved(history), {one.contract: one for one in figures}
    return [
        gather_row(text, runs.get(name, ()), by_name.get(name), incidents.get(name, 0), question.at.to("contracts", name))
        for text in texts
        for name in (text.contract,)
    ]
