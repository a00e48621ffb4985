"""Plain values in, parts of pages out: what the web app shows beside its own forms is drawn by the very macros of the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from datasync.history.rows import RunRow
from datasync.reports.html.page import row_parts, timeline
from datasync.reports.html.render import part
from datasync.reports.html.views import AsideRow, ContractDiff, ContractText, IncidentLine
from datasync.results.model import RunResult

if TYPE_CHECKING:
    from markupsafe import Markup


def status_pill(status: str) -> Markup:
    """A status as a word with a sign and a colour."""
    return part("pill", status)


def run_strip(runs: Sequence[RunRow], hrefs: Mapping[str, str], now: str = "") -> Markup:
    """The last runs as a strip, newest on the right; runs newest first, `now` the run that is looked at."""
    return part("strip", list(reversed(runs)), hrefs, now)


def run_list(runs: Sequence[RunRow], hrefs: Mapping[str, str]) -> Markup:
    """Runs as a table, newest first."""
    return part("run_list", runs, hrefs)


def row_bar(result: RunResult) -> Markup:
    """The rows of a run as one bar that adds up, and where they went."""
    return part("rows", result, row_parts(result))


def stage_timeline(result: RunResult) -> Markup:
    """The stages of a run over its time."""
    return part("stages", timeline(result))


def rows_aside(rows: Sequence[AsideRow]) -> Markup:
    """Rows that were set aside, what is wrong in them marked."""
    return part("aside", rows)


def contract_text(text: ContractText, marked: Sequence[int] = ()) -> Markup:
    """A contract with numbered lines, some of them marked."""
    return part("contract", text, set(marked))


def contract_diff(diff: ContractDiff) -> Markup:
    """What changed in a contract."""
    return part("diff", diff.lines)


def incident_list(incidents: Sequence[IncidentLine]) -> Markup:
    """Broken promises that are being dealt with."""
    return part("incidents", incidents)
