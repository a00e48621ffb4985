"""A connection in a transaction in, messages that wait to be delivered and the threads they belong to out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from datasync.history.incidents import utc
from datasync.history.tables import outbox, seen_requests, threads

OutboxState = Literal["pending", "failed", "sent", "dead", "suppressed"]
WAITING: tuple[OutboxState, ...] = ("pending", "failed")
CLAIM = timedelta(minutes=5)
"""How long one deliverer has a message for itself: a process that died gives it back after that."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message to one place.

    Attributes:
        id: 0 until it is stored.
        dedup_key: one event to one place is one key; storing it twice stores it once.
        kind: card (a subject's message), note (one of its own), escalation and wake (things to look at again later).
        body: what was known when it was written; a card shows the state at the time it is sent.
        state: pending, failed (tried, and tried again), sent, dead (nobody tries again), suppressed (needless or muted).
        next_try: not before this, UTC.
    """

    dedup_key: str
    subject: str
    contract: str
    kind: str
    channel: str
    destination: str
    body: Mapping[str, Any]
    next_try: datetime
    created_at: datetime
    run_id: str = ""
    id: int = 0
    state: OutboxState = "pending"
    attempts: int = 0
    claimed_until: datetime | None = None
    last_error: str = ""
    sent_at: datetime | None = None

    @property
    def lane(self) -> tuple[str, str, str]:
        """What must arrive in order: one subject at one place."""
        return self.subject, self.channel, self.destination


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a subject's parent message lies in one channel, so that it is updated and answered there.

    Attributes:
        id: 0 until it is stored.
        subject: contract and declared params, whose incidents it shows.
        channel: slack or email.
        destination: as routed; empty is the connection's default.
        ref: the channel's own address of the parent: Slack `{"channel": "C…", "ts": "…"}`, e-mail `{"message_id": "<…>"}`.
        open: some incident of it is unresolved.
    """

    subject: str
    channel: str
    destination: str
    created_at: datetime
    ref: Mapping[str, str] = field(default_factory=dict)
    open: bool = True
    id: int = 0


class Outbox:
    """Messages and threads over one connection; the caller's transaction holds whatever is done."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, row: OutboxRow) -> bool:
        """Store a message; False when its key is there already."""
        known = select(outbox.c.id).where(outbox.c.dedup_key == row.dedup_key)
        if self._connection.execute(known).scalar() is not None:
            return False
        values = {name: getattr(row, name) for name in OutboxRow.__slots__ if name != "id"}
        values["body"] = json.dumps(dict(row.body), ensure_ascii=False)
        self._connection.execute(insert(outbox).values(**values))
        return True

    def claim(self, now: datetime, kinds: Sequence[str], run_id: str | None = None) -> list[OutboxRow]:
        """Take all messages that are due and that nobody else is delivering, oldest first.

        Args:
            now: UTC.
            kinds: of these.
            run_id: only lanes in which this run has a message.
        """
        free = or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until < now)
        due = outbox.c.state.in_(WAITING) & outbox.c.kind.in_(tuple(kinds)) & (outbox.c.next_try <= now) & free
        rows = self._rows(due)
        if run_id is not None:
            lanes = {row.lane for row in rows if row.run_id == run_id}
            rows = [row for row in rows if row.lane in lanes]
        taken = []
        for row in rows:
            mine = (outbox.c.id == row.id) & free
            done = self._connection.execute(update(outbox).where(mine).values(claimed_until=now + CLAIM))
            if done.rowcount == 1:
                taken.append(row)
        return taken

    def waits(self, row: OutboxRow, now: datetime) -> bool:
        """Tell whether an earlier message of the same lane waits for a later try, so that this one must wait too.

        One that only follows another waits for the end of its mute window as well; one that an alert of its own sends does not.
        """
        states = WAITING if row.body.get("follows") else ("failed",)
        earlier = (
            (outbox.c.subject == row.subject) & (outbox.c.channel == row.channel) & (outbox.c.destination == row.destination)
            & (outbox.c.id < row.id) & outbox.c.state.in_(states) & (outbox.c.next_try > now)
            & outbox.c.kind.in_(("card", "note"))
        )  # fmt: skip
        return self._connection.execute(select(outbox.c.id).where(earlier).limit(1)).scalar() is not None

    def settle(self, row: OutboxRow, **values: Any) -> None:
        """Write down what became of a message, and give it back."""
        self._connection.execute(update(outbox).where(outbox.c.id == row.id).values(claimed_until=None, **values))

    def of_run(self, run_id: str) -> list[OutboxRow]:
        """Give the messages of one run."""
        return self._rows(outbox.c.run_id == run_id)

    def newest(self, subject: str) -> OutboxRow | None:
        """Give the newest message about a run of a subject: it holds what is known of the contract."""
        about = (outbox.c.subject == subject) & (outbox.c.run_id != "") & outbox.c.kind.in_(("card", "note"))
        query = select(outbox).where(about).order_by(outbox.c.id.desc()).limit(1)
        row = self._connection.execute(query).first()
        return _row(row) if row is not None else None

    def forget(self, before: datetime, dry_run: bool) -> int:
        """Drop messages that are over since some time, but for the newest of each subject; gives their number."""
        newest = select(func.max(outbox.c.id)).group_by(outbox.c.subject)
        over = ~outbox.c.state.in_(WAITING) & (outbox.c.created_at < before) & outbox.c.id.not_in(newest)
        number = self._connection.execute(select(func.count()).select_from(outbox).where(over)).scalar_one()
        if not dry_run and number:
            self._connection.execute(outbox.delete().where(over))
        return int(number)

    def listed(self, states: Sequence[str]) -> list[OutboxRow]:
        """Give messages by state, oldest first."""
        return self._rows(outbox.c.state.in_(tuple(states)))

    def revive(self, now: datetime) -> int:
        """Let messages that nobody tries any more be tried again; gives their number."""
        dead = update(outbox).where(outbox.c.state == "dead").values(state="pending", next_try=now, attempts=0)
        return int(self._connection.execute(dead).rowcount)

    def thread(self, subject: str, channel: str, destination: str) -> Thread | None:
        """Give the newest thread of a subject at one place."""
        here = (threads.c.subject == subject) & (threads.c.channel == channel) & (threads.c.destination == destination)
        query = select(threads).where(here).order_by(threads.c.id.desc()).limit(1)
        row = self._connection.execute(query).first()
        return _thread(row) if row is not None else None

    def told(self, subject: str) -> list[tuple[str, str]]:
        """Give the places (channel, destination) that show a subject's incidents, or will as soon as they can be reached."""
        shown = select(threads.c.channel, threads.c.destination).where(threads.c.subject == subject, threads.c.open)
        waiting = (outbox.c.subject == subject) & (outbox.c.kind == "card") & outbox.c.state.in_(WAITING)
        soon = select(outbox.c.channel, outbox.c.destination).where(waiting)
        return sorted({(row[0], row[1]) for query in (shown, soon) for row in self._connection.execute(query)})

    def keep_thread(self, thread: Thread) -> Thread:
        """Write a thread; a new one gets its number."""
        values = {name: getattr(thread, name) for name in Thread.__slots__ if name != "id"}
        values["ref"] = json.dumps(dict(thread.ref))
        if thread.id:
            self._connection.execute(update(threads).where(threads.c.id == thread.id).values(**values))
            return thread
        done = self._connection.execute(insert(threads).values(**values))
        assert done.inserted_primary_key is not None
        return replace(thread, id=int(done.inserted_primary_key[0]))

    def see(self, key: str, now: datetime, keep: timedelta) -> bool:
        """Remember a request; False when it was seen within `keep`. Older ones are forgotten."""
        self._connection.execute(seen_requests.delete().where(seen_requests.c.seen_at < now - keep))
        if self._connection.execute(select(seen_requests.c.key).where(seen_requests.c.key == key)).scalar() is not None:
            return False
        self._connection.execute(insert(seen_requests).values(key=key, seen_at=now))
        return True

    def _rows(self, condition: Any) -> list[OutboxRow]:
        query = select(outbox).where(condition).order_by(outbox.c.id)
        return [_row(row) for row in self._connection.execute(query)]


def _row(row: Row[Any]) -> OutboxRow:
    values = dict(row._mapping)
    values["body"] = json.loads(values["body"])
    for name in ("next_try", "claimed_until", "created_at", "sent_at"):
        values[name] = utc(values[name]) if values[name] is not None else None
    return OutboxRow(**values)


def _thread(row: Row[Any]) -> Thread:
    values = dict(row._mapping)
    values["ref"] = json.loads(values["ref"])
    values["created_at"] = utc(values["created_at"])
    return Thread(**values)
