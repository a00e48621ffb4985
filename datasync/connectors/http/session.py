"""A connection and requests in, answers out: signed, paced, tried again where that may help, never on another host."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace

from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import RequestHistory, Retry

from datasync.connectors.http import failures
from datasync.connectors.http.address import Origin, origin
from datasync.connectors.http.download import ACCEPTED
from datasync.connectors.http.exchange import Answer, Limits, Request
from datasync.connectors.http.pace import Pace
from datasync.connectors.http.sign_in import Signature, SignIn, sign_in
from datasync.connectors.http.wire import Wire
from datasync.errors import ConnectorError, PermanentError, TransientError
from datasync.seams import Connection

REDIRECTS = frozenset({301, 302, 303, 307, 308})
HOPS = 5
BACKOFF = 0.5
"""Seconds before the second retry; doubled each time. The first follows at once."""


class HttpSession:
    """Speaks with one connection's host; safe to use from several threads.

    Args:
        connection: where to and how to sign in (`docs/guide.md`, Connections).
        limits: of each exchange.
        pace: holds all requests to a rate.

    Attributes:
        slowest_answer: seconds of the slowest answer, from sending the request to its last byte; None: none came yet.

    Raises:
        PermanentError: the connection names no proper host or way to sign in.
    """

    def __init__(self, connection: Connection, limits: Limits | None = None, pace: Pace | None = None) -> None:
        self.origin: Origin = origin(connection)
        self._limits = limits or Limits()
        self._pace = pace or Pace(None)
        self._stop = threading.Event()
        self._measuring = threading.Lock()
        self.slowest_answer: float | None = None
        self._wire = Wire(self._limits)
        self._sign_in: SignIn = sign_in(connection, self._fetch)

    def send(self, request: Request) -> Answer:
        """Send a request until it is answered.

        Returns:
            A whole answer whose status is 2xx or one that the request accepts.

        Raises:
            TransientError: no such answer came in time, after all retries; for a request that may not be repeated, perhaps
                after it arrived.
            PermanentError: the server refused it, or would have led elsewhere.
        """
        url = self.origin.url(request.path)
        return self._insist(request, url, signed=True)

    def probe(self) -> None:
        """See whether the host answers and the sign-in is not refused.

        Raises:
            TransientError, PermanentError: it does not.
        """
        every = frozenset(range(200, 500)) - {401, 403, 407, 408, 429}
        self.send(Request("GET", "/", accepted=every))

    def cancel(self) -> None:
        """End every exchange, from another thread; no further one begins."""
        self._stop.set()
        self._wire.cancel()

    def close(self) -> None:
        """Close all connections; may be called twice."""
        self._wire.close()

    def _fetch(self, request: Request, url: str) -> Answer:
        """Ask a token server: not signed, never redirected."""
        return self._insist(request, url, signed=False)

    def _insist(self, request: Request, url: str, signed: bool) -> Answer:
        """Try until there is an answer, retries are used up, or time is."""
        tries = _Tries(request, self._limits)
        renewed = False
        while True:
            signature = self._sign_in.signature() if signed else Signature()
            try:
                answer = self._followed(request, url, signature, tries) if signed else self._once(request, url, signature, tries)
            except TransientError as error:
                self._rest(tries.wait(error))
                continue
            if answer.status == 401 and 401 not in request.accepted and signed and not renewed:
                # One new signature for each request; a second refusal is final.
                renewed = self._sign_in.renew(signature)
                if renewed:
                    continue
            if 200 <= answer.status < 300 or answer.status in request.accepted:
                return answer
            failure = failures.of_status(answer, request)
            if not isinstance(failure, TransientError):
                raise failure
            self._rest(tries.wait(failure, answer))

    def _followed(self, request: Request, url: str, signature: Signature, tries: _Tries) -> Answer:
        """Follow redirects, each checked before anything is sent there."""
        for _ in range(HOPS + 1):
            answer = self._once(request, url, signature, tries)
            if answer.status not in REDIRECTS or answer.status in request.accepted:
                return answer
            place = answer.headers.get("location", "")
            if not place:
                raise failures.of_status(answer, request)
            if request.method not in ("GET", "HEAD") and answer.status not in (307, 308):
                raise _misled(request, "the server would turn it into another request")
            try:
                url = self.origin.held(place, answer.url)
            except PermanentError as error:
                raise _misled(request, error.message) from None
            # The address that the server names has its own query.
            request = replace(request, query=())
        raise _misled(request, f"more than {HOPS} redirects")

    def _once(self, request: Request, url: str, signature: Signature, tries: _Tries) -> Answer:
        self._pace.wait(self._stop)
        headers = {"Accept-Encoding": ACCEPTED, "User-Agent": "datasync", **request.headers, **dict(signature.headers)}
        signed = replace(request, query=request.query + signature.query)
        began = time.monotonic()
        answer = self._wire.once(signed, url, headers, tries.seconds())
        with self._measuring:
            self.slowest_answer = max(self.slowest_answer or 0.0, time.monotonic() - began)
        return answer

    def _rest(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise TransientError("given up", code="E_CANCELLED")


def _misled(request: Request, why: str) -> PermanentError:
    return PermanentError(
        f"{request.name}: a redirect was not followed: {why}", code="E_REDIRECT",
        hint="a redirect to a page for people often means that the sign-in failed",
    )  # fmt: skip


class _Tries:
    """How often and how long one request is tried; urllib3's Retry does the arithmetic."""

    def __init__(self, request: Request, limits: Limits) -> None:
        self._request = request
        self._limits = limits
        self._ends = time.monotonic() + limits.deadline
        self._retry = Retry(
            total=limits.retries, backoff_factor=BACKOFF, backoff_max=limits.longest_wait, backoff_jitter=BACKOFF / 2,
            retry_after_max=math.ceil(limits.longest_wait),
        )  # fmt: skip

    def seconds(self) -> float:
        """Give the next try's time."""
        return max(0.001, min(self._limits.timeout, self._ends - time.monotonic()))

    def wait(self, failure: ConnectorError, answer: Answer | None = None) -> float:
        """Give the seconds to rest before the next try.

        Raises:
            ConnectorError: the failure, when there is no next try.
        """
        # 429 says that the server did nothing yet; of all else nobody knows.
        harmless = answer is not None and answer.status == 429
        if failure.code == "E_CANCELLED" or not (self._request.repeatable or harmless or failure.code == failures.REFUSED):
            raise failure
        left = self._retry.total
        assert isinstance(left, int)
        if left <= 0:
            raise failure
        history = (*self._retry.history, RequestHistory(self._request.method, None, None, None, None))
        self._retry = self._retry.new(total=left - 1, history=history)
        asked = self._asked(answer)
        seconds = min(self._retry.get_backoff_time() if asked is None else asked, self._limits.longest_wait)
        if time.monotonic() + seconds >= self._ends:
            raise failure
        return seconds

    def _asked(self, answer: Answer | None) -> float | None:
        """What `Retry-After` says; what is neither seconds nor a date says nothing."""
        text = (answer.headers.get("retry-after") or "")[:100] if answer is not None else ""
        try:
            return float(self._retry.parse_retry_after(text)) if text else None
        except (InvalidHeader, ValueError, OverflowError):
            return None
