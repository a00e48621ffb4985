"""Incidents and what a person decides about them in, the incidents as they are then out: logged, and told where they show."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from datasync.alerts import lifecycle
from datasync.alerts.announcing import tell_of_actions
from datasync.errors import UsageError
from datasync.history.incidents import Incident, IncidentEvent
from datasync.history.outbox import OutboxRow
from datasync.history.store import History, Ledger

ACTIONS = ("acknowledge", "snooze", "assign", "resolve")
LONGEST_SNOOZE = timedelta(days=366)
_DURATION = re.compile(r"^([0-9]+)\s*([smhdw])$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Attributes:
        who: a person as the channel names them; stands in the audit trail.
        via: cli, slack, web or airflow.
        key: names the click or call, so that it counts once however often it arrives; empty: each call counts.
    """

    who: str
    via: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided.

    Attributes:
        action: acknowledge, snooze, assign or resolve.
        until: end of a snooze, UTC.
        to: to whom it is assigned.
        comment: why; stands in the audit trail.
    """

    action: str
    until: datetime | None = None
    to: str = ""
    comment: str = ""


def act(
    history: History, numbers: Sequence[int], decision: Decision, actor: Actor, now: datetime | None = None
) -> list[Incident]:
    """Act on incidents; messages that show them are written to the outbox in the same transaction.

    Args:
        history: whose.
        numbers: of the incidents; those that are resolved already are passed over.
        now: UTC; default: now.

    Returns:
        The incidents that changed, as they are now; none when this click was handled before.

    Raises:
        UsageError: no such incident, a snooze without or with a wrong end, an assignment to nobody.
    """
    at = now or datetime.now(UTC)
    change = _change(decision, actor, at)
    with history.ledger() as ledger:
        if actor.key and not ledger.outbox.see(f"act:{actor.key}", at, timedelta(days=1)):
            return []
        changed: list[Incident] = []
        for number in dict.fromkeys(numbers):
            incident = ledger.incidents.get(number)
            if incident is None:
                raise UsageError(f"there is no incident {number}", code="E_INCIDENT", hint="datasync incidents list")
            if incident.unresolved:
                after = ledger.incidents.save(change(incident))
                words = (
                    after.id,
                    at,
                    _PAST[decision.action],
                    actor.who[:200],
                    actor.via,
                    after.last_run,
                    _detail(decision, after),
                )
                ledger.incidents.log(IncidentEvent(*words))
                changed.append(after)
        _follow_up(ledger, changed, decision, actor, at)
    return changed


def _change(decision: Decision, actor: Actor, at: datetime) -> Callable[[Incident], Incident]:
    """Give what the decision does to an incident."""
    if decision.action == "acknowledge":
        return lambda incident: lifecycle.acknowledged(incident, actor.who)
    if decision.action == "resolve":
        return lambda incident: lifecycle.resolved(incident, actor.who, at)
    if decision.action == "assign":
        if not decision.to.strip():
            raise UsageError("an incident is assigned to somebody", code="E_INCIDENT", hint="--to NAME")
        return lambda incident: lifecycle.assigned(incident, decision.to.strip()[:200])
    if decision.action == "snooze":
        until = decision.until
        if until is None or not at < until <= at + LONGEST_SNOOZE:
            raise UsageError(
                "a snooze ends at some time within a year", code="E_INCIDENT", hint="1h, 6h, 1d, 1w or a time to come"
            )
        return lambda incident: lifecycle.snoozed(incident, actor.who, until)
    raise UsageError(f"unknown action '{decision.action[:40]}'; known: {', '.join(ACTIONS)}", code="E_INCIDENT")


_PAST = {"acknowledge": "acknowledged", "snooze": "snoozed", "assign": "assigned", "resolve": "resolved"}


def _detail(decision: Decision, after: Incident) -> str:
    words = [f"until {decision.until:%Y-%m-%d %H:%M} UTC"] if decision.until else []
    words += [f"to {after.assignee}"] if decision.action == "assign" else []
    words += [decision.comment.strip()[:1000]] if decision.comment.strip() else []
    return "; ".join(words)


def _follow_up(ledger: Ledger, changed: Sequence[Incident], decision: Decision, actor: Actor, at: datetime) -> None:
    """Bring messages up to date, and remember to end a snooze."""
    subjects: dict[str, list[Incident]] = {}
    for incident in changed:
        subjects.setdefault(incident.subject, []).append(incident)
    for subject, incidents in subjects.items():
        what = _PAST[decision.action]
        numbers = ",".join(str(incident.id) for incident in incidents)
        event = f"{what}/{hashlib.sha256(f'{subject}|{numbers}|{actor.who}|{at.isoformat()}'.encode()).hexdigest()[:16]}"
        tell_of_actions(ledger, incidents, event, what, at)
        if decision.action == "snooze" and decision.until is not None:
            ledger.outbox.add(
                OutboxRow(
                    dedup_key=f"{event}/wake", subject=subject, contract=incidents[0].contract, kind="wake", channel="",
                    destination="", body={"incidents": [incident.id for incident in incidents]}, next_try=decision.until,
                    created_at=at,
                )
            )  # fmt: skip


def snooze_end(text: str, now: datetime) -> datetime:
    """Read the end of a snooze.

    Args:
        text: a duration (`1h`, `6h`, `1d`, `1w`, `90m`), a date (its first moment) or an ISO time; without a zone: UTC.
        now: aware.

    Raises:
        UsageError: it is neither, or lies in the past.
    """
    match = _DURATION.match(text.strip())
    try:
        if match:
            end = now + timedelta(**{_UNITS[match[2]]: int(match[1])})
        elif len(text.strip()) == 10:
            end = datetime.combine(datetime.fromisoformat(text.strip()).date(), time(), UTC)
        else:
            end = datetime.fromisoformat(text.strip())
            end = end if end.tzinfo else end.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"'{text[:40]}' is no end of a snooze", code="E_INCIDENT", hint="1h, 6h, 1d, 1w, or 2026-01-31T08:00Z"
        ) from error
    if end <= now:
        raise UsageError(f"'{text[:40]}' is over already", code="E_INCIDENT")
    return end.astimezone(UTC)
