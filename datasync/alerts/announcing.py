"""What became of a subject's incidents and what its contract wants told in, messages in the outbox out.

One run sends at most one message to one place: the contract's card where a promise is broken, a note where only a condition of
the contract came true. Places that were told of an incident are told of everything that becomes of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from datasync.alerts.conditions import fill, holds
from datasync.alerts.lifecycle import Sighting
from datasync.alerts.message import Post, PostKind
from datasync.alerts.metrics import Metrics
from datasync.alerts.observing import Happening
from datasync.alerts.posts import post_of
from datasync.alerts.routing import Route, muted_until, routes
from datasync.contract.alerting import Alert
from datasync.contract.model import Contract
from datasync.history.incidents import Incident
from datasync.history.outbox import OutboxRow, OutboxState
from datasync.history.store import Ledger
from datasync.results.codec import plain
from datasync.results.model import RunResult


@dataclass(frozen=True, slots=True)
class Announcement:
    """One run that is to be told.

    Attributes:
        contract: its alerts and owner.
        result: the run.
        metrics: its figures.
        subject: whose incidents.
        seen: the run and the time.
        facts: what a message shows beside incidents and figures, kept with it: links, places in the contract's file.
        released: who let a held run go, and why; empty for others.
    """

    contract: Contract
    result: RunResult
    metrics: Metrics
    subject: str
    seen: Sighting
    facts: Mapping[str, Any] = field(default_factory=dict)
    released: str = ""


@dataclass(slots=True)
class _Told:
    """What one place is told."""

    notes: list[str] = field(default_factory=list)
    severity: str = "warn"
    mention: bool = False
    until: datetime | None = None
    muted: bool = True
    follows: bool = False
    """It is told only because it was told before: no alert of this run leads there."""


def announce(ledger: Ledger, run: Announcement, happenings: Sequence[Happening]) -> None:
    """Write what a run has to tell into the outbox.

    Args:
        ledger: in the transaction that records the run.
        happenings: from `observe`.
    """
    alerts = [alert for alert in run.contract.alerts if holds(alert.when, run.metrics)]
    told = _places(alerts, run)
    broken = bool(ledger.incidents.of_subject(run.subject))
    showing = {Route(*place) for place in ledger.outbox.told(run.subject)}
    for route, what in told.items():
        if broken or route in showing:
            ledger.outbox.add(_card(ledger, run, route, what, happenings))
        else:
            ledger.outbox.add(_note(run, route, what))
    if happenings or run.released:
        for route in sorted(showing - set(told), key=_place):
            ledger.outbox.add(_card(ledger, run, route, _Told(muted=False, follows=True), happenings))
    _escalate(ledger, run, alerts, happenings)


def _places(alerts: Iterable[Alert], run: Announcement) -> dict[Route, _Told]:
    """Gather what each place is told; it is muted only when every alert that leads there is."""
    found: dict[Route, _Told] = {}
    for alert in alerts:
        until = muted_until(alert.mute, run.seen.at, run.contract.timezone)
        for route in routes(alert.to, run.contract.owner):
            what = found.setdefault(route, _Told())
            if alert.message:
                what.notes.append(fill(alert.message, run.metrics))
            what.severity = "error" if "error" in (alert.severity, what.severity) else "warn"
            what.mention = what.mention or alert.mention == "owner"
            what.muted = what.muted and until is not None
            what.until = until if what.until is None else min(what.until, until or what.until)
    return found


def _card(ledger: Ledger, run: Announcement, route: Route, what: _Told, happenings: Sequence[Happening]) -> OutboxRow:
    loud = [happening for happening in happenings if not happening.silent]
    posts = [post_of(happening.incident, happening.what, run.seen.at) for happening in loud]
    if run.released:
        posts.append(Post("released", f"Released: {run.released}", at=run.seen.at))
    known = ledger.outbox.thread(run.subject, *_place(route))
    first = known is None or not known.open
    # Acknowledged and snoozed incidents that are no worse are shown where the message lies already, and start no new one.
    state: OutboxState = "suppressed" if first and not loud and not what.notes else "pending"
    body = {
        "facts": dict(run.facts),
        "posts": plain(posts),
        "notes": what.notes,
        "mention": what.mention,
        "muted": what.muted,
        "follows": what.follows,
        "flapping": bool(loud) and all(happening.flapping for happening in loud),
    }
    return replace(_row(run, route, "card", body, what), state=state)


def _note(run: Announcement, route: Route, what: _Told) -> OutboxRow:
    body = {"facts": dict(run.facts), "notes": what.notes, "mention": what.mention, "severity": what.severity}
    return replace(_row(run, route, "note", body, what), state="suppressed" if what.muted else "pending")


def _row(run: Announcement, route: Route, kind: str, body: Mapping[str, Any], what: _Told) -> OutboxRow:
    return OutboxRow(
        # A run that is resumed or released is recorded again, with another end.
        dedup_key=key(f"{run.result.run_id}/{run.result.status}", route),
        subject=run.subject,
        contract=run.result.contract,
        kind=kind,
        channel=route.channel,
        destination=route.destination,
        body=body,
        next_try=what.until if what.muted and what.until else run.seen.at,
        created_at=run.seen.at,
        run_id=run.result.run_id,
    )


def key(event: str, route: Route) -> str:
    """Name one event at one place: the same message has the same name however often it is written or sent."""
    place = hashlib.sha256(route.destination.encode()).hexdigest()[:12] if route.destination else "default"
    return f"{event}/{route.channel}/{place}"


def _place(route: Route) -> tuple[str, str]:
    return route.channel, route.destination


def _escalate(ledger: Ledger, run: Announcement, alerts: Iterable[Alert], happenings: Sequence[Happening]) -> None:
    """Look again after a while at what opened now: whoever else is to know is told if nobody has acted."""
    fresh = [
        happening.incident.id for happening in happenings
        if happening.what in ("opened", "reopened", "worse") and not happening.silent
    ]  # fmt: skip
    for number, alert in enumerate(alert for alert in alerts if alert.escalate is not None):
        assert alert.escalate is not None
        if not fresh:
            return
        after: timedelta = alert.escalate.after
        for route in routes(alert.escalate.to, run.contract.owner):
            row = _row(run, route, "escalation", {"incidents": fresh, "after": after.total_seconds(), "facts": dict(run.facts)},
                       _Told(muted=False))  # fmt: skip
            ledger.outbox.add(replace(row, dedup_key=f"{row.dedup_key}/escalation-{number}", next_try=run.seen.at + after))


def tell_of_actions(ledger: Ledger, incidents: Sequence[Incident], event: str, what: str, at: datetime) -> None:
    """Bring the messages up to date that show incidents on which somebody acted.

    Args:
        incidents: as they are now; all of one subject.
        event: name of the action, unique.
        what: acknowledged, snoozed, woke, assigned, resolved or reopened.
        at: when, UTC.
    """
    body = {"posts": plain([post_of(incident, what, at) for incident in incidents]), "follows": True}
    first = incidents[0]
    for place in ledger.outbox.told(first.subject):
        ledger.outbox.add(_update(event, (first.subject, first.contract), Route(*place), body, at))


def tell_of_run(ledger: Ledger, run_id: str, what: PostKind, text: str, at: datetime) -> None:
    """Say in the messages that show a run what a person decided about it.

    Args:
        what: rejected, or another kind of post.
        text: one sentence.
    """
    told = ledger.outbox.of_run(run_id)
    body = {"posts": plain([Post(what, text, at=at)]), "follows": True}
    for place in ledger.outbox.told(told[0].subject) if told else ():
        about = (told[0].subject, told[0].contract)
        ledger.outbox.add(_update(f"{run_id}/{what}", about, Route(*place), body, at))


def _update(event: str, about: tuple[str, str], route: Route, body: Mapping[str, Any], at: datetime) -> OutboxRow:
    """A row that brings one place up to date; `about` is subject and contract."""
    return OutboxRow(
        dedup_key=key(event, route),
        subject=about[0],
        contract=about[1],
        kind="card",
        channel=route.channel,
        destination=route.destination,
        body=body,
        next_try=at,
        created_at=at,
    )
