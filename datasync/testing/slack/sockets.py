"""Gestures in, Socket Mode envelopes over a WebSocket and what the app answered out."""

from __future__ import annotations

import json
import secrets
import threading
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from websockets.sync.server import Server, ServerConnection


class SocketLink:
    """The WebSocket end of a made-up Slack; it listens once an app asks for an address."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._links: list[ServerConnection] = []
        self._tickets: set[str] = set()
        self._answers: dict[str, Any] = {}
        self._changed = threading.Condition()

    def address(self) -> str:
        """Give a new address, good for one connection."""
        from websockets.sync.server import serve

        with self._changed:
            if self._server is None:
                self._server = serve(self._talk, self._host, 0, close_timeout=0.5)
                self._thread = threading.Thread(target=self._server.serve_forever, name="fake-slack-socket", daemon=True)
                self._thread.start()
            port = self._server.socket.getsockname()[1]
            ticket = secrets.token_hex(8)
            self._tickets.add(ticket)
        return f"ws://{self._host}:{port}/link/?ticket={ticket}"

    def wait_for_app(self, seconds: float = 10) -> bool:
        """Wait until an app is connected."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._links), seconds)

    def send(self, kind: str, payload: Any, seconds: float = 3) -> tuple[bool, Any]:
        """Send one envelope and wait for its acknowledgement.

        Args:
            kind: interactive or slash_commands.

        Returns:
            Whether it was acknowledged in time, and the payload of the answer (None: none).
        """
        envelope = secrets.token_hex(12)
        body = {"envelope_id": envelope, "type": kind, "accepts_response_payload": True, "payload": payload}
        self.send_raw(body)
        with self._changed:
            done = self._changed.wait_for(lambda: envelope in self._answers, seconds)
            return done, self._answers.get(envelope)

    def send_raw(self, body: Any) -> None:
        """Send anything, as JSON."""
        with self._changed:
            # An app that was just greeted says that it listens before we have written it down.
            assert self._changed.wait_for(lambda: bool(self._links), 2), "no app is connected in Socket Mode"
            link = self._links[-1]
        link.send(json.dumps(body))

    def drop(self) -> None:
        """Cut every connection, as Slack does every few hours; the app is expected to come back."""
        from websockets.exceptions import ConnectionClosed

        with self._changed:
            links, self._links = self._links, []
        for link in links:
            # Not every client answers a closing frame in time.
            with suppress(ConnectionClosed):
                link.close()

    def _talk(self, link: ServerConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        ticket = (link.request.path if link.request else "").rpartition("ticket=")[2]
        with self._changed:
            known = ticket in self._tickets
            self._tickets.discard(ticket)
        if not known:
            link.close(1008, "ticket is not valid")
            return
        try:
            link.send(json.dumps({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A0FAKE"}}))
            with self._changed:
                self._links.append(link)
                self._changed.notify_all()
            for text in link:
                found = json.loads(text)
                with self._changed:
                    self._answers[found.get("envelope_id", "")] = found.get("payload")
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
        finally:
            with self._changed:
                self._links = [other for other in self._links if other is not link]
                self._changed.notify_all()

    def __enter__(self) -> SocketLink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.drop()
        if self._server is not None:
            self._server.shutdown()
        if self._thread is not None:
            self._thread.join(5)
