"""`datasync alerts`: the outbox in, what waits, what was sent and whether a channel works out."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import click

from datasync.cli.listening import listen
from datasync.cli.options import json_option

if TYPE_CHECKING:
    from datasync.alerts.delivery import Tally
    from datasync.history.outbox import OutboxRow

POLL = 15.0
"""Seconds between two looks at the outbox."""


@click.group()
def alerts() -> None:
    """Show and deliver the messages of the outbox, listen to Slack, and test channels."""


alerts.add_command(listen)


@alerts.command()
@click.option("--all", "everything", is_flag=True, help="Delivered and suppressed ones too.")
@json_option
def pending(everything: bool, as_json: bool) -> int:
    """Show what waits: how often it was tried, why it failed, when it is tried next."""
    from datasync.cli.places import here, opened_history
    from datasync.cli.presenter import console, print_json
    from datasync.reports.incidents import show_outbox

    states = ("pending", "failed", "dead", *(("sent", "suppressed") if everything else ()))
    with opened_history(here()) as history, history.ledger() as ledger:
        rows = ledger.outbox.listed(states)
    if as_json:
        print_json([_document(row) for row in rows])
    else:
        show_outbox(rows, console())
    return 0


@alerts.command()
@click.option("--watch", is_flag=True, help="Keep delivering until a signal comes.")
@click.option("--dead", is_flag=True, help="Try again what was given up.")
@click.option("--every", type=float, default=POLL, show_default=True, help="Seconds between two looks, with --watch.")
@json_option
def send(watch: bool, dead: bool, every: float, as_json: bool) -> int:
    """Deliver what is due; 3 when something could not be sent."""
    from datasync.cli.places import here, opened_history
    from datasync.cli.presenter import print_json
    from datasync.sync.telling import send as deliver_all

    project = here()
    if dead:
        from datetime import UTC, datetime

        with opened_history(project) as history, history.ledger() as ledger:
            ledger.outbox.revive(datetime.now(UTC))
    if watch:
        return _watch(every)
    tally = deliver_all(project)
    if as_json:
        from datasync.results.codec import plain

        print_json(plain(tally))
    else:
        click.echo(_words(tally))
    return 3 if tally.failed or tally.dead else 0


def _watch(every: float) -> int:
    """Deliver until SIGINT or SIGTERM; a history that is away for a while is waited for."""
    from datasync.cli.places import here
    from datasync.errors import StorageError
    from datasync.sync.telling import send as deliver_all

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    project = here()
    while not stop.is_set():
        try:
            tally = deliver_all(project)
            if tally.sent or tally.failed or tally.dead:
                click.echo(_words(tally))
        except StorageError as error:
            click.echo(f"{error.code} {error.message}", err=True)
        stop.wait(max(every, 1.0))
    return 0


def _words(tally: Tally) -> str:
    parts = [f"{getattr(tally, name)} {name}" for name in ("sent", "failed", "dead", "suppressed") if getattr(tally, name)]
    reasons = "".join(f"\n  {reason}" for reason in tally.errors)
    return (" · ".join(parts) or "nothing to send") + reasons


@alerts.command()
@click.argument("channel", type=click.Choice(["slack", "email"]))
@click.option("--to", default="", help="#channel or address; default: the connection's own.")
@json_option
def test(channel: str, to: str, as_json: bool) -> int:
    """Send a test message now, to see whether the connection, its rights and the place are right."""
    from datetime import UTC, datetime

    from datasync.alerts.channels import CHANNELS, opener
    from datasync.alerts.message import Delivery, Note
    from datasync.cli.places import here
    from datasync.cli.presenter import print_json
    from datasync.connectors.connections import lookup

    project = here()
    now = datetime.now(UTC)
    note = Note(
        "datasync", "test", f"A test message of datasync, sent by {CHANNELS[channel][1]}: alerts will arrive here.", "warn", now
    )
    done = opener(lambda name: lookup(name, project.root))(channel).deliver(
        Delivery(f"test/{now:%Y%m%dT%H%M%S%f}", to, note=note)
    )
    if as_json:
        print_json({"channel": channel, "state": "sent", "ref": dict(done.ref)})
    else:
        click.echo(f"sent by {channel}" + (f" to {to}" if to else ""))
    return 0


def _document(row: OutboxRow) -> dict[str, Any]:
    from datasync.results.codec import plain

    found: dict[str, Any] = plain(row)
    del found["body"], found["claimed_until"]
    return found
