"""A project's history in, a folder of static pages out that any web server or bucket can show.

A build writes the pages of runs that were recorded since the last one, the pages of their days and contracts, and the list of
contracts; what it reads and writes does not grow with the number of runs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from datasync.errors import UsageError
from datasync.history import lists, views
from datasync.history.incidents import utc
from datasync.history.rows import RunRow
from datasync.history.store import History
from datasync.history.texts import KeptContract
from datasync.history.views import Figures
from datasync.reports.html import (
    ContractRow,
    contract_page,
    contracts_page,
    day_page,
    figures_page,
    run_page,
)
from datasync.reports.html.listing import FIGURE_DAYS, LAST
from datasync.results.words import share
from datasync.storage import Place, is_local, write_bytes
from datasync.sync.gathered import ContractLinks, gather_contract, gather_row, rows_aside
from datasync.sync.project import Project
from datasync.sync.reported import Around, gather_run, incident_lines
from datasync.sync.site_state import SiteState
from datasync.workspace import writing

DATA_DOCS = "data-docs"
LISTED = 200
"""Runs in the list of Data Docs, which Great Expectations makes anew each time."""
NOTHING = lambda words: None  # noqa: E731


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: runs that are new on the site, and files written."""

    runs: int
    files: int


@dataclass
class _Site:
    project: Project
    history: History
    folder: Place
    state: SiteState
    now: datetime
    files: int = 0

    def write(self, name: str, text: str) -> None:
        with writing(self.folder / name):
            write_bytes(self.folder / name, text.encode())
        self.files += 1


def build_site(project: Project, folder: Place, tell: Callable[[str], None] = NOTHING, data_docs: bool = False) -> Built:
    """Bring a site up to date.

    Args:
        project: whose history.
        folder: of the site; made when it is not there.
        tell: told how far it is, now and then.
        data_docs: also write Great Expectations' own pages of the new runs, below `data-docs/`; a local folder only.

    Raises:
        StorageError: history or the site's state cannot be read, or a page not be written.
    """
    history = History(project.history_url)
    try:
        site = _Site(project, history, folder, SiteState.read(folder), datetime.now(UTC))
        fresh = site.state.new(views.finished_since(history, site.state.begin))
        for number, row in enumerate(fresh):
            _run(site, row)
            if number % 100 == 99:
                tell(f"{number + 1:,} of {len(fresh):,} runs")
        site.state.note(fresh)
        figures = {found.contract: found for found in views.figures(history, site.now - timedelta(days=FIGURE_DAYS))}
        touched = {row.contract for row in fresh}
        texts = views.contracts(history)
        for text in texts:
            _contract(site, text, figures.get(text.contract), text.contract in touched)
        for contract, day in sorted({(row.contract, f"{utc(row.started_at):%Y-%m-%d}") for row in fresh}):
            _day(site, contract, day)
        if fresh:
            _figures(site, list(figures.values()))
        if data_docs:
            _data_docs(site, folder, fresh)
        _list(site, texts, figures)
        site.state.write(folder)
        return Built(len(fresh), site.files)
    finally:
        history.close()


def page_name(run_id: str) -> str:
    """Give the file of a run's page; an id that is no plain name is known by its hash."""
    plain = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,120}", run_id)
    return f"{run_id if plain else hashlib.sha256(run_id.encode()).hexdigest()}.html"


def _run(site: _Site, row: RunRow) -> None:
    result = site.history.result(row.run_id)
    if result is None:
        return
    page = gather_run(site.project, site.history, result, Around())
    hrefs = {run.run_id: page_name(run.run_id) for run in page.past if run.status != "running"}
    nav = {"All contracts": "../../../index.html", row.contract: "../index.html"}
    site.write(f"contracts/{row.contract}/runs/{page_name(row.run_id)}", run_page(replace(page, hrefs=hrefs, nav=nav)))


def _contract(site: _Site, text: KeptContract, figures: Figures | None, touched: bool) -> None:
    """Write a contract's page, when a run of it is new or something else that it shows has changed."""
    name = text.contract
    aside = rows_aside(site.history, name)
    incidents = incident_lines(site.history, name)
    digest = hashlib.sha256(repr((sorted(aside.items()), incidents, text.hash)).encode()).hexdigest()[:16]
    if not touched and site.state.seen.get(name) == digest:
        return
    site.state.seen[name] = digest
    links = ContractLinks(
        f"contracts/{name}/index.html",
        lambda run: f"runs/{page_name(run.run_id)}",
        {day: f"days/{day}.html" for day in reversed(site.state.days.get(name, []))},
        "../../index.html",
    )
    site.write(f"contracts/{name}/index.html", contract_page(gather_contract(site.history, text, figures, links)))


def _day(site: _Site, contract: str, day: str) -> None:
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    runs = views.runs_of_day(site.history, contract, start, start + timedelta(days=1))
    earlier = [known for known in site.state.days.get(contract, []) if known < day]
    links = {
        "hrefs": {run.run_id: f"../runs/{page_name(run.run_id)}" for run in runs if run.status != "running"},
        "up": "../index.html",
        "before": f"{earlier[-1]}.html" if earlier else "",
    }
    site.write(f"contracts/{contract}/days/{day}.html", day_page(contract, day, runs, links))


def _figures(site: _Site, figures: list[Figures]) -> None:
    days = views.daily(site.history, site.now - timedelta(days=FIGURE_DAYS))
    hrefs = {one.contract: f"contracts/{one.contract}/index.html" for one in figures}
    site.write("figures.html", figures_page(figures, days, hrefs, "index.html"))


def _data_docs(site: _Site, folder: Place, fresh: list[RunRow]) -> None:
    from datasync.gates.data_docs import Validation, build_data_docs

    if not is_local(folder):
        raise UsageError("Great Expectations writes its pages to a local folder only", code="E_SITE")
    rows = {row.run_id: row for row in (*views.newest(site.history, LISTED), *fresh)}
    found = []
    for row in rows.values():
        document = site.project.run_folder(row.contract, row.run_id).read_validation()
        if document is not None:
            found.append(Validation(row.contract, row.run_id, utc(row.started_at), document))
    if found and fresh:
        site.files += build_data_docs(folder / DATA_DOCS, found, {row.run_id for row in fresh})


def _list(site: _Site, texts: list[KeptContract], figures: Mapping[str, Figures]) -> None:
    names = [text.contract for text in texts]
    runs, incidents = lists.last_runs(site.history, names, LAST), lists.unresolved(site.history)
    rows = [
        gather_row(text, runs.get(name, ()), figures.get(name), incidents.get(name, 0), f"contracts/{name}/index.html")
        for name, text in zip(names, texts, strict=True)
    ]
    hrefs = {
        run.run_id: f"contracts/{row.name}/runs/{page_name(run.run_id)}"
        for row in rows
        for run in row.runs
        if run.status != "running"
    }
    made = (site.folder / DATA_DOCS / "index.html").is_file()
    links = {"Figures per contract and owner": "figures.html"} if rows else {}
    # Great Expectations writes the list; what is not on it is said where one leaves for it.
    words = f"Great Expectations Data Docs (a list of the newest {LISTED} runs)"
    links |= {words: f"{DATA_DOCS}/index.html"} if made else {}
    site.write("index.html", contracts_page(rows, hrefs, overview(rows, list(figures.values())), links))


def overview(rows: list[ContractRow], figures: list[Figures]) -> dict[str, str]:
    """Give the figures on top of the list of contracts."""
    runs, good = sum(found.runs for found in figures), sum(found.published for found in figures)
    scored = [found for found in figures if found.score is not None]
    bad = sum(1 for row in rows if row.runs and row.runs[0].status not in ("passed", "warned", "running"))
    return {
        "contracts": f"{len(rows):,}",
        "not good now": f"{bad:,}",
        f"runs in {FIGURE_DAYS} days": f"{runs:,}",
        "succeeded": share(good, runs),
        "quality": f"{sum(found.score or 0.0 for found in scored) / len(scored):.1f}" if scored else "–",
    }
