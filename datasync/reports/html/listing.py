"""Contracts with their runs in, the pages that list them out: all of them, one, and one day of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from datasync.history.rows import RunRow
from datasync.history.views import GOOD, DayFigures, Figures
from datasync.reports import kpi
from datasync.reports.html import trends
from datasync.reports.html.render import render
from datasync.reports.html.views import ContractPage, ContractRow
from datasync.reports.owners import owners_of

LAST = 30
"""Runs in a contract's heat strip."""
ORDER = ("failed", "error", "held", "refused", "interrupted", "running", "warned", "passed")
FIGURE_DAYS = 30
"""Days that figures look back."""
RATES = 12
"""Checks whose rates are drawn on a contract's page, the worst first."""


def contracts_page(
    rows: Sequence[ContractRow], hrefs: Mapping[str, str], figures: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """Lay out all contracts with their last runs, the worst first.

    Args:
        rows: the contracts.
        hrefs: run id to the address of its page.
        figures: words to figure, shown on top.
        links: words to address of pages elsewhere.
    """
    return render("contracts.html.j2", **contracts_values(rows, hrefs, figures, links))


def contracts_values(
    rows: Sequence[ContractRow], hrefs: Mapping[str, str], figures: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None, pages: Pages | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Give what the template of the list is filled with; arguments as for `contracts_page`.

    Args:
        pages: where these rows stand among all; None: they are all.
    """
    pages = pages or Pages.whole(rows)
    shown = [_Row.of(row) for row in worst_first(rows)]
    return {"rows": shown, "hrefs": hrefs, "pages": pages, "figures": figures or {}, "links": links or {}, "last": LAST}


def worst_first(rows: Iterable[ContractRow]) -> list[ContractRow]:
    """Sort contracts by how their newest run ended, then by name."""
    return sorted(rows, key=lambda row: (_rank(row.runs[0].status) if row.runs else len(ORDER), row.name))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which contracts are looked for; empty: any."""

    text: str = ""
    owner: str = ""
    tag: str = ""
    status: str = ""

    def has(self, row: ContractRow) -> bool:
        """Tell whether a contract is one of them; the filter's script says the same of what is on the page."""
        status = row.runs[0].status if row.runs else ""
        return (
            self.text.strip().lower() in find_text(row).lower()
            and self.owner in ("", row.owner)
            and (not self.tag or self.tag in row.tags)
            and self.status in ("", status)
        )


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the rows of a page of the list stand among all contracts.

    Attributes:
        choices: word to what can be chosen, of all contracts.
        total: number of all contracts.
        found: of these, those that are wanted.
        number, last: this page, and the last one.
    """

    choices: Mapping[str, Sequence[str]]
    total: int
    found: int
    wanted: Wanted = Wanted()
    number: int = 1
    last: int = 1

    @classmethod
    def whole(cls, rows: Sequence[ContractRow]) -> Pages:
        """All rows are on the page."""
        choices = {
            "owner": sorted({row.owner for row in rows if row.owner}),
            "tag": sorted({tag for row in rows for tag in row.tags}),
            "status": sorted({row.runs[0].status for row in rows if row.runs}, key=_rank),
        }
        return cls(choices, len(rows), len(rows))

    @property
    def complete(self) -> bool:
        """Tell whether every contract is on this page, so that the page can be filtered where it is read."""
        return self.last == 1 and self.found == self.total


def find_text(row: ContractRow) -> str:
    """Give the words that a search looks through."""
    return " ".join((row.name, row.owner, *row.tags, row.runs[0].status if row.runs else "never run"))


def standing(runs: Sequence[RunRow]) -> tuple[RunRow | None, str]:
    """Tell how a contract stands.

    Args:
        runs: newest first.

    Returns:
        The newest run that is over, and since when it goes wrong: `3 runs, since Nov 1 02:15`; empty when it does not.
    """
    over = [run for run in runs if run.status != "running"]
    bad = list(takewhile(lambda run: run.status not in GOOD, over))
    if not bad:
        return (over[0] if over else None), ""
    more = " or more" if len(bad) == len(runs) > 1 else ""
    return over[0], f"{len(bad)}{more} {'run' if len(bad) == 1 else 'runs'}, since {bad[-1].started_at:%b\u00a0%-d\u00a0%H:%M}"


class _Row:
    """A contract as the list shows it: how it stands, since when, and the figures of its newest run that is over."""

    def __init__(self, row: ContractRow, strip: list[RunRow]) -> None:
        self.row = row
        self.latest = row.runs[0] if row.runs else None
        self.strip = strip
        self.find = find_text(row)
        self.published = row.published_at or next((run.started_at for run in row.runs if run.committed), None)
        self.over, self.trouble = standing(row.runs)

    @classmethod
    def of(cls, row: ContractRow) -> _Row:
        return cls(row, list(reversed(row.runs[:LAST])))


def contract_page(page: ContractPage) -> str:
    """Lay out one contract: how it stands, its runs, volumes, freshness, rates, quarantine, and how its text changed."""
    return render("contract.html.j2", **contract_values(page))


def contract_values(page: ContractPage) -> dict[str, Any]:
    """Give what the template of a contract's page is filled with."""
    runs = page.row.runs
    known = {run.run_id: run for run in runs}
    worst = sorted(page.rates.items(), key=lambda item: -max(_share(point.failed, point.evaluated) for point in item[1]))
    over, trouble = standing(runs)
    drawn = [(name, trends.check_trend(points, known)) for name, points in worst[:RATES]]
    return {
        "page": page,
        "runs": runs,
        "over": over,
        "trouble": trouble,
        "strip": list(reversed(runs[:LAST])),
        "volumes": trends.volumes(runs),
        "scores": trends.scores(runs),
        "durations": trends.durations(runs),
        "freshness": trends.check_trend(page.freshness, known) if page.freshness else None,
        "rates": [(name, svg) for name, svg in drawn if svg is not None],
    }


def day_page(contract: str, day: str, runs: Sequence[RunRow], links: Mapping[str, Any]) -> str:
    """Lay out the runs of one day.

    Args:
        contract: its name.
        day: ISO date.
        runs: newest first.
        links: `hrefs` (run id to address), `up` (the contract's page), `before` (the day before that had runs; may be empty).
    """
    return render("day.html.j2", contract=contract, day=day, runs=runs, **links)


def figures_page(figures: Sequence[Figures], days: Sequence[DayFigures], hrefs: Mapping[str, str], up: str) -> str:
    """Lay out how well contracts and owners have done, and their quality per day.

    Args:
        figures: of every contract.
        days: of every contract, oldest first.
        hrefs: contract to the address of its page.
        up: address of the list of contracts.
    """
    return render("figures.html.j2", **figures_values(figures, days, hrefs, up))


def figures_values(figures: Sequence[Figures], days: Sequence[DayFigures], hrefs: Mapping[str, str], up: str) -> dict[str, Any]:
    """Give what the template of the figures is filled with; arguments as for `figures_page`."""
    owners = owners_of(figures)
    tables = {
        "owner": [(one.contract, "", kpi.cells(one)) for one in kpi.by_owner(figures)],
        "contract": [(one.contract, hrefs.get(one.contract, ""), kpi.cells(one)) for one in figures],
    }
    drawn = {"owner": _drawn(kpi.days_by_owner(days, owners)), "contract": _drawn(days)}
    return {"tables": tables, "drawn": drawn, "days": FIGURE_DAYS, "up": up}


def _drawn(days: Sequence[DayFigures]) -> list[tuple[str, Any]]:
    """Draw the quality of each name over its days, the lowest latest first."""
    groups: dict[str, list[DayFigures]] = {}
    for day in days:
        if day.score is not None:
            groups.setdefault(day.contract, []).append(day)
    several = sorted((found[-1].score or 0.0, name, found) for name, found in groups.items() if len(found) > 1)
    return [(name, trends.quality_per_day(found)) for _, name, found in several[:RATES]]


def _share(failed: int, evaluated: int) -> float:
    return failed / evaluated if evaluated else 0.0


def _rank(status: str) -> int:
    return ORDER.index(status) if status in ORDER else len(ORDER)
