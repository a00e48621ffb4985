"""What a page needs, gathered, in; the page's text out. Templates only lay out what is worked out here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from datasync.results import words
from datasync.results.model import CheckResult, RunResult

if TYPE_CHECKING:
    from jinja2 import Environment

    from datasync.history.store import RunRow

BAD = ("failed", "error", "warned")
STRIP = 20
"""Runs in the strip of a contract."""
CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""No script at all, nothing from outside. Styles are the page's own; values only ever stand in text and in numbers."""


@dataclass(frozen=True, slots=True)
class PastCheck:
    """One check in one earlier run."""

    run_id: str
    status: str
    failed: int = 0
    evaluated: int = 0


@dataclass(frozen=True, slots=True)
class ContractText:
    """A contract's file.

    Attributes:
        path: as a person would open it.
        lines: of its text.
        places: check name to the number (from 1) of the line that promises it.
    """

    path: str
    lines: Sequence[str]
    places: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunPage:
    """What the page of one run is made of.

    Attributes:
        past: the contract's runs up to this one, newest first.
        checks: check name to what it was in `past`, newest first; this run included.
        reasons: reason to number of quarantined rows; a row with several reasons counts for each.
        contract: its text; None when the file is gone.
        links: words to address, for the scheduler's own pages.
        owner: who answers for it, as one line.
    """

    result: RunResult
    past: Sequence[RunRow] = ()
    checks: Mapping[str, Sequence[PastCheck]] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    contract: ContractText | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""


def run_page(page: RunPage) -> str:
    """Lay out one run: verdict, failures, past runs, rows, what to do; then everything else, folded."""
    result = page.result
    bad = [check for check in words.sorted_checks(result.checks) if check.status in BAD]
    rest = [check for check in words.sorted_checks(result.checks) if check.status not in BAD]
    return _environment().get_template("run.html.j2").render(
        page=page, result=result, words=words, verdict=words.verdict(result), csp=CSP,
        bad=[_Shown.of(check, page) for check in _by_weight(bad)], rest=[_Shown.of(check, page) for check in rest],
        strip=list(reversed(page.past[:STRIP])), flow=_flow(result), stages=_stages(result), todo=_todo(result),
        marked={page.contract.places[check.name] for check in bad if check.name in page.contract.places} if page.contract else (),
    )  # fmt: skip


def contracts_page(rows: Sequence[tuple[str, Sequence[RunRow]]], hrefs: Mapping[str, str]) -> str:
    """Lay out all contracts with their last runs, the worst first.

    Args:
        rows: contract and its runs, newest first.
        hrefs: run id to the address of its page.
    """
    order = sorted(rows, key=lambda row: (_rank(row[1][0].status) if row[1] else 9, row[0]))
    shown = [(name, runs[0] if runs else None, list(reversed(runs[:STRIP]))) for name, runs in order]
    return _environment().get_template("contracts.html.j2").render(rows=shown, hrefs=hrefs, words=words, csp=CSP)


def message_page(title: str, text: str) -> str:
    """A page that only says something."""
    return _environment().get_template("message.html.j2").render(title=title, text=text, csp=CSP)


def _rank(status: str) -> int:
    order = ("failed", "error", "held", "refused", "interrupted", "running", "warned", "passed")
    return order.index(status) if status in order else len(order)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("datasync.reports.html"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    found.filters["number"] = words.number
    return found


def _by_weight(checks: Sequence[CheckResult]) -> list[CheckResult]:
    """Errors before warnings, then by the share of rows that broke them."""

    def weight(check: CheckResult) -> tuple[int, int, float]:
        share = check.failed / check.evaluated if check.evaluated else 1.0
        return words.ORDER.index(check.status), int(check.severity == "warn"), -share

    return sorted(checks, key=weight)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A check with the words around it."""

    check: CheckResult
    seen: str
    limit: str
    since: str
    line: int | None
    share: float

    @classmethod
    def of(cls, check: CheckResult, page: RunPage) -> _Shown:
        line = page.contract.places.get(check.name) if page.contract else None
        share = 100 * check.failed / check.evaluated if check.evaluated else 0.0
        limit = f"allowed: {check.tolerance}" if check.tolerance else ""
        return cls(check, words.check_line(check), limit, _since(page.checks.get(check.name, ())), line, share)


def _since(past: Sequence[PastCheck]) -> str:
    """Say how long a check has been what it is not meant to be."""
    if not past or past[0].status not in BAD:
        return ""
    number = len(list(takewhile(lambda run: run.status in BAD, past)))
    if number == 1:
        before = sum(1 for run in past[1:] if run.status == "passed")
        return f"new: passed in the {before} runs before" if before > 1 else "new in this run"
    more = " or more" if number == len(past) else ""
    return f"for {number}{more} runs, first in run {past[number - 1].run_id}"


def _flow(result: RunResult) -> list[tuple[str, int, float]]:
    """Give the parts of extracted + added, which add up, with their share in percent."""
    rows = result.rows
    whole = rows.extracted + rows.added
    parts = (("accepted", rows.accepted), ("quarantined", rows.quarantined), ("dropped", rows.dropped))
    return [(name, value, 100 * value / whole) for name, value in parts if value and whole]


def _stages(result: RunResult) -> list[dict[str, Any]]:
    longest = max((stage.seconds for stage in result.stages), default=0) or 1
    return [
        {"stage": stage, "name": stage.name.replace("_", " "), "share": 100 * stage.seconds / longest} for stage in result.stages
    ]


def _todo(result: RunResult) -> list[tuple[str, str]]:
    """Give what a person can do next, with the command for it."""
    found = []
    if result.status == "held":
        found += [
            ("Publish in spite of it", f"datasync runs release {result.run_id} --reason '…'"),
            ("Give it up", f"datasync runs reject {result.run_id} --reason '…'"),
        ]
    if result.quarantine.rows and result.quarantine.location:
        found.append(("See the rows that were set aside", f"datasync quarantine show {result.run_id}"))
        if result.ok and result.kind == "run":
            found.append(("Send them again, corrected", f"datasync quarantine replay {result.run_id}"))
    if not result.ok and result.status != "held" and result.path:
        found.append(("Run it again", f"datasync run {result.path}"))
    return found
