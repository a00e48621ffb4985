"""Figures of contracts in, the same per owner and over days out; and their table in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from datasync.history.views import DayFigures, Figures
from datasync.reports.owners import NOBODY, owners_of
from datasync.results.words import number, seconds, share, when

if TYPE_CHECKING:
    from rich.console import Console


def by_owner(figures: Iterable[Figures]) -> list[Figures]:
    """Add the figures of contracts up per owner, by name.

    Runs, rows and seconds are sums; quality is the mean over contracts, so that one that runs every minute does not drown the
    others; the time to resolve is the mean over contracts that resolved anything; published is the newest of all.
    """
    known = list(figures)
    owners = owners_of(known)
    groups: dict[str, list[Figures]] = {}
    for one in known:
        groups.setdefault(owners[one.contract], []).append(one)
    return [_sum(owner, groups[owner]) for owner in sorted(groups)]


def _sum(owner: str, group: Sequence[Figures]) -> Figures:
    published = [one.last_published for one in group if one.last_published is not None]
    return Figures(
        owner, owner, sum(one.runs for one in group), sum(one.published for one in group), sum(one.extracted for one in group),
        sum(one.seconds for one in group), _mean(one.score for one in group), max(published, default=None),
        _mean(one.resolving for one in group),
    )  # fmt: skip


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def days_by_owner(days: Iterable[DayFigures], owners: Mapping[str, str]) -> list[DayFigures]:
    """Give each owner's mean quality per day, from their contracts'; oldest first. `owners` is from `owners_of`."""
    groups: dict[tuple[str, str], list[DayFigures]] = {}
    for day in days:
        groups.setdefault((owners.get(day.contract) or NOBODY, day.day), []).append(day)
    return [
        replace(found[0], contract=owner, runs=sum(one.runs for one in found), score=_mean(one.score for one in found))
        for (owner, _), found in sorted(groups.items(), key=lambda item: (item[0][1], item[0][0]))
    ]


def cells(one: Figures) -> dict[str, str]:
    """Write the figures, with their names."""
    return {
        "runs": number(one.runs),
        "succeeded": share(one.published, one.runs),
        "quality": f"{one.score:.1f}" if one.score is not None else "–",
        "rows/s": f"{one.rows_per_second:,.0f}" if one.rows_per_second is not None else "–",
        "time to resolve": resolving(one.resolving),
        "target as of": when(one.last_published) if one.last_published else "never",
    }


def resolving(value: float | None) -> str:
    """Write how long incidents took, in the largest fitting unit."""
    if value is None:
        return "–"
    for size, word in ((86400, "d"), (3600, "h")):
        if value >= size:
            return f"{value / size:.1f} {word}"
    return seconds(value)


def document(one: Figures, days: Iterable[DayFigures] = ()) -> dict[str, Any]:
    """Give the figures as JSON; `days` are of all names, oldest first."""
    series = [{"day": day.day, "runs": day.runs, "quality": day.score} for day in days if day.contract == one.contract]
    return {
        "name": one.contract, "owner": one.owner, "runs": one.runs, "succeeded": one.published, "success_rate": one.success,
        "quality": one.score, "rows_per_second": one.rows_per_second, "seconds_to_resolve": one.resolving,
        "last_published": one.last_published.isoformat() if one.last_published else None,
        "days": series,
    }  # fmt: skip


def show_figures(figures: Sequence[Figures], console: Console, word: str) -> None:
    """List figures, one line each."""
    from rich.markup import escape
    from rich.table import Table

    if not figures:
        console.print("no run yet")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", pad_edge=False)
    table.add_column(word, overflow="fold")
    for name in cells(figures[0]):
        table.add_column(name, justify="left" if name == "target as of" else "right")
    for one in figures:
        table.add_row(escape(one.contract), *cells(one).values())
    console.print(table)
