"""One request in, one answer out, within one span of time: sockets are watched and cut off when it is over."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from datasync.connectors.http import download, failures
from datasync.connectors.http.exchange import Answer, Limits, Request
from datasync.errors import TransientError

PIECE = 1 << 16
# At its chattiest, urllib3 logs whole URLs, and a key may stand in a query.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
_here = threading.local()
"""The watch of the try that this thread is in: connections know no other way to learn of it."""


class Watch:
    """The span of one try: when it is over, the socket that the try waits on is shut down.

    requests' own timeout is one of each read: a server that sends a byte now and then would never run into it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.connection: Any = None
        self.over = False
        self.began = False

    def end(self) -> None:
        """Cut the try off; its thread wakes with an error."""
        self.over = True
        held = self.connection
        wire = getattr(held, "wire", None) or getattr(held, "sock", None)
        if wire is not None:
            try:
                # Past what TLS would do: its own shutdown waits for the other side.
                socket.socket.shutdown(wire, socket.SHUT_RDWR)
            except OSError:
                # It is closed already, which is what we want.
                return


class _Lines:
    """A stream whose last line is remembered."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.last = b""

    def readline(self, size: int = -1) -> bytes:
        self.last = self.stream.readline(size)
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Response(http.client.HTTPResponse):
    """http.client takes a connection that ends within the headers for their end: a cut answer would be an empty one."""

    def begin(self) -> None:
        lines = _Lines(self.fp)
        self.fp = lines  # type: ignore[assignment]
        super().begin()
        self.fp = lines.stream
        if lines.last not in (b"\r\n", b"\n"):
            raise http.client.IncompleteRead(lines.last)


class _Plain(HTTPConnection):
    wire: Any = None
    response_class = _Response

    def connect(self) -> None:
        super().connect()
        self.wire = self.sock

    def request(self, *args: Any, **settings: Any) -> None:
        _here.watch.connection = self
        super().request(*args, **settings)


class _Secure(HTTPSConnection):
    wire: Any = None
    response_class = _Response

    def connect(self) -> None:
        super().connect()
        self.wire = self.sock

    def request(self, *args: Any, **settings: Any) -> None:
        _here.watch.connection = self
        super().request(*args, **settings)


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        super().init_poolmanager(*args, **settings)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


def _as_it_is(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    """Sign nothing: without an auth of its own, requests would look for one in a .netrc."""
    return prepared


class Wire:
    """Connections to servers, kept open between requests; safe to use from several threads.

    Proxies and certificate authorities are those of the environment; certificates are always verified.
    """

    def __init__(self, limits: Limits, lines: int = 8) -> None:
        self._limits = limits
        self._session = requests.Session()
        adapter = _Adapter(pool_connections=2, pool_maxsize=lines, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._watches: set[Watch] = set()
        self._lock = threading.Lock()
        self._cancelled = False

    def once(self, request: Request, url: str, headers: dict[str, str], seconds: float) -> Answer:
        """Send one request and read its answer to the end; redirects are answers too.

        Args:
            request: method, query and body are taken from here.
            url: where to; checked already.
            headers: all of them, sign-in included.
            seconds: the whole try's time.

        Raises:
            TransientError, PermanentError: no whole answer came.
        """
        watch = Watch(seconds)
        with self._lock:
            if self._cancelled:
                raise TransientError(f"{request.name}: given up", code="E_CANCELLED")
            self._watches.add(watch)
        timer = threading.Timer(seconds, watch.end)
        timer.daemon = True
        timer.start()
        try:
            _here.watch = watch
            answer = self._exchange(request, url, headers, watch)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            # Bare ones of these are what urllib3 and ssl say when their socket goes away under them, and else a fault of ours.
            if not watch.over and type(error) in (ValueError, AttributeError):
                raise
            raise self._translated(error, request, watch) from None
        finally:
            timer.cancel()
            with self._lock:
                self._watches.discard(watch)
        if watch.over:
            # A body without a length ends where its connection does, also when it was we who ended it.
            raise self._translated(TimeoutError(), request, watch)
        return answer

    def _exchange(self, request: Request, url: str, headers: dict[str, str], watch: Watch) -> Answer:
        with self._session.request(
            request.method, url, params=list(request.query) or None, data=request.body, headers=headers, stream=True,
            timeout=watch.seconds, allow_redirects=False, auth=_as_it_is,
        ) as response:  # fmt: skip
            watch.began = True
            found = {name.lower(): value for name, value in response.headers.items()}
            body = b""
            if request.method != "HEAD" and response.status_code not in (204, 304):
                _announced(found, self._limits)
                body = download.body(_pieces(response), found.get("content-encoding", ""), self._limits)
            return Answer(response.status_code, response.url, found, body)

    def _translated(self, error: Exception, request: Request, watch: Watch) -> Exception:
        if self._cancelled:
            return TransientError(f"{request.name}: given up", code="E_CANCELLED")
        return failures.of_error(error, request, watch.over, watch.began)

    def cancel(self) -> None:
        """End all tries, from any thread; no further one begins."""
        with self._lock:
            self._cancelled = True
            watches = list(self._watches)
        for watch in watches:
            watch.end()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def _announced(headers: dict[str, str], limits: Limits) -> None:
    """Refuse a body that says itself that it is too large."""
    length = headers.get("content-length", "")
    if length.isdigit() and int(length[:20]) > limits.raw_bytes:
        raise download.too_large("on the wire", limits.raw_bytes)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes; urllib3 tells when it ends before its length or its last chunk."""
    yield from response.raw.stream(PIECE, decode_content=False)
