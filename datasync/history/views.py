"""History in, what pages and figures show out: each function is one bounded question, whatever the number of runs.

The site, the web app, the metrics and the command line ask here; nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, or_, select

from datasync.history import lists, tables
from datasync.history.incidents import UNRESOLVED, utc
from datasync.history.lists import run_rows, select_runs
from datasync.history.rows import RunRow
from datasync.history.store import History
from datasync.history.texts import KeptContract

GOOD = ("passed", "warned")


@dataclass(frozen=True, slots=True)
class CheckPoint:
    """One check in one run.

    Attributes:
        observed: what a table check saw, when it is a number.
        threshold: where the verdict turned: a share of rows (0 to 1), or a bound of `observed`.
    """

    name: str
    run_id: str
    kind: str
    status: str
    failed: int
    evaluated: int
    observed: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Aside:
    """Rows in quarantine by state, over all runs of a contract."""

    state: str
    rows: int


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An unresolved incident, as lists show it; who: whoever it is assigned to, or acted on it last."""

    subject: str
    check: str
    state: str
    severity: str
    opened_at: datetime
    occurrences: int
    who: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """What a contract's runs of some time add up to.

    Attributes:
        runs: finished ones; checks and replays are left out.
        published: of these, the ones that published, or had nothing to publish.
        extracted, seconds: their sums.
        score: mean quality of the runs that have one, 0 to 100.
        last_published: start of the newest run that published, whenever it was.
        resolving: mean seconds from an incident's opening to its resolution; None where none was resolved.
    """

    contract: str
    owner: str
    runs: int
    published: int
    extracted: int
    seconds: float
    score: float | None
    last_published: datetime | None
    resolving: float | None = None

    @property
    def success(self) -> float | None:
        """Share of runs that passed or warned, 0 to 1."""
        return self.published / self.runs if self.runs else None

    @property
    def rows_per_second(self) -> float | None:
        """Rows read per second of run time."""
        return self.extracted / self.seconds if self.seconds else None


@dataclass(frozen=True, slots=True)
class DayFigures:
    """A contract's runs of one day: their number and mean quality."""

    contract: str
    day: str
    runs: int
    score: float | None


@dataclass(frozen=True, slots=True)
class AsideRun:
    """Rows that one run set aside; closed: of these, replayed or superseded one by one."""

    run_id: str
    contract: str
    state: str
    rows: int
    closed: int = 0


@dataclass(frozen=True, slots=True)
class Total:
    """What the finished runs of a contract with one status add up to."""

    contract: str
    kind: str
    status: str
    runs: int
    extracted: int
    published: int
    quarantined: int
    seconds: float


def contracts(history: History) -> list[KeptContract]:
    """Give the newest text of every contract that ever ran, by name."""
    texts = tables.contract_texts
    newest = select(texts.c.contract, func.max(texts.c.first_seen).label("seen")).group_by(texts.c.contract).subquery()
    query = select(texts).join(newest, and_(texts.c.contract == newest.c.contract, texts.c.first_seen == newest.c.seen))
    found = {text.contract: text for text in map(_text, history.ask(query.order_by(texts.c.contract)))}
    return list(found.values())


def versions(history: History, contract: str, limit: int = 20) -> list[KeptContract]:
    """Give the texts a contract had, newest first."""
    texts = tables.contract_texts
    query = select(texts).where(texts.c.contract == contract).order_by(texts.c.first_seen.desc()).limit(limit)
    return [_text(row) for row in history.ask(query)]


def text_of(history: History, hash_: str | None) -> KeptContract | None:
    """Give a contract's text by its hash."""
    if hash_ is None:
        return None
    rows = history.ask(select(tables.contract_texts).where(tables.contract_texts.c.hash == hash_))
    return _text(rows[0]) if rows else None


def _text(row: Any) -> KeptContract:
    values = dict(row._mapping)
    return KeptContract(**values | {"tags": tuple(json.loads(values["tags"]))})


def run(history: History, run_id: str) -> RunRow | None:
    """Give one run as lists show it."""
    rows = run_rows(history, select_runs().where(tables.runs.c.run_id == run_id))
    return rows[0] if rows else None


def runs_up_to(history: History, last: RunRow, limit: int) -> list[RunRow]:
    """Give the runs of a contract, of the same kind, from one of them back, newest first."""
    runs = tables.runs.c
    earlier = or_(runs.started_at < last.started_at, and_(runs.started_at == last.started_at, runs.run_id <= last.run_id))
    query = select_runs().where(runs.contract == last.contract, runs.kind == last.kind, earlier)
    return run_rows(history, query.order_by(runs.started_at.desc(), runs.run_id.desc()).limit(limit))


def last_runs(history: History, contract: str, limit: int, kind: str | None = "run") -> list[RunRow]:
    """Give a contract's newest runs of a kind, newest first; None: of every kind."""
    runs = tables.runs.c
    query = select_runs().where(runs.contract == contract)
    query = query.where(runs.kind == kind) if kind else query
    return run_rows(history, query.order_by(runs.started_at.desc(), runs.run_id.desc()).limit(limit))


def last_good(history: History, before: RunRow) -> RunRow | None:
    """Give the newest run of the same contract and kind before this one that passed or warned."""
    runs = tables.runs.c
    query = select_runs().where(
        runs.contract == before.contract, runs.kind == before.kind, runs.status.in_(GOOD), runs.started_at < before.started_at
    )
    rows = run_rows(history, query.order_by(runs.started_at.desc()).limit(1))
    return rows[0] if rows else None


def finished_since(history: History, moment: datetime | None, limit: int = 100_000) -> list[RunRow]:
    """Give the runs that were recorded at a time or later, oldest first; a held run that is released is recorded again."""
    runs = tables.runs.c
    query = select_runs().where(runs.finished_at.is_not(None))
    query = query.where(runs.finished_at >= moment) if moment else query
    return run_rows(history, query.order_by(runs.finished_at).limit(limit))


def newest(history: History, limit: int) -> list[RunRow]:
    """Give the newest finished runs of all contracts, newest first."""
    query = select_runs().where(tables.runs.c.finished_at.is_not(None)).order_by(tables.runs.c.finished_at.desc()).limit(limit)
    return run_rows(history, query)


def runs_of_day(history: History, contract: str, start: datetime, end: datetime) -> list[RunRow]:
    """Give the runs of a contract that started in `[start, end)`, newest first."""
    runs = tables.runs.c
    query = select_runs().where(runs.contract == contract, runs.started_at >= start, runs.started_at < end)
    return run_rows(history, query.order_by(runs.started_at.desc()))


def check_points(history: History, run_ids: Sequence[str], kind: str | None = None) -> list[CheckPoint]:
    """Give what the checks of some runs saw, in no order.

    Args:
        history: where.
        run_ids: the runs; keep them few.
        kind: only checks of this kind.
    """
    checks = tables.checks.c
    query = select(*(checks[name] for name in CheckPoint.__slots__)).where(checks.run_id.in_(list(run_ids)))
    query = query.where(checks.kind == kind) if kind else query
    return [CheckPoint(*row) for row in history.ask(query)]


def daily(history: History, since: datetime) -> list[DayFigures]:
    """Give runs and mean quality of every contract per day (of the database's own zone), oldest first."""
    runs = tables.runs.c
    day = func.date(runs.started_at)
    query = select(runs.contract, day, func.count(), func.avg(runs.score)).where(
        runs.kind == "run", runs.finished_at.is_not(None), runs.started_at >= since
    )
    rows = history.ask(query.group_by(runs.contract, day).order_by(day, runs.contract))
    return [DayFigures(contract, str(when), int(count), score) for contract, when, count, score in rows]


def open_incidents(history: History, contract: str) -> list[OpenIncident]:
    """Give a contract's unresolved incidents, oldest first."""
    table = tables.incidents.c
    query = select(
        table.subject,
        table.check,
        table.state,
        table.severity,
        table.opened_at,
        table.occurrences,
        table.assignee,
        table.acted_by,
        table.id,
    ).where(table.contract == contract, table.state.in_(UNRESOLVED))  # fmt: skip
    return [
        OpenIncident(subject, check, state, severity, utc(opened), times, assignee or ("" if actor == "run" else actor), number)
        for subject, check, state, severity, opened, times, assignee, actor, number in history.ask(query.order_by(table.id))
    ]


def seconds_to_resolve(history: History, since: datetime | None = None) -> dict[str, float]:
    """Give the mean time from opening to resolution of every contract whose incidents were resolved.

    Args:
        history: where.
        since: incidents that were resolved then or later; None: all.
    """
    table = tables.incidents.c
    query = select(table.contract, table.opened_at, table.resolved_at).where(table.state == "resolved")
    query = query.where(table.resolved_at >= since) if since else query
    found: dict[str, list[float]] = {}
    for contract, opened, resolved in history.ask(query):
        found.setdefault(contract, []).append((utc(resolved) - utc(opened)).total_seconds())
    return {contract: sum(times) / len(times) for contract, times in found.items()}


def set_aside(history: History, contract: str) -> list[Aside]:
    """Give how many rows of a contract lie in quarantine, by state of their batch."""
    table = tables.quarantine.c
    query = select(table.state, func.sum(table.rows)).where(table.contract == contract).group_by(table.state)
    return [Aside(state, int(rows)) for state, rows in history.ask(query)]


def figures(history: History, since: datetime | None = None) -> list[Figures]:
    """Give the figures of every contract, by name.

    Args:
        history: where.
        since: runs that started then or later; None: all.
    """
    runs = tables.runs.c
    good = func.sum(case((runs.status.in_(GOOD), 1), else_=0))
    query = select(
        runs.contract, func.count(), good, func.sum(runs.extracted), func.sum(runs.seconds), func.avg(runs.score)
    ).where(runs.kind == "run", runs.finished_at.is_not(None))
    query = query.where(runs.started_at >= since) if since else query
    resolving, published = seconds_to_resolve(history, since), lists.last_published(history)
    owners = {text.contract: text.owner for text in contracts(history)}
    return [
        Figures(
            name,
            owners.get(name, ""),
            int(count),
            int(ok),
            int(rows or 0),
            float(seconds or 0),
            score,
            published.get(name),
            resolving.get(name),
        )
        for name, count, ok, rows, seconds, score in history.ask(query.group_by(runs.contract).order_by(runs.contract))
    ]


def days(history: History, contract: str, limit: int = 366) -> list[str]:
    """Give the days (ISO, of the database's own zone) on which a contract ran, newest first."""
    runs = tables.runs.c
    day = func.date(runs.started_at)
    query = select(day).where(runs.contract == contract).group_by(day).order_by(day.desc()).limit(limit)
    return [str(row[0]) for row in history.ask(query)]


def running(history: History, limit: int = 100, among: Collection[str] | None = None) -> list[RunRow]:
    """Give the runs that began and are not over, newest first; of these contracts, None: of all."""
    query = select_runs().where(tables.runs.c.status == "running")
    query = query if among is None else query.where(tables.runs.c.contract.in_(sorted(among)))
    return run_rows(history, query.order_by(tables.runs.c.started_at.desc()).limit(limit))


def running_counts(history: History) -> dict[str, int]:
    """Give contract to the number of its runs that are not over."""
    runs = tables.runs.c
    query = select(runs.contract, func.count()).where(runs.status == "running").group_by(runs.contract)
    return {contract: int(count) for contract, count in history.ask(query)}


def totals(history: History) -> list[Total]:
    """Give sums of finished runs by contract, kind and status."""
    runs = tables.runs.c
    sums = (func.sum(runs.extracted), func.sum(runs.published), func.sum(runs.quarantined), func.sum(runs.seconds))
    query = select(runs.contract, runs.kind, runs.status, func.count(), *sums).where(runs.finished_at.is_not(None))
    return [
        Total(contract, kind, status, int(count), int(read), int(published), int(aside), float(seconds))
        for contract, kind, status, count, read, published, aside, seconds in history.ask(
            query.group_by(runs.contract, runs.kind, runs.status).order_by(runs.contract, runs.kind, runs.status)
        )
    ]


def outbox_depth(history: History) -> dict[str, int]:
    """Give state to the number of messages."""
    state = tables.outbox.c.state
    return {name: int(count) for name, count in history.ask(select(state, func.count()).group_by(state))}


def incident_counts(history: History) -> dict[tuple[str, str], int]:
    """Give contract and state to the number of its incidents that are unresolved."""
    table = tables.incidents.c
    query = select(table.contract, table.state, func.count()).where(table.state.in_(UNRESOLVED))
    return {(name, state): int(count) for name, state, count in history.ask(query.group_by(table.contract, table.state))}


def aside_runs(
    history: History, contract: str | None = None, limit: int = 200, among: Collection[str] | None = None
) -> list[AsideRun]:
    """Give the newest runs that set rows aside, newest first; of these contracts, None: of all."""
    table, closed = tables.quarantine.c, tables.closed_rows.c
    query = select(table.run_id, table.contract, table.state, func.sum(table.rows))
    query = query.where(table.contract == contract) if contract else query
    query = query if among is None else query.where(table.contract.in_(sorted(among)))
    query = query.group_by(table.run_id, table.contract, table.state).order_by(func.max(table.created_at).desc()).limit(limit)
    rows = history.ask(query)
    ids = [row[0] for row in rows]
    counted = select(closed.run_id, func.count()).where(closed.run_id.in_(ids)).group_by(closed.run_id)
    numbers = {run_id: int(count) for run_id, count in history.ask(counted)}
    return [AsideRun(run_id, name, state, int(count), numbers.get(run_id, 0)) for run_id, name, state, count in rows]
