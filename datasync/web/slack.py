"""Slack's signed HTTP requests in, answers within three seconds out.

401 when Slack did not sign it, or it was here before; 403 when who acts is not allowed to.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from datasync.alerts.interactions import Unreadable
from datasync.alerts.slack_desk import Forbidden, SlackDesk
from datasync.errors import PermanentError, StorageError
from datasync.history.store import History
from datasync.seams import Connection
from datasync.web.serving import Listening
from datasync.web.serving import serve as serve_app

if TYPE_CHECKING:
    from slack_sdk.signature import SignatureVerifier
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

log = logging.getLogger("datasync")
MOST = 1_000_000
"""Bytes of a request; Slack's own are smaller."""
REMEMBER = timedelta(minutes=10)
"""Longer than a signature is good for, which is five minutes each way."""


class Unsigned(Exception):
    """A request that Slack did not sign, or signed too long ago, or that was here before."""


class Gatekeeper:
    """Tells Slack's requests from others.

    Args:
        secret: the app's signing secret.
        history: remembers requests, for all processes that serve.
        clock: UTC.

    Raises:
        PermanentError: there is no secret; nothing would be checked.
    """

    def __init__(self, secret: str, history: History, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        from slack_sdk.signature import Clock, SignatureVerifier

        if not secret.strip():
            raise PermanentError(
                "the Slack connection has no signing secret", code="E_SLACK_CONNECTION", hint="extra.signing_secret"
            )

        class Ours(Clock):
            def now(self) -> float:
                return clock().timestamp()

        self._verifier: SignatureVerifier = SignatureVerifier(secret, Ours())
        self._history, self._clock = history, clock

    def admit(self, body: bytes, timestamp: str, signature: str) -> None:
        """Let a request in, once.

        Args:
            body: as it came, byte for byte.

        Raises:
            Unsigned: it is not let in.
            StorageError: it cannot be known whether it was here before.
        """
        # int() takes more than Slack ever sends, and raises on the rest; so do bytes that are no UTF-8.
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise Unsigned
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            raise Unsigned from None
        if not signature.isascii() or not self._verifier.is_valid(text, timestamp, signature):
            raise Unsigned
        with self._history.ledger() as ledger:
            if not ledger.outbox.see(f"slack:{hashlib.sha256(signature.encode()).hexdigest()}", self._clock(), REMEMBER):
                raise Unsigned


def routes(connection: Connection, history: History, desk: SlackDesk, clock: Callable[[], datetime] | None = None) -> list[Route]:
    """Give the routes that Slack's app settings name: `/slack/interactions` and `/slack/commands`.

    Args:
        connection: `extra.signing_secret`.
        history: remembers requests.
        desk: takes what is let in.

    Raises:
        PermanentError: there is no signing secret.
    """
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    secret = str(connection.extra.get("signing_secret") or "")
    gate = Gatekeeper(secret, history, *([clock] if clock else []))

    async def endpoint(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return JSONResponse({"error": "too large"}, 413)
        stamp = request.headers.get("x-slack-request-timestamp", "")
        return await run_in_threadpool(_answer, gate, desk, body, (stamp, request.headers.get("x-slack-signature", "")))

    return [Route(f"/slack/{name}", endpoint, methods=["POST"]) for name in ("interactions", "commands")]


async def _body(request: Request) -> bytes | None:
    """Read a body of bounded size; None when it is larger."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST:
            return None
        parts.append(part)
    return b"".join(parts)


def _answer(gate: Gatekeeper, desk: SlackDesk, body: bytes, signed: tuple[str, str]) -> Response:
    from starlette.responses import JSONResponse, Response

    try:
        gate.admit(body, *signed)
        found = desk.take(_payload(body))
    except Unsigned:
        return JSONResponse({"error": "not signed by Slack, or here before"}, 401)
    except Forbidden as refused:
        return JSONResponse({"error": str(refused)}, 403)
    except Unreadable:
        return JSONResponse({"error": "no gesture of Slack's"}, 400)
    except StorageError as error:
        log.warning("a gesture in Slack is lost: %s", error.message)
        return JSONResponse({"error": "history cannot be used"}, 503)
    return Response(status_code=200) if found is None else JSONResponse(found)


def _payload(body: bytes) -> dict[str, Any]:
    """Read the form: an interaction's JSON in `payload`, or a slash command's fields."""
    try:
        form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True, max_num_fields=100).items()}
        if "payload" not in form:
            return dict(form)
        found = json.loads(form["payload"])
    except (ValueError, RecursionError):
        raise Unreadable from None
    if not isinstance(found, dict):
        raise Unreadable
    return found


def serve(connection: Connection, history: History, desk: SlackDesk, where: Listening) -> None:
    """Serve Slack's requests until told to stop.

    Raises:
        PermanentError: there is no signing secret, or the port is taken.
    """
    from starlette.applications import Starlette

    serve_app(Starlette(routes=routes(connection, history, desk)), where)
