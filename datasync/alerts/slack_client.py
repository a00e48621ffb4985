"""A connection in, Slack's clients out whose failures are ours: transient where another try may help, else permanent."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from datasync.errors import ConnectorError, PermanentError, TransientError, shorten
from datasync.seams import Connection

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.http_retry.handler import RetryHandler
    from slack_sdk.webhook import WebhookClient

log = logging.getLogger("datasync")
TIMEOUT = 10
"""Seconds that one request may take."""
PATIENCE = 10
"""Seconds of Retry-After that are waited for within a call; a longer wait is the outbox's."""
PACE = 1.0
"""Seconds between two messages to one channel, as Slack asks."""
TRANSIENT = frozenset({
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org",
    "accesslimited", "message_limit_exceeded",
})  # fmt: skip
TOO_MUCH = frozenset(
    {"msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "invalid_payload", "no_text"}
)
"""Slack does not take the form of a message: its text alone is sent instead."""
_HINTS = {
    "invalid_auth": "the connection's password is no valid bot token",
    "token_revoked": "the bot token was revoked: install the app again and put the new token into the connection's password",
    "account_inactive": "the app was removed from the workspace",
    "channel_not_found": "name an existing channel; a private one must invite the app",
    "not_in_channel": "invite the app: /invite @datasync",
    "is_archived": "the channel is archived: route to another",
    "missing_scope": "give the app the scopes that docs/slack.md lists",
    "no_service": "the webhook was revoked: make a new one",
}


class SlackRefused(PermanentError):
    """Slack answered with an error code that another try does not change; `answer` is that code."""

    def __init__(self, method: str, answer: str, details: str = "") -> None:
        hint = _HINTS.get(answer, details)
        super().__init__(f"Slack refuses {method}: {answer}", code="E_SLACK", hint=shorten(hint, 200))
        self.answer = answer


def open_client(connection: Connection, token: str = "") -> WebClient:
    """Give a client of the Web API.

    Args:
        connection: the bot token in `password`, `base_url` in `extra` where Slack is reached by another address.
        token: another token than the bot's.

    Raises:
        PermanentError: the connection has no token.
    """
    from slack_sdk import WebClient

    secret = token or connection.password
    if not secret:
        raise PermanentError(f"connection '{connection.id}' has no token", code="E_SLACK_CONNECTION", hint="put it into password")
    base = str(connection.extra.get("base_url") or WebClient.BASE_URL)
    return WebClient(
        secret, base_url=base.rstrip("/") + "/", timeout=TIMEOUT, retry_handlers=retry_handlers(), logger=quiet_logger()
    )


def open_webhook(url: str) -> WebhookClient:
    """Give a client of an incoming webhook or response_url."""
    from slack_sdk.webhook import WebhookClient

    return WebhookClient(url, timeout=TIMEOUT, retry_handlers=retry_handlers(), logger=quiet_logger())


def retry_handlers() -> list[RetryHandler]:
    """Give what is tried again within a call: a cut connection, a short Retry-After, a server error."""
    from slack_sdk.http_retry import builtin_handlers as builtin

    class ShortWaits(builtin.RateLimitErrorRetryHandler):
        """Waits for what Slack asks for, if it is not long: a run must not stand still for an hour."""

        def _can_retry(self, *, state: Any, request: Any, response: Any = None, error: Any = None) -> bool:
            return response is not None and response.status_code == 429 and retry_after(response.headers) <= PATIENCE

    return [
        builtin.ConnectionErrorRetryHandler(max_retry_count=1),
        ShortWaits(max_retry_count=2),
        builtin.ServerErrorRetryHandler(max_retry_count=2),
    ]


def retry_after(headers: Mapping[str, Any]) -> float:
    """Read Retry-After in seconds; 1 when it is not there or no number."""
    found = next((value for name, value in headers.items() if name.lower() == "retry-after"), "1")
    text = found[0] if isinstance(found, list) and found else found
    try:
        return max(0.0, float(str(text)))
    except ValueError:
        return 1.0


@contextmanager
def translated(method: str) -> Iterator[None]:
    """Turn every failure of Slack's client into ours; no token, address or text of a message stands in it.

    Raises:
        SlackRefused: an error code that stays.
        TransientError: no answer, a server error, or a rate limit (with `retry_after`).
    """
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        yield
    except SlackApiError as error:
        raise _refusal(method, error.response) from None
    except SlackClientError as error:
        raise PermanentError(f"Slack's client fails at {method}: {type(error).__name__}", code="E_SLACK") from None
    except (URLError, HTTPException, OSError) as error:
        raise TransientError(f"no answer from Slack at {method}: {type(error).__name__}", code="E_SLACK_UNREACHABLE") from None


def _refusal(method: str, response: Any) -> ConnectorError:
    status = int(getattr(response, "status_code", 200))
    data = response.data if isinstance(response.data, dict) else {}
    code = str(data.get("error") or "")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return limited(method, response.headers)
    if status >= 500 or code in TRANSIENT:
        return TransientError(f"Slack fails at {method}: {code or status}", code="E_SLACK_UNREACHABLE")
    details = "; ".join(str(text) for text in (data.get("response_metadata") or {}).get("messages", [])[:3])
    return SlackRefused(method, shorten(code or f"HTTP {status}", 60), details)


def limited(method: str, headers: Mapping[str, Any]) -> TransientError:
    """Give the error for a rate limit."""
    error = TransientError(f"Slack limits the rate of {method}", code="E_SLACK_RATE")
    error.retry_after = retry_after(headers)
    return error


class Pace:
    """Keeps messages to one channel apart.

    Args:
        clock: seconds; sleep: waits for as many.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, channel: str) -> Iterator[None]:
        """Wait until a channel takes the next message, and let the one after it wait from the end of this."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next.get(channel, now))
            self._next[channel] = at + PACE
        if at > now:
            self._sleep(at - now)
        try:
            yield
        finally:
            with self._lock:
                self._next[channel] = max(self._next[channel], self._clock() + PACE)


def quiet_logger() -> logging.Logger:
    """Slack's own client logs requests and answers: what they hold is ours to show or not."""
    quiet = logging.getLogger("datasync.slack_sdk")
    quiet.setLevel(logging.CRITICAL)
    return quiet
