"""The made-up Slack answers Slack's own client as Slack does: codes, limits, threads, modals, gestures, faults."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode
from urllib.request import ProxyHandler, build_opener

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler, ServerErrorRetryHandler
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.webhook import WebhookClient

from datasync.alerts.socket_mode import hang_up
from datasync.testing.slack import DROP, HANG, LOSE_ANSWER, FakeSlack, Target, error, rate_limited, status

BUTTON = {"type": "button", "action_id": "ack", "text": {"type": "plain_text", "text": "Acknowledge"}, "value": "7"}
MENU = {
    "type": "static_select", "action_id": "snooze", "placeholder": {"type": "plain_text", "text": "Snooze…"},
    "options": [{"text": {"type": "plain_text", "text": "1 hour"}, "value": "1h"}],
}  # fmt: skip
BLOCKS = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*bold* &lt;!channel&gt; <@U0001>"}},
    {"type": "actions", "block_id": "all", "elements": [BUTTON, MENU]},
]
MODAL = {
    "type": "modal", "callback_id": "until", "title": {"type": "plain_text", "text": "Snooze"}, "submit": {"type": "plain_text", "text": "Ok"},
    "blocks": [{
        "type": "input", "block_id": "when", "label": {"type": "plain_text", "text": "Until"},
        "element": {"type": "datetimepicker", "action_id": "at", "initial_date_time": 1_800_000_000},
    }],
}  # fmt: skip


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as fake:
        yield fake


@pytest.fixture
def client(slack: FakeSlack) -> WebClient:
    client = WebClient("xoxb-fake", base_url=slack.api_url, timeout=2)
    client.retry_handlers += [RateLimitErrorRetryHandler(max_retry_count=2), ServerErrorRetryHandler(max_retry_count=2)]
    return client


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])


def test_a_message_has_a_life(slack: FakeSlack, client: WebClient) -> None:
    posted = client.chat_postMessage(
        channel="#data-alerts", text="now", blocks=BLOCKS, metadata={"event_type": "x", "event_payload": {"key": "k"}}
    )
    client.chat_postMessage(channel=posted["channel"], thread_ts=posted["ts"], text="again")
    client.chat_postMessage(channel=posted["channel"], thread_ts=posted["ts"], text="aloud", reply_broadcast=True)
    client.chat_update(channel=posted["channel"], ts=posted["ts"], text="later", blocks=BLOCKS[:1])
    parent, aloud = slack.parents("data-alerts")
    assert (parent.text, parent.edits, parent.history[0][0]) == ("later", 1, "now")
    assert parent.metadata["event_payload"] == {"key": "k"}
    assert [reply.text for reply in slack.world.replies(parent)] == ["again", "aloud"]
    assert aloud.broadcast
    assert [call.method for call in slack.calls] == ["chat.postMessage"] * 3 + ["chat.update"]
    assert all("token" not in call.arguments for call in slack.calls)


@pytest.mark.parametrize(
    ("channel", "code"),
    [
        ("#nowhere", "channel_not_found"),
        ("#strangers", "not_in_channel"),
        ("#attic", "is_archived"),
        ("#secret", "channel_not_found"),
    ],
)
def test_channels_that_cannot_be_written_to(client: WebClient, channel: str, code: str) -> None:
    assert refused(client.chat_postMessage, channel=channel, text="x") == code


def test_tokens(slack: FakeSlack) -> None:
    slack.world.tokens["xoxb-old"] = "revoked"
    for token, code in (("xoxb-wrong", "invalid_auth"), ("xoxb-old", "token_revoked"), ("xapp-fake", "not_allowed_token_type")):
        assert refused(WebClient(token, base_url=slack.api_url).auth_test) == code


@pytest.mark.parametrize(
    ("blocks", "code"),
    [
        ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "invalid_blocks"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "invalid_blocks"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}], "invalid_blocks"),
        ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}], "invalid_blocks"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": ""}}], "invalid_blocks"),
        ([{"type": "actions", "elements": [{**BUTTON, "text": {"type": "plain_text", "text": "x" * 76}}]}], "invalid_blocks"),
        ([{"type": "actions", "elements": [{**BUTTON, "value": "x" * 2001}]}], "invalid_blocks"),
        ([{"type": "actions", "elements": [{**BUTTON, "action_id": str(n)} for n in range(26)]}], "invalid_blocks"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "accessory": {"type": "overflow", "action_id": "m", "options": MENU["options"] * 6}}], "invalid_blocks"),
        ([{"type": "divider"}] * 51, "invalid_blocks"),
        ([{"type": "carousel"}], "invalid_blocks"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}] * 5, "msg_blocks_too_long"),
    ],
)  # fmt: skip
def test_limits_of_block_kit(client: WebClient, blocks: list[dict[str, Any]], code: str) -> None:
    assert refused(client.chat_postMessage, channel="#data-alerts", text="x", blocks=blocks) == code


def test_people_groups_and_channels_are_found(client: WebClient) -> None:
    assert client.users_lookupByEmail(email="kim@example.com")["user"]["id"] == "U0002"
    assert refused(client.users_lookupByEmail, email="who@example.com") == "users_not_found"
    assert [group["handle"] for group in client.usergroups_list()["usergroups"]] == ["data-platform"]
    names = [channel["name"] for page in client.conversations_list(limit=2) for channel in page["channels"]]
    assert names == ["data-alerts", "data-orders", "strangers", "attic"]
    client.conversations_join(channel="C0003")
    assert client.conversations_info(channel="C0003")["channel"]["is_member"]


def test_faults_come_once_and_in_order(slack: FakeSlack, client: WebClient) -> None:
    slack.script.fail_next("chat.postMessage", rate_limited(1), status(503))
    began = time.monotonic()
    client.chat_postMessage(channel="#data-alerts", text="x")
    assert time.monotonic() - began >= 1
    assert [call.status for call in slack.calls] == [429, 503, 200]
    slack.script.fail_next("chat.postMessage", error("fatal_error"))
    assert refused(client.chat_postMessage, channel="#data-alerts", text="x") == "fatal_error"
    assert len(slack.parents("data-alerts")) == 1


@pytest.mark.parametrize(("fault", "arrives"), [(DROP, 0), (HANG, 0), (LOSE_ANSWER, 1)])
def test_answers_that_never_come(slack: FakeSlack, fault: Any, arrives: int) -> None:
    bare = WebClient("xoxb-fake", base_url=slack.api_url, timeout=1, retry_handlers=[])
    slack.script.fail_next("chat.postMessage", fault)
    with pytest.raises(Exception, match=r"timed out|closed connection|[Ee]nd of file|reset"):
        bare.chat_postMessage(channel="#data-alerts", text="x")
    assert len(slack.parents("data-alerts")) == arrives


def test_down_for_a_while_by_its_clock(slack: FakeSlack) -> None:
    now = [1_000_000.0]
    slack.script = type(slack.script)(lambda: now[0])
    bare = WebClient("xoxb-fake", base_url=slack.api_url, retry_handlers=[])
    slack.script.down(3600)
    with pytest.raises(SlackApiError) as caught:
        bare.auth_test()
    assert caught.value.response.status_code == 503
    now[0] += 3600
    assert bare.auth_test()["ok"]


def test_incoming_webhook(slack: FakeSlack) -> None:
    path = slack.world.add_webhook("data-orders")
    assert WebhookClient(slack.url + path).send(text="x", blocks=BLOCKS[:1]).body == "ok"
    gone = WebhookClient(slack.url + "/services/T/B/none").send(text="x")
    assert (gone.status_code, gone.body) == (404, "no_service")
    assert [message.via for message in slack.parents("data-orders")] == ["webhook"]


class App(ThreadingHTTPServer):
    """An app that keeps what it gets and answers what it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.answer = b""
        app = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                app.seen.append((dict(self.headers), body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(app.answer)

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def app() -> Iterator[App]:
    with App() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def test_a_click_is_signed_and_may_be_answered(app: App, slack: FakeSlack, client: WebClient) -> None:
    slack.gestures.target = Target(app.url, app.url)
    client.chat_postMessage(channel="#data-alerts", text="x", blocks=BLOCKS)
    (message,) = slack.parents("data-alerts")
    dana = slack.world.users["U0001"]
    assert slack.gestures.click(message, "ack", dana).status == 200
    headers, body = app.seen[-1]
    assert SignatureVerifier("fake-signing-secret").is_valid_request(body, headers)
    payload = json.loads(parse_qs(body.decode())["payload"][0])
    assert (payload["type"], payload["user"]["id"], payload["actions"][0]["value"]) == ("block_actions", "U0001", "7")
    slack.gestures.click(message, "snooze", dana, value="1h")
    assert b"1h" in app.seen[-1][1]
    with pytest.raises(LookupError, match="ack, snooze"):
        slack.gestures.click(message, "nothing", dana)
    answer = WebhookClient(payload["response_url"])
    assert answer.send(text="noted").body == "ok"
    assert slack.world.messages[-1].only_for == "U0001"
    assert answer.send(text="changed", replace_original=True).body == "ok"
    assert slack.parents("data-alerts")[0].text == "changed"
    client.views_open(trigger_id=payload["trigger_id"], view=MODAL)
    assert refused(client.views_open, trigger_id=payload["trigger_id"], view=MODAL) == "invalid_trigger_id"
    (view,) = slack.world.views.values()
    app.answer = b'{"response_action": "errors", "errors": {"when": "too late"}}'
    slack.gestures.submit(view, dana, {"at": 5})
    assert slack.world.views
    app.answer = b""
    slack.gestures.submit(view, dana)
    assert not slack.world.views
    sent = json.loads(parse_qs(app.seen[-1][1].decode())["payload"][0])
    assert sent["view"]["state"]["values"] == {"when": {"at": {"type": "datetimepicker", "selected_date_time": 1_800_000_000}}}


def desk(slack: FakeSlack, **form: str) -> str:
    body = urlencode(form).encode()
    with build_opener(ProxyHandler({})).open(slack.url + "/desk", body, timeout=10) as response:
        return str(response.read().decode())


def test_a_person_acts_on_the_page(app: App, slack: FakeSlack, client: WebClient) -> None:
    slack.gestures.target = Target(app.url, app.url)
    posted = client.chat_postMessage(channel="#data-alerts", text="x", blocks=BLOCKS)
    place = {"channel": posted["channel"], "ts": posted["ts"], "block": "all"}
    assert 'value="1h"' in desk(slack, do="click", action="snooze", value="1h", user="U0002", **place)
    trigger = json.loads(parse_qs(app.seen[-1][1].decode())["payload"][0])
    assert trigger["user"]["name"] == "kim"
    client.views_open(trigger_id=trigger["trigger_id"], view=MODAL)
    (view,) = slack.world.views
    assert "Until" in desk(slack, do="nothing", channel=posted["channel"])
    desk(slack, do="submit", view=view, user="U0002", **{"v.at": "1800000001"})
    assert "1800000001" in app.seen[-1][1].decode()
    app.answer = b"all is well"
    assert "all is well" in desk(slack, do="command", text="status", channel=posted["channel"], user="U0001")
    for form in ({"do": "click", "channel": "C9", "ts": "1", "action": "a"}, {"do": "submit", "view": "V9"}, {}):
        desk(slack, **form)
    assert len(app.seen) == 3


def test_a_slash_command_shows_its_answer(app: App, slack: FakeSlack) -> None:
    slack.gestures.target = Target(app.url, app.url)
    app.answer = b'{"response_type": "ephemeral", "text": "all is well"}'
    assert slack.gestures.command("status", slack.world.users["U0002"]).data["text"] == "all is well"
    assert (slack.world.messages[-1].only_for, slack.parents("data-alerts")) == ("U0002", [])


def test_socket_mode_and_a_cut_line(slack: FakeSlack, client: WebClient) -> None:
    client.chat_postMessage(channel="#data-alerts", text="x", blocks=BLOCKS)
    (message,) = slack.parents("data-alerts")
    seen: list[str] = []

    def listen(socket: Any, request: Any) -> None:
        seen.append(request.payload["actions"][0]["action_id"])
        socket.send_socket_mode_response(SocketModeResponse(request.envelope_id, {"text": "ok"}))

    socket = SocketModeClient("xapp-fake", web_client=client, ping_interval=0.2)
    socket.socket_mode_request_listeners.append(listen)
    try:
        socket.connect()
        assert slack.sockets.wait_for_app()
        assert slack.gestures.click(message, "ack", slack.world.users["U0001"]).data == {"text": "ok"}
        slack.sockets.drop()
        assert slack.sockets.wait_for_app()
        assert slack.gestures.click(message, "ack", slack.world.users["U0001"]).status == 200
    finally:
        hang_up(socket)
    assert seen == ["ack", "ack"]


def test_the_page_shows_what_people_see(slack: FakeSlack, client: WebClient, tmp_path: Path) -> None:
    client.chat_postMessage(channel="#data-alerts", text="x", blocks=BLOCKS)
    slack.write_page(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<b>bold</b>" in page
    assert '<span class="mention">@Dana Fox</span>' in page
    assert "&lt;!channel&gt;" in page
    assert "mention loud" not in page.partition("</style>")[2]
    assert "Snooze…" in page


def test_the_module_serves_a_page_until_it_is_ended() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "datasync.testing.slack", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = re.search(r"http://\S+", process.stdout.readline())
            assert url
            with build_opener(ProxyHandler({})).open(url[0], timeout=10) as response:
                assert b"data-alerts" in response.read()
        finally:
            process.terminate()
