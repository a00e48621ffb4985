"""Messages that wait in, delivered, tried again later, or given up out: at least once, in order, and no failure leaves it.

All messages of one subject to one place are one lane. A lane is delivered in order and as one: what piled up while a channel was
down becomes one message that shows how things are now, and one entry in its thread for each thing that happened since.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from datasync.alerts.composing import Composed, compose
from datasync.alerts.looking_again import look_again
from datasync.alerts.message import Delivered, Delivery
from datasync.errors import ConnectorError, PermanentError, TransientError, shorten
from datasync.failpoints import failpoint
from datasync.history.outbox import OutboxRow, Thread
from datasync.history.store import History, Ledger

log = logging.getLogger("datasync")
FALLBACK_AFTER = 3
"""Tries in Slack after which an e-mail goes out too."""
GIVE_UP = timedelta(days=3)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)


class Channel(Protocol):
    """Somewhere messages go to."""

    def deliver(self, delivery: Delivery) -> Delivered:
        """Write or update one message.

        Raises:
            TransientError: try again later.
            PermanentError: will not work until somebody changes something.
        """


@dataclass(frozen=True, slots=True)
class Postman:
    """What delivering needs of the place it runs in.

    Attributes:
        history: whose outbox.
        channel: gives a channel by name, signed in; raises ConnectorError when it is not configured.
        base: address of the web app, for links; empty when none is served.
        report: gives a run's page to attach; None where there is none.
        rows: gives, by check, a few lines on rows that a run set aside, as their columns let them be seen.
        clock: UTC; tests turn it.
    """

    history: History
    channel: Callable[[str], Channel]
    base: str = ""
    report: Callable[[str], bytes | None] = lambda run_id: None
    rows: Callable[[str], Mapping[str, Sequence[str]]] = lambda run_id: {}
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(slots=True)
class Tally:
    """What a round did, in messages; `errors` are reasons, each once."""

    sent: int = 0
    failed: int = 0
    dead: int = 0
    suppressed: int = 0
    errors: list[str] = field(default_factory=list)


def deliver(postman: Postman, run_id: str | None = None) -> Tally:
    """Deliver what is due.

    Args:
        run_id: only the lanes in which this run has a message.

    Returns:
        What became of it: a message that cannot be sent is no reason for a run to fail.

    Raises:
        StorageError: history cannot be used.
    """
    tally = Tally()
    now = postman.clock()
    with postman.history.ledger() as ledger:
        for row in ledger.outbox.claim(now, ("escalation", "wake")):
            state = look_again(ledger, row, now)
            ledger.outbox.settle(row, state=state, sent_at=now)
    with postman.history.ledger() as ledger:
        rows = ledger.outbox.claim(now, ("card", "note"), run_id)
        waiting = [row for row in rows if ledger.outbox.waits(row, now)]
        for row in waiting:
            ledger.outbox.settle(row)
    lanes: dict[tuple[str, str, str], list[OutboxRow]] = {}
    for row in rows:
        if row not in waiting:
            lanes.setdefault(row.lane, []).append(row)
    for lane in lanes.values():
        cards = [row for row in lane if row.kind == "card"]
        for together in ([cards] if cards else []) + [[row] for row in lane if row.kind == "note"]:
            _deliver_one(postman, together, now, tally)
    return tally


def _deliver_one(postman: Postman, rows: list[OutboxRow], now: datetime, tally: Tally) -> None:
    """Send rows of one lane as one message and write down what became of it."""
    try:
        composed = compose(postman.history, rows, now, postman.base)
        if composed is None:
            _settle(postman, rows, state="suppressed", sent_at=now)
            tally.suppressed += len(rows)
            return
        delivery = composed.delivery
        if delivery.card is not None and delivery.thread is None:
            delivery = replace(delivery, attachment=postman.report(delivery.card.run_id))
        failpoint("alert.before_send")
        done = postman.channel(rows[0].channel).deliver(delivery)
        failpoint("alert.after_send")
    except Exception as error:
        _failed(postman, rows, error, tally)
        return
    with postman.history.ledger() as ledger:
        _keep_thread(ledger, rows[0], composed, done, now)
        for row in rows:
            ledger.outbox.settle(row, state="sent", sent_at=now, last_error="", attempts=row.attempts + 1)
    tally.sent += len(rows)


def _settle(postman: Postman, rows: list[OutboxRow], **values: object) -> None:
    with postman.history.ledger() as ledger:
        for row in rows:
            ledger.outbox.settle(row, **values)


def _keep_thread(ledger: Ledger, row: OutboxRow, composed: Composed, done: Delivered, now: datetime) -> None:
    if composed.delivery.card is None:
        return
    known = composed.delivery.thread
    # Looked up again: who answered while the message was on its way may have closed the last incident.
    still = bool(ledger.incidents.of_subject(row.subject))
    thread = known or Thread(row.subject, row.channel, row.destination, now)
    ledger.outbox.keep_thread(replace(thread, ref=dict(done.ref) or thread.ref, open=still or composed.more))


def _failed(postman: Postman, rows: list[OutboxRow], error: Exception, tally: Tally) -> None:
    """Try again later, tell it by e-mail instead, or give it up."""
    if not isinstance(error, ConnectorError):
        log.debug("a message could not be sent", exc_info=error)
    words = shorten(
        f"{error.code} {error.message}" if isinstance(error, ConnectorError) else f"a defect: {type(error).__name__}", 300
    )
    if words not in tally.errors:
        tally.errors.append(words)
        log.warning("alert to %s %s not sent: %s", rows[0].channel, rows[0].destination, words)
    now = postman.clock()
    with postman.history.ledger() as ledger:
        for row in rows:
            over = _hopeless(error) or now - row.created_at > GIVE_UP
            tries = row.attempts + 1
            ledger.outbox.settle(
                row, state="dead" if over else "failed", attempts=tries, last_error=words, next_try=now + wait(tries, error)
            )
            if over:
                tally.dead += 1
            else:
                tally.failed += 1
        first = rows[0]
        if first.channel == "slack" and (over or first.attempts + 1 >= FALLBACK_AFTER):
            _fall_back(ledger, first, now)


def _hopeless(error: Exception) -> bool:
    """It will not work until somebody changes something. A connection that is not known here may be known to who sweeps later."""
    return isinstance(error, PermanentError) and error.code != "E_CONNECTION"


def wait(tries: int, error: Exception) -> timedelta:
    """How long until the next try: twice as long each time, or as long as the channel asks for."""
    if isinstance(error, TransientError) and error.retry_after is not None:
        return min(timedelta(seconds=error.retry_after), LONGEST_WAIT)
    doubled: int = 2 ** min(tries - 1, 10)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)


def _fall_back(ledger: Ledger, row: OutboxRow, now: datetime) -> None:
    """Tell by e-mail what Slack does not take, unless this run tells it by e-mail anyway."""
    if row.run_id and any(other.channel == "email" for other in ledger.outbox.of_run(row.run_id)):
        return
    address = str(row.body.get("facts", {}).get("owner", {}).get("email", ""))
    ledger.outbox.add(
        replace(
            row, id=0, dedup_key=f"{row.dedup_key}/fallback", channel="email", destination=address, state="pending", attempts=0,
            next_try=now, created_at=now, claimed_until=None, last_error="",
        )
    )  # fmt: skip
