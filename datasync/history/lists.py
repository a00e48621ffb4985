"""History in, what a list of all contracts shows out: one question for all of them at a time, whatever the number of runs.

Runs of a shadow say nothing of how their contract is, and are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, Subquery, func, select

from datasync.history import tables
from datasync.history.incidents import UNRESOLVED
from datasync.history.rows import RunRow
from datasync.history.store import History

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def names(history: History) -> set[str]:
    """Give the name of every contract that history knows anything of."""
    kept = (tables.runs, tables.incidents, tables.quarantine)
    return {str(row[0]) for table in kept for row in history.ask(select(table.c.contract).distinct())}


def last_origin(history: History, contract: str) -> str | None:
    """Give what started the newest run of a contract that a scheduler started, in the scheduler's own words."""
    runs = tables.runs.c
    query = select(runs.origin).where(runs.contract == contract, runs.origin.is_not(None))
    rows = history.ask(query.order_by(runs.started_at.desc()).limit(1))
    return str(rows[0][0]) if rows else None


def latest(history: History) -> dict[str, RunRow]:
    """Give contract to its newest run of any kind."""
    names = _names()
    ids = _newest("run_id", names).scalar_subquery()
    query = select_runs().where(tables.runs.c.run_id.in_(select(ids).select_from(names)))
    return {row.contract: row for row in run_rows(history, query)}


def last_runs(history: History, contracts: Sequence[str], limit: int) -> dict[str, list[RunRow]]:
    """Give the newest runs of some contracts, of any kind, each newest first.

    Args:
        history: where.
        contracts: their names; those that never ran are left out.
        limit: most runs of one contract.
    """
    runs, names = tables.runs.c, _names()
    # The start of the oldest run to show is a few steps in the index; older runs are not looked at. Unless it is worked out
    # beforehand, SQLite works it out again for every run.
    oldest = func.coalesce(_newest("started_at", names).offset(limit - 1).scalar_subquery(), BEGINNING)
    bounds = select(names.c.contract, oldest.label("oldest")).where(names.c.contract.in_(list(contracts)))
    bound = bounds.cte("bounds").prefix_with("MATERIALIZED").c
    query = select_runs().where(runs.contract == bound.contract, runs.started_at >= bound.oldest, runs.kind != "shadow")
    found: dict[str, list[RunRow]] = {}
    for row in run_rows(history, query.order_by(runs.contract, runs.started_at.desc(), runs.run_id.desc())):
        found.setdefault(row.contract, []).append(row)
    return {name: several[:limit] for name, several in found.items()}


def last_published(history: History) -> dict[str, datetime]:
    """Give contract to the start of its newest run that published."""
    names = _names()
    query = select(names.c.contract, _newest("started_at", names, published=True).scalar_subquery())
    return {name: moment for name, moment in history.ask(query) if moment is not None}


def unresolved(history: History) -> dict[str, int]:
    """Give contract to the number of its incidents that are not resolved."""
    table = tables.incidents.c
    query = select(table.contract, func.count()).where(table.state.in_(UNRESOLVED)).group_by(table.contract)
    return {name: int(count) for name, count in history.ask(query)}


def _names() -> Subquery:
    return select(tables.runs.c.contract).distinct().subquery()


def _newest(column: str, names: Subquery, published: bool = False) -> Select[Any]:
    """One column of a contract's newest run, to be asked beside its name."""
    runs = tables.runs.alias().c
    query = select(runs[column]).where(runs.contract == names.c.contract, runs.kind != "shadow").correlate(names)
    query = query.where(runs.committed) if published else query
    ties = (runs.run_id.desc(),) if column == "run_id" else ()
    return query.order_by(runs.started_at.desc(), *ties).limit(1)


def select_runs() -> Select[Any]:
    """Select runs as lists show them, for `run_rows`."""
    return select(*(tables.runs.c[name] for name in RunRow.__slots__))


def run_rows(history: History, query: Select[Any]) -> list[RunRow]:
    """Give the runs that a query made of `select_runs` finds."""
    return [RunRow(*row) for row in history.ask(query)]
