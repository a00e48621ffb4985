"""Incidents and runs in, modals and answers to slash commands out, within Slack's limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from datasync.alerts.interactions import DURATIONS, SNOOZE_VIEW, Gesture
from datasync.alerts.slack_blocks import SlackMessage
from datasync.alerts.slack_text import code, context, literal, moment, plain, section
from datasync.history.incidents import Incident, seen_words
from datasync.history.rows import RunRow
from datasync.results.words import SIGNS, number

LISTED = 20
ROWS = 5
"""Rows of one check that are shown."""
LINE = 300
"""Characters of one of them."""
HELP = (
    "`/datasync status` the newest run of each contract\n"
    "`/datasync incidents [CONTRACT]` what is open\n"
    "`/datasync run CONTRACT` runs a contract now"
)


def snooze_view(gesture: Gesture, now: datetime) -> dict[str, Any]:
    """Ask how long to snooze.

    Args:
        gesture: what the modal is opened for; its channel goes along, so that allow-lists hold for the modal too.
        now: UTC; the time offered is tomorrow's.
    """
    options = [{"text": plain(word, 75), "value": value} for word, value in DURATIONS]
    return {
        "type": "modal", "callback_id": SNOOZE_VIEW, "title": plain("Snooze", 24), "submit": plain("Snooze", 24),
        "close": plain("Cancel", 24), "private_metadata": f"{gesture.incident}|{int(gesture.whole)}|{gesture.channel}",
        "blocks": [
            {"type": "input", "block_id": "for", "optional": True, "label": plain("For", 200),
             "element": {"type": "static_select", "action_id": "for", "options": options, "initial_option": options[2]}},
            {"type": "input", "block_id": "until", "optional": True, "label": plain("or until", 200),
             "element": {"type": "datetimepicker", "action_id": "until"}},
            context("It ends early when it gets worse."),
        ],
    }  # fmt: skip


def rows_view(incidents: Sequence[Incident], rows: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Show what failed: counts, and a few rows and values as far as their columns' `samples` lets them be shown.

    Args:
        rows: by check, lines on rows of the newest run, redacted already.
    """
    blocks: list[dict[str, Any]] = []
    for incident in incidents[:LISTED]:
        samples = " ".join(code(sample, 40) for sample in incident.samples) or "_no value may be shown, or none is there_"
        promise = literal(incident.promise or incident.expected, 300)
        lines = [code(line, LINE) for line in rows.get(incident.check, ())[:ROWS]]
        found = [code(incident.check), promise, literal(seen_words(incident), 300), *(lines or [samples])]
        blocks.append(section("\n".join(word for word in found if word)))
    if len(incidents) > LISTED:
        blocks.append(context(f"and {number(len(incidents) - LISTED)} more"))
    if incidents:
        shapes = (
            "Values are shown as their column's `samples` allows: by default only their shape (`a` for letters, `9` for digits)."
        )
        blocks.append(context(f"{shapes} The rows themselves: `datasync quarantine show {incidents[0].last_run[:100]}`"))
    blocks = blocks or [section("Nothing is open any more.")]
    return {"type": "modal", "title": plain("Failing rows", 24), "close": plain("Close", 24), "blocks": blocks}


def status_message(runs: Sequence[RunRow]) -> SlackMessage:
    """List the newest run of each contract."""
    if not runs:
        return SlackMessage("No run yet.", [section("No run yet.")])
    rows = [
        f"{SIGNS.get(run.status, '·')} {code(run.contract)} {run.status} · {moment(run.started_at)} · "
        f"{number(run.published)} published" + (f" · {number(run.quarantined)} set aside" if run.quarantined else "")
        for run in runs[:LISTED]
    ]  # fmt: skip
    more = [context(f"and {number(len(runs) - LISTED)} more: `datasync runs list`")] if len(runs) > LISTED else []
    return SlackMessage(
        f"{len(runs)} contracts", [*(section("\n".join(rows[at : at + 10])) for at in range(0, len(rows), 10)), *more]
    )


def incidents_message(incidents: Sequence[Incident], contract: str) -> SlackMessage:
    """List what is open."""
    where = f" of {code(contract, 63)}" if contract else ""
    if not incidents:
        return SlackMessage("Nothing is open.", [section(f"Nothing is open{where}.")])
    rows = []
    for incident in incidents[:LISTED]:
        state = (
            ""
            if incident.state == "open"
            else f" · {incident.state}" + (f" by {literal(incident.acted_by, 80)}" if incident.acted_by else "")
        )
        who = f" · assigned to {literal(incident.assignee, 80)}" if incident.assignee else ""
        rows.append(f"#{incident.id} {code(incident.contract)} {code(incident.check)} {literal(seen_words(incident), 120)} · "
                    f"since {moment(incident.opened_at)}{state}{who}")  # fmt: skip
    more = [context(f"and {number(len(incidents) - LISTED)} more: `datasync incidents list`")] if len(incidents) > LISTED else []
    blocks = [section("\n".join(rows[at : at + 4])) for at in range(0, len(rows), 4)]
    return SlackMessage(f"{number(len(incidents))} open", [*blocks, *more])
