"""Servers of this machine for tests: one that sends any bytes at all, and connections that lead to it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from datasync.seams import Connection

CANARY = "CANARY-9f3b7c"
"""A secret that must stand in no message."""


@dataclass
class Asked:
    """One request as it arrived."""

    head: str
    body: bytes = b""

    @property
    def line(self) -> str:
        """Method, target and version."""
        return self.head.partition("\r\n")[0]

    @property
    def target(self) -> str:
        """Path and query."""
        return self.line.split(" ")[1]

    def header(self, name: str) -> str | None:
        """A header's value."""
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.strip().lower() == name.lower():
                return value.strip()
        return None


Handler = Callable[[Asked, socket.socket], Any]
"""Gives the bytes to send, or sends them itself; the connection is closed behind it."""


@dataclass
class RawServer:
    """Answers each connection's one request by a handler."""

    handler: Handler
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self.port: int = self._listener.getsockname()[1]
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def _listen(self) -> None:
        while not self._done.is_set():
            try:
                accepted, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(accepted,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, accepted: socket.socket) -> None:
        with accepted, contextlib.suppress(OSError):
            accepted.settimeout(20)
            asked = read_request(accepted)
            if asked is None:
                return
            self.asked.append(asked)
            found = self.handler(asked, accepted)
            if found is not None:
                accepted.sendall(found)

    @property
    def done(self) -> threading.Event:
        """Set when the test is over: slow handlers look at it."""
        return self._done

    def close(self) -> None:
        """End it."""
        self._done.set()
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)


def read_request(sock: socket.socket) -> Asked | None:
    """Read head and body of one request."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    asked = Asked(head.decode("latin-1"), body)
    length = int(asked.header("content-length") or 0)
    while len(asked.body) < length:
        asked.body += sock.recv(65536)
    return asked


@contextlib.contextmanager
def serving(handler: Handler) -> Iterator[RawServer]:
    """A server for the time of a test."""
    server = RawServer(handler)
    try:
        yield server
    finally:
        server.close()


def reply(body: bytes | str = b"{}", status: str = "200 OK", **headers: str) -> bytes:
    """A sound answer."""
    data = body.encode() if isinstance(body, str) else body
    fields = {"Content-Type": "application/json", "Content-Length": str(len(data)), "Connection": "close"}
    fields |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items() if value != "")]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def connection(url: str, name: str = "api", **settings: Any) -> Connection:
    """A connection to a URL."""
    return Connection(id=name, kind="http", host=url, **settings)
