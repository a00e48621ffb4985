"""A row that asks to look at incidents again later in, what has to be told then out: escalations, and snoozes that are over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from datasync.alerts import lifecycle
from datasync.alerts.announcing import tell_of_actions
from datasync.alerts.lifecycle import RUN
from datasync.alerts.posts import post_of
from datasync.history.incidents import Incident, IncidentEvent
from datasync.history.outbox import OutboxRow, OutboxState
from datasync.history.store import Ledger
from datasync.results.codec import plain


def look_again(ledger: Ledger, row: OutboxRow, now: datetime) -> OutboxState:
    """Do what a row asks for, if it is still called for.

    Args:
        row: an escalation (tell somebody else of what nobody acted on) or a wake (end a snooze).
        now: UTC.

    Returns:
        sent, or suppressed when there is nothing to tell any more.
    """
    found = [ledger.incidents.get(int(number)) for number in row.body.get("incidents", [])]
    incidents = [incident for incident in found if incident is not None]
    told = _wake(ledger, incidents, row, now) if row.kind == "wake" else _escalate(ledger, incidents, row, now)
    return "sent" if told else "suppressed"


def _escalate(ledger: Ledger, incidents: list[Incident], row: OutboxRow, now: datetime) -> bool:
    waiting = [incident for incident in incidents if incident.state == "open"]
    if not waiting:
        return False
    for incident in waiting:
        place = row.destination or row.channel
        ledger.incidents.log(IncidentEvent(incident.id, now, "escalated", RUN, RUN, row.run_id, f"to {place}"))
    body = {
        "facts": row.body.get("facts", {}),
        "posts": plain([post_of(incident, "escalated", now) for incident in waiting]),
        "mention": True,
    }
    card = replace(row, id=0, kind="card", dedup_key=f"{row.dedup_key}/card", body=body, next_try=now, created_at=now)
    return ledger.outbox.add(replace(card, claimed_until=None, attempts=0))


def _wake(ledger: Ledger, incidents: list[Incident], row: OutboxRow, now: datetime) -> bool:
    over = [
        incident for incident in incidents
        if incident.state == "snoozed" and incident.snoozed_until is not None and incident.snoozed_until <= now
    ]  # fmt: skip
    woken = [ledger.incidents.save(lifecycle.woken(incident)) for incident in over]
    for incident in woken:
        ledger.incidents.log(IncidentEvent(incident.id, now, "woke", RUN, RUN, incident.last_run))
    if woken:
        tell_of_actions(ledger, woken, row.dedup_key, "woke", now)
    return bool(woken)
