"""What pages are made of, as plain values: whoever has a history, a server or a test at hand fills them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from datasync.history.rows import RunRow
from datasync.history.views import CheckPoint, Figures
from datasync.results.model import RunResult

STRIP = 20
"""Runs in the strip of a run's page."""


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
class DiffLine:
    """One line of a difference; kind: `added`, `removed`, `kept`, or `gap` for lines that are left out."""

    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class ContractDiff:
    """What changed in a contract since some run.

    Attributes:
        since: words for that run.
        lines: empty when nothing changed.
    """

    since: str
    lines: Sequence[DiffLine] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a row that was set aside, as its column's `samples` lets it be seen."""

    column: str
    text: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class AsideRow:
    """One row that was set aside.

    Attributes:
        place: file and line, or empty where the source has no files.
        cells: the key and what is wrong first; long rows are cut.
        reasons: the checks it breaks.
        more: number of columns left out.
        key: names of its key columns.
    """

    place: str
    cells: Sequence[Cell]
    reasons: Sequence[str]
    more: int = 0
    key: Sequence[str] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its cells' columns."""
        return tuple(cell.column for cell in self.cells)

    @property
    def short(self) -> AsideRow:
        """The row with nothing but its key and what is wrong."""
        cells = [cell for cell in self.cells if cell.bad or cell.column in self.key]
        return replace(self, cells=cells or self.cells[:2], more=0)


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """The state of a broken promise that is being dealt with.

    Attributes:
        state: open, acknowledged, snoozed or resolved.
        subject: the check.
        who: who acted on it, or is to; empty when nobody.
        since: when it opened, UTC.
        times: runs that found it broken.
        severity: of the promise.
        number: by which the web app knows it; 0: it has no page.
    """

    subject: str
    state: str
    since: datetime
    who: str = ""
    times: int = 1
    severity: str = "error"
    number: int = 0


@dataclass(frozen=True, slots=True)
class RunPage:
    """What the page of one run is made of.

    Attributes:
        past: the contract's runs up to this one, newest first.
        checks: check name to what it was in `past`, newest first; this run included.
        reasons: reason to number of quarantined rows; a row with several reasons counts for each.
        aside: reason to some of the rows it set aside.
        contract: its text; None when it is not known any more.
        diff: what changed in it since the last good run; None when there was none.
        links: words to address, for the scheduler's own pages.
        owner: who answers for it, as one line.
        published_at: start of the newest run up to this one that published.
        incidents: of this contract, unresolved; None where nobody keeps them.
        hrefs: run id to the address of its page.
        nav: words to address, above the page.
    """

    result: RunResult
    past: Sequence[RunRow] = ()
    checks: Mapping[str, Sequence[CheckPoint]] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    contract: ContractText | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    aside: Mapping[str, Sequence[AsideRow]] = field(default_factory=dict)
    diff: ContractDiff | None = None
    published_at: datetime | None = None
    incidents: Sequence[IncidentLine] | None = None
    hrefs: Mapping[str, str] = field(default_factory=dict)
    nav: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContractRow:
    """A contract in the list of all.

    Attributes:
        runs: newest first.
        href: of its own page; empty when there is none.
        score: mean quality of its runs, 0 to 100.
        published_at: start of its newest run that published.
        incidents: unresolved ones; None where nobody keeps them.
    """

    name: str
    runs: Sequence[RunRow] = ()
    href: str = ""
    owner: str = ""
    tags: Sequence[str] = ()
    score: float | None = None
    published_at: datetime | None = None
    incidents: int | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A text that a contract had, and what it changed; no lines for the first that is known."""

    version: str
    since: datetime
    hash: str
    lines: Sequence[DiffLine] = ()


@dataclass(frozen=True, slots=True)
class ContractPage:
    """What the page of one contract is made of.

    Attributes:
        runs: newest first.
        figures: of the last 30 days.
        rates: check name to what it was in `runs`, newest first, for checks that were broken at least once.
        freshness: what `freshness` was in `runs`, newest first.
        aside: state of quarantined rows to their number.
        versions: newest first.
        days: words to address of the pages that list older runs, newest first.
    """

    row: ContractRow
    description: str = ""
    path: str = ""
    figures: Figures | None = None
    rates: Mapping[str, Sequence[CheckPoint]] = field(default_factory=dict)
    freshness: Sequence[CheckPoint] = ()
    aside: Mapping[str, int] = field(default_factory=dict)
    incidents: Sequence[IncidentLine] | None = None
    versions: Sequence[Version] = ()
    hrefs: Mapping[str, str] = field(default_factory=dict)
    days: Mapping[str, str] = field(default_factory=dict)
    up: str = ""
