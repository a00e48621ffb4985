"""An incident and what a run or a person did in, the incident as it is then and what that is called out; pure.

    open ──► acknowledged ──► resolved ──► open (reopened)
      └────► snoozed ──┘        ▲
                 └── worse, or the time is over ──► open

Only a check that was evaluated and passed resolves an incident by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from datasync.history.incidents import Incident
from datasync.results.model import CheckResult, CheckStatus
from datasync.results.words import observed_text

BREAKING: tuple[CheckStatus, ...] = ("failed", "error", "warned")
_RANK = {"warn": 0, "error": 1}
RUN = "run"
"""Who acts when a run's outcome does, and by which way."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where and when a check was judged: run id, and the time in UTC."""

    run_id: str
    at: datetime


def severity_of(check: CheckResult) -> str:
    """Give the weight of a check's outcome: what warned is a warning, whatever the check's own severity."""
    return "warn" if check.status == "warned" or check.severity == "warn" else "error"


def opened(check: CheckResult, key: tuple[str, str, str], seen: Sighting) -> Incident:
    """Give a new incident.

    Args:
        key: fingerprint, contract and subject.
    """
    fingerprint, contract, subject = key
    incident = Incident(
        fingerprint=fingerprint, contract=contract, subject=subject, gate=check.gate, check=check.name, kind=check.type,
        severity=severity_of(check), state="open", opened_at=seen.at, seen_at=seen.at, first_run=seen.run_id,
        last_run=seen.run_id,
    )  # fmt: skip
    return _figures(incident, check)


def again(incident: Incident, check: CheckResult, seen: Sighting) -> tuple[Incident, str]:
    """A run found the promise broken again.

    Returns:
        The incident, and `reopened`, `worse`, `woke` (its snooze was over) or `repeated`.
    """
    after = _figures(replace(incident, severity=severity_of(check), seen_at=seen.at, last_run=seen.run_id), check)
    if not incident.unresolved:
        fresh = replace(
            after, state="open", opened_at=seen.at, first_run=seen.run_id, occurrences=1, reopened=incident.reopened + 1,
            resolved_at=None, acted_by="",
        )  # fmt: skip
        return _awake(fresh), "reopened"
    after = replace(after, occurrences=incident.occurrences + 1)
    if _worse(incident, after):
        return _awake(replace(after, state="open") if incident.state == "snoozed" else after), "worse"
    if incident.state == "snoozed" and incident.snoozed_until is not None and incident.snoozed_until <= seen.at:
        return _awake(replace(after, state="open")), "woke"
    return after, "repeated"


def over(incident: Incident, seen: Sighting) -> Incident:
    """A run ended it: the same check was evaluated and passed, or the contract no longer has it."""
    return resolved(incident, RUN, seen.at)


def acknowledged(incident: Incident, who: str) -> Incident:
    """Somebody has seen it: repeats and escalation stop; the check goes on."""
    return _awake(replace(incident, state="acknowledged", acted_by=who))


def snoozed(incident: Incident, who: str, until: datetime) -> Incident:
    """Somebody wants to hear nothing until then, unless it gets worse."""
    return replace(
        incident, state="snoozed", acted_by=who, snoozed_until=until, snoozed_failed=incident.failed,
        snoozed_evaluated=incident.evaluated,
    )  # fmt: skip


def woken(incident: Incident) -> Incident:
    """The snooze is over and nothing was mended."""
    return _awake(replace(incident, state="open"))


def assigned(incident: Incident, to: str) -> Incident:
    """Somebody has it; that says it was seen."""
    if incident.state == "open":
        # Who acted on it before it got worse has not seen that.
        return replace(incident, assignee=to, state="acknowledged", acted_by=to)
    return replace(incident, assignee=to, acted_by=incident.acted_by or to)


def resolved(incident: Incident, who: str, at: datetime) -> Incident:
    """Somebody says it is mended; the next run that finds it broken opens it again."""
    return _awake(replace(incident, state="resolved", resolved_at=at, acted_by=who, inhibited_by=""))


def _awake(incident: Incident) -> Incident:
    return replace(incident, snoozed_until=None, snoozed_failed=None, snoozed_evaluated=None)


def _worse(before: Incident, after: Incident) -> bool:
    """Graver than before; or, when snoozed, at least twice the share that it was snoozed with. Integers, no rounding."""
    if _RANK[after.severity] > _RANK[before.severity]:
        return True
    if before.state != "snoozed" or before.snoozed_failed is None or not before.snoozed_evaluated or after.evaluated <= 1:
        return False
    return after.failed * before.snoozed_evaluated >= 2 * before.snoozed_failed * after.evaluated and after.failed > 0


def _figures(incident: Incident, check: CheckResult) -> Incident:
    return replace(
        incident, failed=check.failed, evaluated=check.evaluated, expected=check.expected, message=check.message,
        observed=observed_text(check), promise=check.description, samples=check.samples,
        kind=check.type,
    )  # fmt: skip
