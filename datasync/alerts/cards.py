"""A subject's incidents, its newest run and what was kept with its messages in, the card that channels render out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from datasync.alerts.message import Action, Card, Line, Note, OwnerFacts
from datasync.contract.model import Contract
from datasync.history.incidents import Incident
from datasync.results.model import RunResult
from datasync.results.words import TABLE, counts_line, number, seconds, share, verdict, when

_GRAVEST = {"error": 0, "warn": 1}
_STATES = {"open": 0, "snoozed": 1, "acknowledged": 2, "resolved": 3}


def facts_of(contract: Contract, params: str, places: Mapping[str, int], links: Mapping[str, str]) -> dict[str, Any]:
    """Give what a message shows of a contract, as values that are kept with it: whoever sends it later may not have the file.

    Args:
        params: declared params of the sync, as text.
        places: name of a check to the line of the contract's file that promises it.
        links: word to URL.
    """
    owner = contract.owner
    return {
        "contract": contract.contract,
        "version": contract.version,
        "description": contract.description or "",
        "params": params,
        "owner": {name: getattr(owner, name, None) or "" for name in OwnerFacts.__slots__} if owner else {},
        "places": dict(places),
        "links": dict(links),
    }


@dataclass(frozen=True, slots=True)
class Situation:
    """What a card is made of.

    Attributes:
        facts: from `facts_of`.
        result: the subject's newest run.
        incidents: unresolved ones; when there are none, those that were resolved last.
        unchanged_since: start of the last run that published; None: none did.
        notes: the contract's own messages.
        mention: the owner is to be mentioned.
        base: address of the web app, for links; empty when none is served.
    """

    facts: Mapping[str, Any]
    result: RunResult
    incidents: Sequence[Incident]
    unchanged_since: datetime | None = None
    notes: Sequence[str] = ()
    mention: bool = False
    base: str = ""
    links: Mapping[str, str] = field(default_factory=dict)


def card_of(situation: Situation) -> Card:
    """Lay a subject's message out."""
    result, facts = situation.result, situation.facts
    standing = [incident for incident in situation.incidents if not incident.inhibited_by]
    caused = [incident for incident in situation.incidents if incident.inhibited_by]
    resolved = not any(incident.unresolved for incident in situation.incidents)
    file = result.path.rpartition("/")[2]
    return Card(
        contract=result.contract,
        version=result.version,
        run_id=result.run_id,
        status=result.status,
        verdict=verdict(result),
        started_at=result.started_at,
        description=str(facts.get("description", "")),
        params=str(facts.get("params", "")),
        owner=owner_of(facts),
        mention=situation.mention,
        figures=figures_of(result),
        done=_done(result, situation.unchanged_since),
        lines=tuple(_line(incident, caused, file, facts.get("places", {})) for incident in _by_weight(standing)),
        notes=tuple(dict.fromkeys(situation.notes)),
        links=links_of(result.run_id, facts, situation.base),
        actions=_actions(result, resolved),
        resolved=resolved,
    )


def note_of(body: Mapping[str, Any], result: RunResult, at: datetime, base: str) -> Note:
    """Lay a message of its own out: a condition of the contract came true, and no promise is broken."""
    facts = body.get("facts", {})
    return Note(
        contract=result.contract,
        run_id=result.run_id,
        text="\n".join(body.get("notes") or [verdict(result)]),
        severity=str(body.get("severity", "warn")),
        at=at,
        owner=owner_of(facts),
        mention=bool(body.get("mention")),
        figures=figures_of(result),
        links=links_of(result.run_id, facts, base),
    )


def owner_of(facts: Mapping[str, Any]) -> OwnerFacts:
    """Read the owner from what was kept."""
    return OwnerFacts(**{name: str(text) for name, text in facts.get("owner", {}).items() if name in OwnerFacts.__slots__})


def figures_of(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Give a run's figures: rows, window and time."""
    found = [("rows", counts_line(result))]
    if result.window is not None:
        found.append(("window", f"{result.window.start or 'the beginning'} … {result.window.end}"))
    return (*found, ("took", seconds(result.seconds)))


def links_of(run_id: str, facts: Mapping[str, Any], base: str) -> dict[str, str]:
    """Give the addresses that belong to a run; without a web app, the command that shows it."""
    found = {str(word): str(link) for word, link in facts.get("links", {}).items()}
    if base:
        found = {"report": f"{base.rstrip('/')}/runs/{run_id}", **found}
    return found or {"report": f"datasync report {run_id} --open"}


def _done(result: RunResult, since: datetime | None) -> tuple[str, ...]:
    found = []
    if result.status in ("failed", "error", "held"):
        found.append({"failed": "blocked", "error": "stopped", "held": "held for a person"}[result.status])
    if result.rows.quarantined:
        found.append(f"{number(result.rows.quarantined)} rows set aside")
    if not result.ok and not result.rows.published:
        found.append(f"target unchanged since {when(since)}" if since else "nothing was ever published")
    if result.ok and result.kind == "run":
        found.append(f"{number(result.rows.published)} rows published")
    return tuple(found)


def _by_weight(incidents: Iterable[Incident]) -> list[Incident]:
    """Gravest first, then what nobody has in hand, then by share."""

    def weight(incident: Incident) -> tuple[int, int, float, int]:
        part = incident.failed / incident.evaluated if incident.evaluated else 0.0
        return _GRAVEST[incident.severity], _STATES[incident.state], -part, incident.id

    return sorted(incidents, key=weight)


def _line(incident: Incident, caused: Iterable[Incident], file: str, places: Mapping[str, int]) -> Line:
    rows = incident.evaluated > 1 and incident.kind not in TABLE
    place = places.get(incident.check)
    return Line(
        incident=incident.id,
        check=incident.check,
        gate=incident.gate,
        promise=incident.promise or incident.expected,
        severity=incident.severity,
        state=incident.state,
        state_words=state_words(incident),
        failed=incident.failed,
        evaluated=incident.evaluated,
        share=share(incident.failed, incident.evaluated) if rows else "",
        expected=incident.expected,
        observed=incident.observed,
        first_seen=incident.opened_at,
        occurrences=incident.occurrences,
        samples=incident.samples,
        causes=tuple(other.check for other in caused if other.inhibited_by == incident.check),
        assignee=incident.assignee,
        place=f"{file}:{place}" if file and place else file,
        message=incident.message,
    )


def state_words(incident: Incident) -> str:
    """Say who did what: `acknowledged by ada`, `snoozed by ada until …`, `resolved by ada`, `met again`."""
    if incident.state == "open":
        return "opened again" if incident.reopened and incident.occurrences == 1 else ""
    if incident.state == "resolved":
        return "met again" if incident.acted_by == "run" else f"resolved by {incident.acted_by}"
    until = f" until {when(incident.snoozed_until)}" if incident.state == "snoozed" and incident.snoozed_until else ""
    return f"{incident.state} by {incident.acted_by}{until}"


def _actions(result: RunResult, resolved: bool) -> tuple[Action, ...]:
    if resolved:
        return ()
    found: list[Action] = ["acknowledge", "snooze", "assign", "resolve"]
    if result.rows.quarantined:
        found.append("rows")
    return (*found, "release", "reject") if result.status == "held" else (*found, "rerun")
