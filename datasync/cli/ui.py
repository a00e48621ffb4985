"""`datasync ui`: the web app of the working directory's project, until a signal comes."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from starlette.routing import Route

    from datasync.web.asked import House


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address; others than this machine's need a login.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one and prints it.")
@click.option("--read-only", is_flag=True, help="Show everything, change nothing.")
@click.option("--show-values", is_flag=True, help="Rows in quarantine may be seen whole, and exported; else as `samples` says.")
@click.option("--edit", is_flag=True, help="Contracts in contracts/ may be written.")
@click.option("--open", "opened", is_flag=True, help="Open it in the browser.")
def ui(host: str, port: int, read_only: bool, show_values: bool, edit: bool, opened: bool) -> int:
    """Serve the web app: contracts, runs, incidents, quarantine.

    People sign in by DATASYNC_UI_TOKENS (name:TOKEN,…) or DATASYNC_UI_TOKEN, or are named by a proxy: DATASYNC_UI_PROXY_HEADER
    and DATASYNC_UI_PROXY_FROM. Without either it only listens at this machine.
    """
    from datasync.cli.incidents import me
    from datasync.cli.places import here, opened_history
    from datasync.cli.starting import Processes
    from datasync.web.access import access_from
    from datasync.web.app import make_app
    from datasync.web.asked import House
    from datasync.web.frame import read_templates
    from datasync.web.serving import Listening, serve

    access = access_from(os.environ, host, me())
    project = here()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    def ready(url: str) -> None:
        click.echo(f"listening at {url}/")
        if opened:
            click.launch(url)

    runs = Processes(project)
    try:
        with opened_history(project) as history, ExitStack() as until:
            house = House(project, history, access, read_only, show_values, edit, start=runs.start)
            app = make_app(house, _slack(house, until))
            read_templates()
            try:
                serve(app, Listening(host, port, stop, ready))
            finally:
                app.state.jobs.close()
    finally:
        runs.close()
    return 0


def _slack(house: House, until: ExitStack) -> list[Route]:
    """Give the routes that take Slack's signed requests, until the stack is left."""
    from datasync.errors import DataSyncError
    from datasync.web.hosting import slack_routes

    try:
        return until.enter_context(slack_routes(house))
    except DataSyncError as error:
        click.echo(f"Slack's requests are not taken: {error.message}", err=True)
        return []
