"""What a person does in Slack in, the signed request or Socket Mode envelope that Slack would send out."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from datasync.testing.slack.methods import respond
from datasync.testing.slack.sockets import SocketLink
from datasync.testing.slack.world import Message, User, View, World

PATIENCE = 3.0
"""Seconds in which Slack wants an answer."""


@dataclass(frozen=True, slots=True)
class Target:
    """The app's end: where Slack sends gestures, and the secret it signs them with."""

    interactions: str = ""
    commands: str = ""
    secret: str = field(default="fake-signing-secret", repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What the app answered to a gesture.

    Attributes:
        status: HTTP status; 200 for an acknowledged envelope, 0 when nothing came in time.
        body: as sent; empty for a bare acknowledgement.
    """

    status: int
    body: str
    seconds: float

    @property
    def data(self) -> Any:
        """The body's JSON; an empty mapping when there is none."""
        return json.loads(self.body) if self.body.startswith("{") else {}


class Gestures:
    """People at their keyboards.

    Args:
        world: where they are.
        base: address of this Slack, for response_url.
        sockets: the way when `target` has no URL.

    Attributes:
        patience: seconds in which the app must answer: Slack's own, unless a busy machine is given more.
    """

    def __init__(self, world: World, base: str, sockets: SocketLink, target: Target) -> None:
        self.world, self._base, self._sockets = world, base, sockets
        self.target = target
        self.patience = PATIENCE
        # An app on loopback is not behind a proxy.
        self._opener = build_opener(ProxyHandler({}))

    def click(self, message: Message, action: str, user: User, *, value: str = "", block: str = "") -> Answered:
        """Press a button of a message, or choose `value` from a menu of it.

        Args:
            action: an action_id; block: its block_id, where several blocks have it.

        Raises:
            LookupError: the message has no such element, or no such choice.
        """
        return self.send(self.payload(message, action, user, value=value, block=block))

    def payload(self, message: Message, action: str, user: User, *, value: str = "", block: str = "") -> dict[str, Any]:
        """Give the interaction payload of a click, without sending it."""
        found, element = _element(message.blocks, action, block, value)
        channel = self.world.channels[message.channel]
        container = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": bool(message.only_for),
        }
        return {
            **self._common("block_actions", user), "container": container,
            "channel": {"id": channel.id, "name": channel.name}, "message": message.as_json(), "state": {"values": {}},
            "response_url": self._response_url(channel.id, message.ts, user), "actions": [_acted(found, element, value)],
        }  # fmt: skip

    def submit(self, view: View, user: User, values: Mapping[str, Any] | None = None) -> Answered:
        """Send a modal off.

        Args:
            values: action_id to what was entered; the rest keeps its initial value.
        """
        filled = _filled(view.content.get("blocks", ()), dict(values or {}))
        shown = {**view.as_json(), "state": {"values": filled}}
        answered = self.send({**self._common("view_submission", user), "view": shown, "response_urls": []})
        if answered.status == 200:
            self._after_submission(view, answered.data)
        return answered

    def command(self, text: str, user: User, channel: str = "data-alerts", name: str = "/datasync") -> Answered:
        """Type a slash command in a channel; its answer is shown there."""
        place = self.world.channel(channel)
        with self.world.lock:
            trigger = self.world.trigger(user.id)
        form = {
            "token": "unused", "team_id": self.world.team, "team_domain": self.world.domain, "channel_id": place.id,
            "channel_name": place.name, "user_id": user.id, "user_name": user.name, "command": name, "text": text,
            "api_app_id": "A0FAKE", "is_enterprise_install": "false", "trigger_id": trigger,
            "response_url": self._response_url(place.id, "", user),
        }  # fmt: skip
        if self.target.commands:
            answered = self.post(self.target.commands, urlencode(form))
        else:
            answered = self._by_socket("slash_commands", form)
        if answered.status == 200 and answered.body:
            found = answered.data or {"text": answered.body}
            with self.world.lock:
                respond(self.world, (place.id, "", user.id), found)
        return answered

    def send(self, payload: Mapping[str, Any]) -> Answered:
        """Send an interaction payload to the app, whatever is in it."""
        if self.target.interactions:
            return self.post(self.target.interactions, urlencode({"payload": json.dumps(payload)}))
        return self._by_socket("interactive", payload)

    def post(self, url: str, body: str, **headers: str) -> Answered:
        """Post a signed form; `headers` (with `_` for `-`) overrule what is sent, so that tests can sign wrongly."""
        stamp = headers.get("X_Slack_Request_Timestamp", str(int(self.world.clock())))
        known = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature(self.target.secret, stamp, body),
        }
        sent = known | {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(url, body.encode(), {name: value for name, value in sent.items() if value}, method="POST")  # noqa: S310
        began = time.monotonic()
        try:
            with self._opener.open(request, timeout=self.patience) as response:
                return Answered(response.status, response.read().decode(), time.monotonic() - began)
        except HTTPError as error:
            with error:
                return Answered(error.code, error.read().decode(), time.monotonic() - began)
        except (URLError, TimeoutError):
            return Answered(0, "", time.monotonic() - began)

    def _by_socket(self, kind: str, payload: Any) -> Answered:
        began = time.monotonic()
        done, found = self._sockets.send(kind, payload, self.patience)
        return Answered(200 if done else 0, json.dumps(found) if found else "", time.monotonic() - began)

    def _common(self, kind: str, user: User) -> dict[str, Any]:
        with self.world.lock:
            trigger = self.world.trigger(user.id)
        return {
            "type": kind, "team": {"id": self.world.team, "domain": self.world.domain}, "api_app_id": "A0FAKE",
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": self.world.team},
            "token": "unused", "trigger_id": trigger, "enterprise": None, "is_enterprise_install": False,
        }  # fmt: skip

    def _response_url(self, channel: str, ts: str, user: User) -> str:
        token = secrets.token_hex(12)
        self.world.answers[token] = (channel, ts, user.id)
        return f"{self._base}/response/{token}"

    def _after_submission(self, view: View, found: Mapping[str, Any]) -> None:
        """Close the modal, or do what the answer's response_action says."""
        action = found.get("response_action")
        with self.world.lock:
            if action in ("update", "push"):
                view.content = found["view"]
            elif action != "errors":
                self.world.views.pop(view.id, None)


def signature(secret: str, stamp: str, body: str) -> str:
    """Sign a request as https://docs.slack.dev/authentication/verifying-requests-from-slack says."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()


def elements(blocks: Any) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Give (block, element) for everything in blocks that can be acted on."""
    for block in blocks:
        if block.get("type") in ("actions", "context"):
            yield from ((block, element) for element in block["elements"] if "action_id" in element)
        for name in ("accessory", "element"):
            if name in block:
                yield block, block[name]


def _element(blocks: Any, action: str, block_id: str, value: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Find an element; of several menus with one action the one that offers the value."""
    known = []
    for block, element in elements(blocks):
        offered = [option["value"] for option in element.get("options", ())]
        if element["action_id"] == action and block_id in ("", block.get("block_id")) and (not offered or value in offered):
            return block, element
        known.append(f"{element['action_id']} {offered or ''}".strip())
    raise LookupError(f"the message has no element '{action}' {value}; it has {', '.join(known) or 'none'}")


def _acted(block: Mapping[str, Any], element: Mapping[str, Any], value: str) -> dict[str, Any]:
    acted = {"action_id": element["action_id"], "block_id": block.get("block_id", "b"), "type": element["type"],
             "action_ts": f"{time.time():.6f}"}  # fmt: skip
    if element["type"] == "button":
        return {**acted, "text": element["text"], "value": element.get("value", "")}
    return {**acted, "selected_option": next(option for option in element["options"] if option["value"] == value)}


_ENTERED = {"datetimepicker": "selected_date_time", "datepicker": "selected_date", "timepicker": "selected_time"}


def _filled(blocks: Any, values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    filled: dict[str, dict[str, Any]] = {}
    for block, element in elements(blocks):
        if block.get("type") != "input":
            continue
        kind, action = element["type"], element["action_id"]
        if kind in ("static_select", "radio_buttons"):
            offered = {option["value"]: option for option in element["options"]}
            chosen = offered[values[action]] if values.get(action) else element.get("initial_option")
            filled[block["block_id"]] = {action: {"type": kind, "selected_option": chosen}}
            continue
        key = _ENTERED.get(kind, "value")
        entered = values.get(action, element.get(f"initial_{key.removeprefix('selected_')}"))
        filled[block["block_id"]] = {action: {"type": kind, key: entered}}
    return filled
