"""`datasync incidents`: incidents in, what people decide about them out: triage without Slack."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import click

from datasync.cli.options import json_option

if TYPE_CHECKING:
    from datasync.alerts.acting import Decision
    from datasync.history.incidents import Incident


@click.group()
def incidents() -> None:
    """List, show, acknowledge, snooze, assign and resolve broken promises."""


def me() -> str:
    """Give the login of whoever calls."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


by_option = click.option("--by", default=me, show_default="your login", help="Who acts; kept in the audit trail.")
comment_option = click.option("--comment", default="", help="Why; kept in the audit trail.")
numbers_argument = click.argument("numbers", nargs=-1, required=True, type=int, metavar="INCIDENT…")


@incidents.command("list")
@click.option("--contract", help="Only of this contract.")
@click.option("--assignee", help="Only of this person.")
@click.option("--all", "everything", is_flag=True, help="Resolved ones too.")
@json_option
def list_incidents(contract: str | None, assignee: str | None, everything: bool, as_json: bool) -> int:
    """List incidents: what is open, since when, and who has it."""
    from datasync.cli.places import here, opened_history
    from datasync.cli.presenter import console, print_json
    from datasync.history.incidents import STATES, UNRESOLVED
    from datasync.reports.incidents import show_list

    with opened_history(here()) as history, history.ledger() as ledger:
        found = ledger.incidents.listed(STATES if everything else UNRESOLVED, contract, assignee)
    if as_json:
        print_json([_document(incident) for incident in found])
    else:
        show_list(found, console())
    return 0


@incidents.command()
@click.argument("number", type=int, metavar="INCIDENT")
@json_option
def show(number: int, as_json: bool) -> int:
    """Show an incident and everything that was done about it."""
    from datasync.cli.places import here, opened_history
    from datasync.cli.presenter import console, print_json
    from datasync.errors import UsageError
    from datasync.reports.incidents import show_one
    from datasync.results.codec import plain

    with opened_history(here()) as history, history.ledger() as ledger:
        incident = ledger.incidents.get(number)
        events = ledger.incidents.events(number)
    if incident is None:
        raise UsageError(f"there is no incident {number}", code="E_INCIDENT", hint="datasync incidents list")
    if as_json:
        print_json(_document(incident) | {"events": plain(events)})
    else:
        show_one(incident, events, console())
    return 0


@incidents.command()
@numbers_argument
@by_option
@comment_option
@json_option
def ack(numbers: tuple[int, ...], by: str, comment: str, as_json: bool) -> int:
    """Say that you have seen them: repeats and escalation stop, the checks go on."""
    from datasync.alerts.acting import Decision

    return _act(numbers, Decision("acknowledge", comment=comment), by, as_json)


@incidents.command()
@numbers_argument
@click.option(
    "--for", "until", required=True, metavar="TIME", help="1h, 6h, 1d, 1w, a date or a time; it ends early when it gets worse."
)
@by_option
@comment_option
@json_option
def snooze(numbers: tuple[int, ...], until: str, by: str, comment: str, as_json: bool) -> int:
    """Hear nothing of them for a while."""
    from datetime import UTC, datetime

    from datasync.alerts.acting import Decision, snooze_end

    return _act(numbers, Decision("snooze", until=snooze_end(until, datetime.now(UTC)), comment=comment), by, as_json)


@incidents.command()
@numbers_argument
@click.option("--to", required=True, help="Who has them now.")
@by_option
@comment_option
@json_option
def assign(numbers: tuple[int, ...], to: str, by: str, comment: str, as_json: bool) -> int:
    """Give them to somebody."""
    from datasync.alerts.acting import Decision

    return _act(numbers, Decision("assign", to=to, comment=comment), by, as_json)


@incidents.command()
@numbers_argument
@by_option
@comment_option
@json_option
def resolve(numbers: tuple[int, ...], by: str, comment: str, as_json: bool) -> int:
    """Say that they are mended; the next run that finds them broken opens them again."""
    from datasync.alerts.acting import Decision

    return _act(numbers, Decision("resolve", comment=comment), by, as_json)


def _act(numbers: tuple[int, ...], decision: Decision, by: str, as_json: bool) -> int:
    from datasync.alerts.acting import Actor, act
    from datasync.cli.places import here, opened_history
    from datasync.cli.presenter import console, print_json
    from datasync.reports.incidents import show_list
    from datasync.sync.telling import send

    project = here()
    with opened_history(project) as history:
        changed = act(history, numbers, decision, Actor(by, "cli"))
    if changed:
        # Messages that show them are brought up to date now; what fails waits in the outbox.
        send(project)
    if as_json:
        print_json([_document(incident) for incident in changed])
    else:
        show_list(changed, console(), "resolved already: nothing changed")
    return 0


def _document(incident: Incident) -> dict[str, Any]:
    from datasync.results.codec import plain

    found: dict[str, Any] = plain(incident)
    return found
