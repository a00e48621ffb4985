"""Incidents and messages that wait in, what a person reads in the terminal out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from datasync.history.incidents import Incident, IncidentEvent, seen_words
from datasync.history.outbox import OutboxRow
from datasync.results.words import number, when

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS = {"open": "red", "acknowledged": "yellow", "snoozed": "bright_black", "resolved": "green"}
_STATES = {"pending": "yellow", "failed": "red", "dead": "red", "sent": "green", "suppressed": "bright_black"}


def show_list(incidents: Sequence[Incident], console: Console, nothing: str = "no open incidents") -> None:
    """List incidents, one line each."""
    from rich.markup import escape
    from rich.table import Table

    if not incidents:
        console.print(f"[green]✓[/] {nothing}")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", pad_edge=False)
    for word in ("#", "state", "contract", "check", "found", "since", "runs", "who"):
        table.add_column(word, overflow="fold", justify="right" if word in ("#", "runs") else "left")
    for one in incidents:
        colour = _COLOURS[one.state] if one.severity == "error" or one.state != "open" else "yellow"
        cause = f" [bright_black]caused by {escape(one.inhibited_by)}[/]" if one.inhibited_by else ""
        table.add_row(
            str(one.id), f"[{colour}]{one.state}[/]", escape(one.subject), escape(one.check) + cause, escape(seen_words(one)),
            f"{one.opened_at:%Y-%m-%d %H:%M}", str(one.occurrences), escape(_who(one)),
        )  # fmt: skip
    console.print(table)


def _who(incident: Incident) -> str:
    return incident.assignee or ("" if incident.acted_by == "run" else incident.acted_by)


def show_one(incident: Incident, events: Sequence[IncidentEvent], console: Console) -> None:
    """Show an incident and its audit trail."""
    from rich.markup import escape

    colour = _COLOURS[incident.state]
    console.print(
        f"[{colour} bold]{incident.state}[/] incident {incident.id}  {escape(incident.subject)}  "
        f"[bold]{escape(incident.check)}[/]"
    )
    rows = [
        ("promised", incident.promise or incident.expected),
        ("expected", incident.expected if incident.promise else ""),
        ("found", seen_words(incident)),
        ("such as", ", ".join(incident.samples[:3])),
        ("since", f"{when(incident.opened_at)}, run {incident.first_run}"),
        ("last seen", f"{when(incident.seen_at)}, run {incident.last_run}, {number(incident.occurrences)} runs of it"),
        ("caused by", incident.inhibited_by),
        ("assignee", incident.assignee),
        ("until", when(incident.snoozed_until) if incident.snoozed_until else ""),
    ]
    for word, text in rows:
        if text:
            console.print(f"  [bright_black]{word:<10}[/]{escape(text)}", soft_wrap=True)
    for event in events:
        detail = f"  [bright_black]{escape(event.detail)}[/]" if event.detail else ""
        who = escape(event.who) if event.via == "run" else f"{escape(event.who)} ({event.via})"
        console.print(f"  {event.at:%Y-%m-%d %H:%M:%S}  {event.what:<12} {who}{detail}", soft_wrap=True)


def show_outbox(rows: Sequence[OutboxRow], console: Console) -> None:
    """List messages, one line each, with why they are not there yet."""
    from rich.markup import escape
    from rich.table import Table

    if not rows:
        console.print("[green]✓[/] nothing waits")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", pad_edge=False)
    for word in ("state", "about", "what", "to", "tries", "next try (UTC)", "last error"):
        table.add_column(word, overflow="fold", justify="right" if word == "tries" else "left")
    for row in rows:
        to = f"{row.channel} {row.destination}".strip() or "–"
        upcoming = f"{row.next_try:%Y-%m-%d %H:%M:%S}" if row.state in ("pending", "failed") else ""
        table.add_row(
            f"[{_STATES[row.state]}]{row.state}[/]", escape(row.subject), row.kind, escape(to), str(row.attempts), upcoming,
            escape(row.last_error),
        )  # fmt: skip
    console.print(table)
