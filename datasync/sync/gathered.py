"""A contract's history in, what its page and its line in a list are made of out: for the static site and the web app alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from datasync.history import views
from datasync.history.rows import RunRow
from datasync.history.store import History
from datasync.history.texts import KeptContract
from datasync.history.views import Figures
from datasync.reports.diff import differences
from datasync.reports.html import ContractPage, ContractRow, Version
from datasync.sync.reported import checks_over_time, incident_lines
from datasync.sync.texts import description_of

SHOWN = 60
"""Runs on a contract's page; older ones are on the pages of their days."""


@dataclass(frozen=True, slots=True)
class ContractLinks:
    """Where the pages are that a contract's page names.

    Attributes:
        own: its own.
        run: gives a run's.
        days: words to address of the pages that list older runs, newest first.
        up: the list of all contracts.
    """

    own: str
    run: Callable[[RunRow], str]
    days: Mapping[str, str] = field(default_factory=dict)
    up: str = ""


def gather_contract(history: History, text: KeptContract, figures: Figures | None, links: ContractLinks) -> ContractPage:
    """Gather what a contract's page is made of; how much is read does not depend on how many runs there are."""
    name = text.contract
    runs = [run for run in views.last_runs(history, name, SHOWN, None) if run.kind != "shadow"]
    same = [run for run in runs if run.kind == "run"] or runs
    checks = checks_over_time(history, same)
    incidents = incident_lines(history, name)
    return ContractPage(
        gather_row(text, runs, figures, len(incidents), links.own),
        description=description_of(text),
        path=text.path,
        figures=figures,
        rates={check: points for check, points in checks.items() if any(point.failed for point in points)},
        freshness=checks.get("freshness", ()),
        aside=rows_aside(history, name),
        incidents=incidents,
        versions=_versions(views.versions(history, name)),
        hrefs=run_hrefs(runs, links.run),
        days=links.days,
        up=links.up,
    )


def run_hrefs(runs: Sequence[RunRow], address: Callable[[RunRow], str]) -> dict[str, str]:
    """Give the addresses of the runs that have a page: those that are over."""
    return {run.run_id: address(run) for run in runs if run.status != "running"}


def gather_row(
    text: KeptContract, runs: Sequence[RunRow], figures: Figures | None, incidents: int, href: str = ""
) -> ContractRow:
    """Gather a contract's line in the list of all."""
    return ContractRow(
        text.contract,
        runs,
        href,
        text.owner,
        text.tags,
        figures.score if figures else None,
        figures.last_published if figures else None,
        incidents,
    )


def rows_aside(history: History, contract: str) -> dict[str, int]:
    """Give state of quarantined rows to their number."""
    return {found.state: found.rows for found in views.set_aside(history, contract)}


def _versions(texts: Sequence[KeptContract]) -> list[Version]:
    """Give each text with what it changed in the one before; newest first."""
    found = [Version(new.version, new.first_seen, new.hash, differences(old.text, new.text)) for new, old in pairwise(texts)]
    return [*found, *(Version(text.version, text.first_seen, text.hash) for text in texts[-1:])]
