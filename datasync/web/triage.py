"""Incidents in, what a person decides about them out. A link never decides anything: it leads to a form."""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.background import BackgroundTask

from datasync.alerts.acting import ACTIONS, Actor, Decision, act, snooze_end
from datasync.errors import DataSyncError, UsageError
from datasync.history.incidents import STATES, UNRESOLVED, Incident, seen_words
from datasync.sync.telling import send
from datasync.web.asked import Asked, Changing, House, Reading

router = APIRouter()
log = logging.getLogger("datasync")
LONGEST = 1000
"""Characters of a comment."""
SNOOZES = {"1h": "1 hour", "6h": "6 hours", "1d": "1 day", "1w": "1 week"}


@router.get("/incidents")
def listed(question: Reading, contract: str = "", assignee: str = "", everything: bool = False) -> HTMLResponse:
    """Broken promises, first what nobody has taken and what blocks, with a form to act on several at once."""
    with question.house.history.ledger() as ledger:
        incidents = ledger.incidents.listed(STATES if everything else UNRESOLVED, contract or None, assignee or None)
    incidents = [one for one in incidents if question.sees(one.contract)]
    actable = {one.id for one in incidents if one.unresolved and question.may(one.contract, "triage")}
    incidents.sort(key=lambda one: (one.unresolved, one.state == "open", one.severity == "error", one.opened_at), reverse=True)
    return question.page(
        "incidents.html.j2", "Incidents", incidents=incidents, actable=actable, seen=seen_words, everything=everything,
        contract=contract, assignee=assignee, snoozes=SNOOZES, key=secrets.token_hex(8),
    )  # fmt: skip


@router.get("/incidents/{number}")
def one(question: Reading, number: int) -> HTMLResponse:
    """An incident, everything that was done about it, and what can be done."""
    return _page(question, number, ACTIONS)


@router.get("/incidents/{number}/{action}")
def confirm(question: Reading, number: int, action: str) -> HTMLResponse:
    """The page that a link in a message leads to: programs that follow links, as mail scanners do, change nothing."""
    if action not in ACTIONS:
        raise UsageError(f"nobody can '{action[:40]}' an incident", code="E_NO_CONTRACT", hint=", ".join(ACTIONS))
    return _page(question, number, (action,))


def _page(question: Asked, number: int, actions: tuple[str, ...]) -> HTMLResponse:
    incident = _known(question, number)
    with question.house.history.ledger() as ledger:
        events = ledger.incidents.events(number)
    return question.page(
        "incident.html.j2", "Incidents", of=incident.contract, incident=incident, events=events, seen=seen_words(incident),
        actions=actions, snoozes=SNOOZES, key=secrets.token_hex(8),
    )  # fmt: skip


def _known(question: Asked, number: int) -> Incident:
    with question.house.history.ledger() as ledger:
        incident = ledger.incidents.get(number) if number < 2**63 else None
    if incident is None or not question.sees(incident.contract):
        raise UsageError(f"there is no incident {str(number)[:20]}", code="E_RUN_ID", hint="it may have been cleaned away")
    return incident


def chosen(
    action: Annotated[str, Form()],
    until: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
    comment: Annotated[str, Form()] = "",
) -> Decision:
    """Give what a form decides; whoever sends it is who it is assigned to, unless it names somebody."""
    end = snooze_end(until, datetime.now(UTC)) if action == "snooze" else None
    return Decision(action, end, to.strip()[:200], comment.strip()[:LONGEST])


@router.post("/incidents/act")
def decide(
    question: Changing,
    decision: Annotated[Decision, Depends(chosen)],
    numbers: Annotated[list[int] | None, Form()] = None,
    key: Annotated[str, Form()] = "",
) -> Response:
    """Act on incidents; a form that arrives twice counts once."""
    if not numbers:
        raise UsageError("no incident was chosen", code="E_INCIDENT", hint="go back and tick those that it is about")
    decision = replace(decision, to=decision.to or question.person.name)
    actor = Actor(question.person.name, "web", f"web:{question.person.name}:{key[:40]}" if key else "")
    possible = [number for number in numbers if number < 2**63]
    for number in possible:
        question.insist(_known(question, number).contract, "triage")
    act(question.house.history, possible, decision, actor)
    place = question.at.to("incidents", str(numbers[0])) if len(numbers) == 1 else question.at.to("incidents")
    return RedirectResponse(place, 303, background=BackgroundTask(_tell, question.house))


def _tell(house: House) -> None:
    """Bring messages that show them up to date; what fails waits in the outbox."""
    try:
        send(house.project, None, house.connections)
    except DataSyncError as error:
        log.warning("messages wait: %s", error.message)
