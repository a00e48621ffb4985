"""An incident and what became of it in, the one sentence that goes into its thread out."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from datasync.alerts.message import Post, PostKind
from datasync.history.incidents import Incident, seen_words
from datasync.results.words import when


def post_of(incident: Incident, what: str, at: datetime) -> Post:
    """Say what became of an incident.

    Args:
        what: a word of its audit trail.
        at: when, UTC.
    """
    sentence = _SENTENCES[what].format_map(
        {
            "check": incident.check,
            "seen": seen_words(incident),
            "nth": ordinal(incident.occurrences),
            "who": incident.acted_by or "somebody",
            "assignee": incident.assignee,
            "until": when(incident.snoozed_until) if incident.snoozed_until else "further notice",
        }
    )
    return Post(cast(PostKind, what), sentence, (incident.id,) if incident.id else (), at)


_SENTENCES = {
    "opened": "{check} is new: {seen}",
    "repeated": "{check} is still broken, {nth} run: {seen}",
    "worse": "{check} got worse: {seen}",
    "woke": "The snooze of {check} is over and it is still broken: {seen}",
    "reopened": "{check} is broken again: {seen}",
    "recovered": "{check} is met again",
    "withdrawn": "{check} is no longer in the contract",
    "acknowledged": "{who} acknowledged {check}",
    "snoozed": "{who} snoozed {check} until {until}",
    "assigned": "{check} is assigned to {assignee}",
    "resolved": "{who} resolved {check}",
    "escalated": "Nobody has acted on {check}: {seen}",
}
"""Our own texts: what stands in braces are our own names, never an author's."""


def ordinal(value: int) -> str:
    """Write 1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"
