"""Rows of one lane in, the delivery they amount to now out, or nothing when there is nothing left to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from datasync.alerts.cards import Situation, card_of, note_of
from datasync.alerts.message import Delivery, Post
from datasync.alerts.observing import RUN_ERROR
from datasync.errors import PermanentError
from datasync.history.incidents import Incident
from datasync.history.outbox import OutboxRow, Thread
from datasync.history.store import History, Ledger
from datasync.results.codec import rebuild
from datasync.results.model import RunResult

QUIET = ("repeated",)
"""Shown in a thread, never sent as a mail of its own."""


@dataclass(frozen=True, slots=True)
class Composed:
    """What is to be delivered.

    Attributes:
        more: something of the subject is unresolved.
    """

    delivery: Delivery
    more: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """What history holds about a lane."""

    thread: Thread | None
    incidents: Sequence[Incident]
    facts: Mapping[str, Any]
    run_id: str


def compose(history: History, rows: Sequence[OutboxRow], now: datetime, base: str) -> Composed | None:
    """Join rows of one lane into one delivery that shows how things are now.

    Args:
        rows: cards, or one note; oldest first.
        now: UTC.
        base: address of the web app, for links.

    Raises:
        PermanentError: the run they are about is no longer in history.
        StorageError: history cannot be used.
    """
    last = rows[-1]
    with history.ledger() as ledger:
        known = _known(ledger, rows)
    result = history.result(known.run_id)
    if result is None:
        raise PermanentError("the run that it is about is no longer in history", code="E_ALERT_RUN")
    if last.kind == "note":
        return Composed(Delivery(last.dedup_key, last.destination, note=note_of(last.body, result, last.created_at, base)))
    return _card(history, rows, known, result, base)


def _known(ledger: Ledger, rows: Sequence[OutboxRow]) -> _Known:
    subject = rows[-1].subject
    thread = ledger.outbox.thread(*rows[-1].lane)
    incidents = ledger.incidents.of_subject(subject)
    if not incidents:
        since = thread.created_at if thread is not None and thread.open else rows[0].created_at
        over = ledger.incidents.of_subject(subject, ("resolved",))
        incidents = [one for one in over if one.resolved_at is not None and one.resolved_at >= since]
    told = next((row for row in reversed(rows) if row.run_id and row.body.get("facts")), None) or ledger.outbox.newest(subject)
    facts = told.body.get("facts", {}) if told is not None else {}
    return _Known(thread, incidents, facts, told.run_id if told is not None else incidents[-1].last_run if incidents else "")


def _card(history: History, rows: Sequence[OutboxRow], known: _Known, result: RunResult, base: str) -> Composed | None:
    last = rows[-1]
    unresolved = any(incident.unresolved for incident in known.incidents)
    goes_on = known.thread is not None and (known.thread.open or all(row.body.get("flapping") for row in rows))
    thread = known.thread if goes_on else None
    posts = merged(rows)
    if thread is None and not unresolved and _needless(rows, known.incidents):
        return None
    if last.channel == "email" and thread is not None and not [post for post in posts if post.kind not in QUIET]:
        return None
    sync = str(known.facts.get("sync", ""))
    situation = Situation(
        facts=known.facts,
        result=result,
        incidents=known.incidents,
        unchanged_since=history.last_published(sync) if sync else None,
        notes=[str(note) for row in rows for note in row.body.get("notes", [])],
        mention=any(bool(row.body.get("mention")) for row in rows),
        base=base,
    )
    card = card_of(situation)
    # The first message shows everything itself; only what is over by then needs to be told below it.
    shown = posts if thread is not None or not unresolved else ()
    return Composed(Delivery(last.dedup_key, last.destination, card=card, posts=shown, thread=thread), more=unresolved)


def _needless(rows: Sequence[OutboxRow], incidents: Sequence[Incident]) -> bool:
    """It was over before anybody was told: within a mute window, or because a system that failed was simply tried again."""
    muted = all(row.body.get("muted") or row.body.get("follows") for row in rows)
    healed = all(incident.check == RUN_ERROR for incident in incidents) and not any(row.attempts for row in rows)
    return muted or (healed and bool(incidents))


def merged(rows: Sequence[OutboxRow]) -> tuple[Post, ...]:
    """Join the posts of several rows: of one incident's repeats only the newest, everything else once, in order."""
    posts = [rebuild(Post, post) for row in rows for post in row.body.get("posts", [])]
    last = {(post.kind, post.incidents): place for place, post in enumerate(posts)}
    return tuple(
        replace(post, incidents=tuple(post.incidents))
        for place, post in enumerate(posts)
        if last[post.kind, post.incidents] == place
    )
