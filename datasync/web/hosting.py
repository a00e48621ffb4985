"""A house in, the routes that take Slack's signed requests for its project out: for every app that is served anyway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from datasync.connectors.connections import lookup
from datasync.sync.telling import postman
from datasync.web.asked import House

if TYPE_CHECKING:
    from starlette.routing import Route

CONNECTION = "slack_default"


@contextmanager
def slack_routes(house: House) -> Iterator[list[Route]]:
    """Give the routes, while requests are taken; none where the connection has no signing secret, or nothing can be started.

    Raises:
        PermanentError: there is no such connection, or it cannot be used.
    """
    from datasync.alerts.slack_desk import SlackDesk
    from datasync.web.slack import routes

    connection = (house.connections or (lambda name: lookup(name, house.project.root)))(CONNECTION)
    if not connection.extra.get("signing_secret") or house.start is None:
        yield []
        return
    desk = SlackDesk(connection, postman(house.project, house.history, house.connections), house.start)
    try:
        yield routes(connection, house.history, desk)
    finally:
        desk.close()
