"""A connection in a transaction in, incidents and their audit trail read and written out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from datasync.history.tables import incident_events, incidents
from datasync.results.words import number, share

IncidentState = Literal["open", "acknowledged", "snoozed", "resolved"]
UNRESOLVED: tuple[IncidentState, ...] = ("open", "acknowledged", "snoozed")
STATES: tuple[IncidentState, ...] = (*UNRESOLVED, "resolved")


@dataclass(frozen=True, slots=True)
class Incident:
    """One broken promise, across all the runs that found it broken.

    Attributes:
        id: 0 until it is stored.
        fingerprint: hash of contract, declared params, gate and check; never of a run or a count.
        subject: contract and declared params: what shares one message.
        check, gate, kind: of the check; `run.error` at gate `run` stands for a system that failed.
        severity: error (failed, or could not be evaluated) or warn.
        opened_at: when it opened, or opened again; seen_at: when a run last found it broken; both UTC.
        first_run, last_run: ids of those runs.
        occurrences: runs that found it broken since it opened.
        reopened: how often it opened again.
        failed, evaluated, expected, observed, samples, message: as the last of these runs saw it; samples are redacted.
        promise: the check's description.
        acted_by: who acknowledged, snoozed or resolved it; `run` when a run did.
        snoozed_failed, snoozed_evaluated: what was seen when it was snoozed: a snooze ends early when it gets worse.
        inhibited_by: the check of the same subject whose failure causes this one; empty when it stands for itself.
    """

    fingerprint: str
    contract: str
    subject: str
    gate: str
    check: str
    kind: str
    severity: str
    state: IncidentState
    opened_at: datetime
    seen_at: datetime
    first_run: str
    last_run: str
    id: int = 0
    resolved_at: datetime | None = None
    occurrences: int = 1
    reopened: int = 0
    failed: int = 0
    evaluated: int = 0
    expected: str = ""
    observed: str = ""
    promise: str = ""
    message: str = ""
    samples: tuple[str, ...] = ()
    acted_by: str = ""
    assignee: str = ""
    snoozed_until: datetime | None = None
    snoozed_failed: int | None = None
    snoozed_evaluated: int | None = None
    inhibited_by: str = ""

    @property
    def unresolved(self) -> bool:
        """Open, acknowledged or snoozed."""
        return self.state != "resolved"


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One line of an incident's audit trail.

    Attributes:
        what: opened, repeated, worse, acknowledged, snoozed, woke, assigned, resolved, recovered, withdrawn, reopened, renamed.
        who: a person as their channel names them, or `run`.
        via: cli, slack, web, airflow or run.
        detail: in own words: until when, to whom, why.
    """

    incident: int
    at: datetime
    what: str
    who: str
    via: str
    run_id: str = ""
    detail: str = ""


class IncidentBook:
    """Incidents over one connection; the caller's transaction holds whatever is done."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, number: int) -> Incident | None:
        """Give an incident by its number."""
        found = self._many(incidents.c.id == number)
        return found[0] if found else None

    def of_subject(self, subject: str, states: Sequence[str] = UNRESOLVED) -> list[Incident]:
        """Give a subject's incidents, oldest first."""
        return self._many(incidents.c.subject == subject, incidents.c.state.in_(tuple(states)))

    def listed(
        self, states: Sequence[str] = UNRESOLVED, contract: str | None = None, assignee: str | None = None
    ) -> list[Incident]:
        """Give incidents of a whole history, oldest first."""
        asked: list[ColumnElement[bool]] = [incidents.c.state.in_(tuple(states))]
        asked += [incidents.c.contract == contract] if contract else []
        asked += [incidents.c.assignee == assignee] if assignee else []
        return self._many(*asked)

    def save(self, incident: Incident) -> Incident:
        """Write an incident; a new one gets its number."""
        values = {name: getattr(incident, name) for name in Incident.__slots__ if name != "id"}
        values["samples"] = json.dumps(list(incident.samples), ensure_ascii=False)
        if incident.id:
            self._connection.execute(update(incidents).where(incidents.c.id == incident.id).values(**values))
            return incident
        done = self._connection.execute(insert(incidents).values(**values))
        assert done.inserted_primary_key is not None
        return replace(incident, id=int(done.inserted_primary_key[0]))

    def log(self, event: IncidentEvent) -> None:
        """Add a line to an incident's audit trail; there is no way to change one."""
        self._connection.execute(
            insert(incident_events).values(**{name: getattr(event, name) for name in IncidentEvent.__slots__})
        )

    def events(self, number: int) -> list[IncidentEvent]:
        """Give an incident's audit trail, oldest first."""
        columns = [incident_events.c[name] for name in IncidentEvent.__slots__]
        query = select(*columns).where(incident_events.c.incident == number).order_by(incident_events.c.id)
        return [replace(event, at=utc(event.at)) for event in (IncidentEvent(*row) for row in self._connection.execute(query))]

    def _many(self, *conditions: ColumnElement[bool]) -> list[Incident]:
        query = select(incidents).where(*conditions).order_by(incidents.c.id)
        return [_incident(row) for row in self._connection.execute(query)]


def _incident(row: Row[Any]) -> Incident:
    values = dict(row._mapping)
    values["samples"] = tuple(json.loads(values["samples"]))
    for name in ("opened_at", "seen_at", "resolved_at", "snoozed_until"):
        values[name] = utc(values[name]) if values[name] is not None else None
    return Incident(**values)


def utc(moment: datetime) -> datetime:
    """Give an aware time: SQLite gives back naive ones, which were UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def seen_words(incident: Incident) -> str:
    """Say what was seen, in absolute numbers and as much of a share as it takes."""
    if incident.evaluated > 1:
        return f"{number(incident.failed)} of {number(incident.evaluated)} rows ({share(incident.failed, incident.evaluated)})"
    if incident.kind == "columns":
        return incident.observed or "not met"
    return incident.message or (f"observed {incident.observed}" if incident.observed else "not met")
