"""What requests, urllib3 and servers say went wrong in, our errors out: transient or permanent, without a URL or a value.

This is the one place where errors of HTTP are translated.
"""

from __future__ import annotations

import errno
import http.client
import socket
from collections.abc import Iterator

import requests
import urllib3

from datasync.connectors.http.exchange import Answer, Request
from datasync.errors import ConnectorError, PermanentError, TransientError

UNSURE = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524, 529})
"""Statuses after which the same request may work later."""


REFUSED = "E_CONNECT_REFUSED"
"""Nothing was sent: whatever the request is, it may be tried again."""


def of_status(answer: Answer, request: Request) -> ConnectorError:
    """Say what a status means; nothing of the body stands in the message."""
    status = answer.status
    if status in UNSURE:
        code = "E_THROTTLED" if status == 429 else "E_UNAVAILABLE"
        return TransientError(f"{request.name}: the server answered {status}", code=code)
    if status in (401, 403, 407):
        hint = "check the connection's auth, login and password" if status != 403 else "the account may not do this"
        return PermanentError(f"{request.name}: the server refused the sign-in ({status})", code="E_SIGN_IN", hint=hint)
    if status in (404, 410):
        return PermanentError(f"{request.name}: the server knows no such address ({status})", code="E_NOT_FOUND")
    if 300 <= status < 400:
        return PermanentError(f"{request.name}: the server answered {status}, which leads nowhere", code="E_REDIRECT")
    return PermanentError(f"{request.name}: the server refused the request ({status})", code="E_REQUEST")


def of_error(error: BaseException, request: Request, expired: bool = False, began: bool = False) -> ConnectorError:
    """Translate an error of requests or urllib3.

    Args:
        error: as it was raised.
        request: what was asked.
        expired: our own clock had ended the try.
        began: the answer had begun to arrive.
    """
    causes = list(_causes(error))
    # urllib3 counts a connection that could not be made among the timeouts.
    refused = any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes)
    if expired or (not refused and any(isinstance(cause, _TIMEOUTS) for cause in causes)):
        return TransientError(f"{request.name}: no whole answer in time", code="E_TIMEOUT")
    if any(isinstance(cause, (requests.exceptions.SSLError, urllib3.exceptions.SSLError)) for cause in causes):
        return PermanentError(
            f"{request.name}: the server's certificate cannot be trusted", code="E_TLS",
            hint="REQUESTS_CA_BUNDLE may name a file of further authorities",
        )  # fmt: skip
    if began or any(isinstance(cause, http.client.IncompleteRead) for cause in causes):
        return TransientError(f"{request.name}: the answer was cut off", code="E_TRUNCATED")
    if any(isinstance(cause, _WRONG) for cause in causes):
        return PermanentError(f"{request.name}: this can be no request", code="E_REQUEST", hint="look at path and headers")
    return _unreached(causes, request)


_TIMEOUTS = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
_WRONG = (
    requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema, urllib3.exceptions.LocationParseError, UnicodeError,
)  # fmt: skip


def _unreached(causes: list[BaseException], request: Request) -> ConnectorError:
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            if cause.errno == socket.EAI_AGAIN:
                return TransientError(f"{request.name}: the host's name cannot be looked up now", code="E_DNS")
            return PermanentError(f"{request.name}: there is no such host", code="E_DNS", hint="check the connection's host")
        if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
            return TransientError(
                f"{request.name}: the connection was refused", code="E_CONNECT_REFUSED", hint="is the server running?"
            )
    return TransientError(f"{request.name}: the connection was lost", code="E_CONNECT")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what lies below it: causes, contexts, reasons and arguments that are errors."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting and len(seen) < 50:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]
