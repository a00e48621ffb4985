"""Requests in, answers as ordered out: an API on loopback that notes what it received and honours idempotency keys."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    @property
    def key(self) -> str | None:
        """The idempotency key."""
        return self.headers.get("idempotency-key")


Reply = tuple[int, dict[str, str], bytes]


def ok(value: Any = None, status: int = 200, **headers: str) -> Reply:
    """Make a JSON answer."""
    return status, headers, json.dumps(value).encode()


@dataclass
class Api:
    """The server.

    Attributes:
        received: every request, in order of arrival.
        effects: what requests did: those with a key seen before are answered as then and do nothing more.
        reply: makes the answer of a request that has an effect.
        before: looked at first, without effect: answers such as 429; None: go on.
        after: told when a request took effect, before it is answered; raising ConnectionError cuts the answer off.
    """

    received: list[Received] = field(default_factory=list)
    effects: list[Received] = field(default_factory=list)
    reply: Callable[[Received], Reply] = lambda request: ok({})
    before: Callable[[Received], Reply | None] = lambda request: None
    after: Callable[[Received], None] = lambda request: None
    _answers: dict[str, Reply] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    status, given, content = api.answer(Received(self.command, self.path, headers, body))
                except ConnectionError:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **given}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = _serve

            def log_message(self, format: str, *args: Any) -> None:
                return

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that was killed is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def answer(self, request: Received) -> Reply:
        """Judge one request."""
        with self._lock:
            self.received.append(request)
        early = self.before(request)
        if early is not None:
            return early
        with self._lock:
            if request.key is not None and request.key in self._answers:
                return self._answers[request.key]
            self.effects.append(request)
            made = self.reply(request)
            if request.key is not None:
                self._answers[request.key] = made
        self.after(request)
        return made

    def rows(self, name: str = "") -> list[Any]:
        """The records of all requests that took effect, in order."""
        found: list[Any] = []
        for request in self.effects:
            body = request.json
            records = body[name] if name else body
            found += records if isinstance(records, list) else [records]
        return found

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
