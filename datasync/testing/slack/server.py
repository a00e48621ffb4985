"""HTTP requests to a made-up Slack in, answers as Slack's Web API gives them out; on loopback, on a port of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from datasync.testing.slack import desk
from datasync.testing.slack.faults import Fault, Script
from datasync.testing.slack.gestures import Gestures, Target
from datasync.testing.slack.methods import answer, authorise, carry_out, webhook
from datasync.testing.slack.sockets import SocketLink
from datasync.testing.slack.world import Call, Message, SlackRefusal, World, example

MOST = 1_000_000
"""Bytes of a request that are read; Slack's own limit is near."""


class FakeSlack:
    """A made-up Slack that listens on loopback while it is open.

    Use it as a context manager:

        with FakeSlack() as slack:
            client = WebClient("xoxb-fake", base_url=slack.api_url)
            client.chat_postMessage(channel="#data-alerts", text="hello")
            assert slack.world.shown("data-alerts")[0].text == "hello"

    Args:
        world: the workspace; without, the one of `example()`.
        port: 0 takes a free one.
        app: where gestures go: URLs of the app and its signing secret; without URLs they go by Socket Mode.
        pace: calls a second that each channel takes before 429; None takes any.

    Attributes:
        script: what shall go wrong; gestures: what people do; calls: what came in, oldest first.
    """

    def __init__(self, world: World | None = None, port: int = 0, app: Target | None = None, pace: float | None = None) -> None:
        self.world = world or example()
        self.script = Script(self.world.clock)
        self.calls: list[Call] = []
        self.stopping = threading.Event()
        self.pace = pace
        self._taken: dict[str, float] = {}
        self._server = _Server(("127.0.0.1", port), self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.sockets = SocketLink("127.0.0.1")
        self.gestures = Gestures(self.world, self.url, self.sockets, app or Target())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="fake-slack", daemon=True)

    @property
    def api_url(self) -> str:
        """What a client takes as its base URL."""
        return f"{self.url}/api/"

    def calls_of(self, method: str) -> list[Call]:
        """Give the calls of one method, oldest first."""
        return [call for call in self.calls if call.method == method]

    def parents(self, channel: str) -> list[Message]:
        """Give the app's messages that stand in a channel itself, ephemeral ones aside."""
        return [message for message in self.world.shown(channel) if not message.only_for]

    def write_page(self, path: Any, channel: str = "", title: str = "") -> None:
        """Write what people see as one HTML file."""
        from pathlib import Path

        Path(path).write_text(desk.page(self.world, channel, title=title), encoding="utf-8")

    def call(self, method: str, token: str, arguments: Mapping[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Answer one Web API call: HTTP status, body and headers."""
        try:
            authorise(self.world, method, token)
            if method == "apps.connections.open":
                return 200, {"ok": True, "url": self.sockets.address()}, {}
            if self._too_fast(method, str(arguments.get("channel") or "")):
                return 429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"}
            return 200, carry_out(self.world, method, arguments), {}
        except SlackRefusal as refusal:
            body: dict[str, Any] = {"ok": False, "error": refusal.code}
            if refusal.details:
                body["response_metadata"] = {"messages": [f"[ERROR] {text}" for text in refusal.details]}
            return 200, body, {}

    def _too_fast(self, method: str, channel: str) -> bool:
        if self.pace is None or method != "chat.postMessage":
            return False
        channel = self.world.channel(channel).id
        now, last = self.world.clock(), self._taken.get(channel, 0.0)
        if now - last < 1 / self.pace:
            return True
        self._taken[channel] = now
        return False

    def __enter__(self) -> FakeSlack:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stopping.set()
        self.sockets.__exit__(kind, error, trace)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def serve(self) -> None:
        """Stay until the process is told to end."""
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A client of a hanging call must not keep the server from closing.
    block_on_close = False

    def __init__(self, address: tuple[str, int], slack: FakeSlack) -> None:
        self.slack = slack
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one packet: two would wait for each other.
    wbufsize = -1

    @property
    def slack(self) -> FakeSlack:
        return cast(_Server, self.server).slack

    def log_message(self, format: str, *args: Any) -> None:
        """Calls are kept in `FakeSlack.calls`."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/api/"):
            self._api(parts.path.removeprefix("/api/"), dict(parse_qsl(parts.query)))
            return
        channel = parse_qs(parts.query).get("channel", [""])[0]
        self._send(200, desk.page(self.slack.world, channel, live=True), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        if path.startswith("/api/"):
            self._api(path.removeprefix("/api/"), body)
        elif path == "/desk":
            desk.gesture(self.slack.gestures, body)
            self.send_response(303)
            self.send_header("Location", f"/?channel={body.get('channel', '')}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._plain(path, body)

    def _api(self, method: str, body: Mapping[str, Any]) -> None:
        fault = self.slack.script.take(method)
        if fault is not None and self._go_wrong(method, body, fault):
            return
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or str(body.get("token", ""))
        status, found, headers = self.slack.call(method, token, body)
        if fault is not None:
            self._note(method, body, 0, "answer lost")
            self.close_connection = True
            return
        self._note(method, body, status, found.get("error", ""))
        self._send(status, json.dumps(found), "application/json; charset=utf-8", headers)

    def _plain(self, path: str, body: Mapping[str, Any]) -> None:
        """Incoming webhooks and response_urls, which answer in plain text."""
        method = "response_url" if path.startswith("/response/") else "webhook"
        fault = self.slack.script.take(method)
        if fault is not None and self._go_wrong(method, body, fault):
            return
        if method == "webhook":
            status, text = webhook(self.slack.world, path, body)
        else:
            status, text = answer(self.slack.world, path.removeprefix("/response/"), body)
        if fault is not None:
            self._note(method, body, 0, "answer lost")
            self.close_connection = True
            return
        self._note(method, body, status, "" if status == 200 else text)
        self._send(status, text, "text/html")

    def _go_wrong(self, method: str, body: Mapping[str, Any], fault: Fault) -> bool:
        """Let a fault happen; False when the call is to be carried out all the same."""
        if fault.kind == "lose_answer":
            return False
        self._note(method, body, fault.status if fault.kind in ("error", "status") else 0, fault.code or fault.kind)
        if fault.kind == "hang":
            self.slack.stopping.wait(60)
        if fault.kind in ("hang", "drop"):
            self.close_connection = True
            return True
        headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
        found = {"ok": False, "error": fault.code or f"http_{fault.status}"}
        self._send(fault.status, json.dumps(found), "application/json", headers)
        return True

    def _note(self, method: str, body: Mapping[str, Any], status: int, error: str) -> None:
        shown = {key: value for key, value in body.items() if key != "token"}
        self.slack.calls.append(Call(self.slack.world.clock(), method, shown, status, error))

    def _body(self) -> dict[str, Any]:
        raw = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), MOST)).decode("utf-8", "replace")
        kind = self.headers.get("Content-Type", "")
        if "json" in kind or raw.startswith("{"):
            try:
                found = json.loads(raw or "{}")
            except ValueError:
                return {}
            return found if isinstance(found, dict) else {}
        if raw.startswith("payload="):
            return cast(dict[str, Any], json.loads(unquote(raw.removeprefix("payload=").replace("+", " "))))
        return dict(parse_qsl(raw, keep_blank_values=True))

    def _send(self, status: int, text: str, kind: str, headers: Mapping[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
