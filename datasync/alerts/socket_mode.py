"""Gestures over Slack's Socket Mode in, taken to the desk and acknowledged out: no open port is needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from datasync.alerts.interactions import Unreadable
from datasync.alerts.slack_client import open_client, quiet_logger, translated
from datasync.alerts.slack_desk import Forbidden, SlackDesk
from datasync.errors import PermanentError, StorageError
from datasync.seams import Connection

if TYPE_CHECKING:
    from slack_sdk.socket_mode.builtin.client import SocketModeClient
    from slack_sdk.socket_mode.client import BaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

log = logging.getLogger("datasync")
KINDS = ("interactive", "slash_commands")


def listen(connection: Connection, desk: SlackDesk, stop: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
    """Take gestures until told to stop; a cut line is taken up again.

    Args:
        connection: the bot token in `password`, the app-level token (`xapp-…`) in `extra.app_token`.
        stop: set by whoever ends it.
        ready: told once it listens.

    Raises:
        PermanentError: there is no app token, or Slack refuses it.
        TransientError: Slack cannot be reached.
    """
    client = connect(connection, desk)
    try:
        ready()
        stop.wait()
    finally:
        hang_up(client)


def connect(connection: Connection, desk: SlackDesk) -> SocketModeClient:
    """Sign in to Socket Mode; hang up what is given back.

    Raises:
        PermanentError, TransientError: as `listen`.
    """
    from slack_sdk.socket_mode.builtin.client import SocketModeClient

    token = str(connection.extra.get("app_token") or "")
    if not token.startswith("xapp-"):
        raise PermanentError(
            f"connection '{connection.id}' has no app-level token", code="E_SLACK_CONNECTION", hint="extra.app_token: xapp-…"
        )
    web = open_client(connection)
    client = SocketModeClient(token, logger=quiet_logger(), web_client=web)
    client.socket_mode_request_listeners.append(lambda line, request: _take(desk, line, request))
    try:
        with translated("apps.connections.open"):
            client.connect()
    except BaseException:
        hang_up(client)
        raise
    return client


def hang_up(client: SocketModeClient) -> None:
    """Close a client.

    Its thread that listens to a session says of itself that it has not ended when it begins. Begun just while `close` says that
    it has, it would listen for ever, and `close` would wait for it as long: it is told again until it hears.
    """
    closing = threading.Thread(target=client.close, name="slack-hang-up", daemon=True)
    closing.start()
    while closing.is_alive():
        closing.join(0.1)
        client.current_session_state.terminated = True


def _take(desk: SlackDesk, line: BaseSocketModeClient, request: SocketModeRequest) -> None:
    from slack_sdk.socket_mode.response import SocketModeResponse

    answer: Mapping[str, Any] | None = None
    try:
        if request.type in KINDS:
            answer = desk.take(request.payload)
    except Forbidden as refused:
        answer = {"text": f"Sorry: {refused}."} if request.type == "slash_commands" else None
    except Unreadable:
        log.warning("Slack sent something that is no gesture")
    except StorageError as error:
        # No acknowledgement: Slack tells the person that it did not work.
        log.warning("a gesture in Slack is lost: %s", error.message)
        return
    line.send_socket_mode_response(SocketModeResponse(request.envelope_id, dict(answer) if answer else None))
