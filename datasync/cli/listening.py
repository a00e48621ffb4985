"""`datasync alerts listen`: clicks and commands of Slack in, what they ask for done out, until a signal comes."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from datasync.alerts.delivery import Postman
    from datasync.alerts.slack_desk import SlackDesk
    from datasync.seams import Connection

SWEEP = 15.0
"""Seconds between two looks at the outbox."""


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Take Slack's requests by HTTP here; without, by Socket Mode.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --port: the address to listen at.")
def listen(port: int | None, host: str) -> int:
    """Let people handle incidents in Slack: buttons, modals and /datasync.

    Socket Mode needs no open port, and an app-level token in the connection's extra.app_token. HTTP needs extra.signing_secret,
    and Slack must reach /slack/interactions and /slack/commands.
    """
    from datasync.alerts.slack_desk import SlackDesk
    from datasync.cli.places import here, opened_history
    from datasync.cli.starting import Processes
    from datasync.connectors.connections import lookup
    from datasync.sync.telling import postman

    project = here()
    connection = lookup("slack_default", project.root)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    runs = Processes(project)
    with opened_history(project) as history:
        messages = postman(project, history)
        desk = SlackDesk(connection, messages, runs.start)
        sweeper = threading.Thread(target=_sweep, args=(messages, stop), name="sweeper", daemon=True)
        sweeper.start()
        try:
            if port is None:
                _by_socket(connection, desk, stop)
            else:
                from datasync.web.serving import Listening
                from datasync.web.slack import serve

                serve(
                    connection, history, desk, Listening(host, port, stop, lambda url: click.echo(f"listening at {url}/slack/"))
                )
        finally:
            stop.set()
            runs.close()
            desk.close()
            sweeper.join(5)
    return 0


def _sweep(messages: Postman, stop: threading.Event) -> None:
    """Deliver what waits while it listens: what Slack did not take when somebody clicked, snoozes that are over."""
    from datasync.alerts.delivery import deliver
    from datasync.errors import StorageError

    while not stop.wait(SWEEP):
        try:
            deliver(messages)
        except StorageError as error:
            click.echo(f"{error.code} {error.message}", err=True)


def _by_socket(connection: Connection, desk: SlackDesk, stop: threading.Event) -> None:
    from datasync.alerts.socket_mode import listen as take_turns

    take_turns(connection, desk, stop, lambda: click.echo("listening by Socket Mode; Ctrl-C ends it"))
