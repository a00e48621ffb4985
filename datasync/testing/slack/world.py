"""People, channels and messages of a made-up Slack workspace in, the same after each call out; memory only."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

BOT = "U0BOT"
"""The app's own user."""


class SlackRefusal(Exception):
    """An answer `{"ok": false, "error": code}`.

    Args:
        code: as Slack spells it.
        details: `response_metadata.messages`: what exactly is wrong.
    """

    def __init__(self, code: str, *details: str) -> None:
        super().__init__(": ".join([code, *details]))
        self.code = code
        self.details = details


@dataclass(slots=True)
class User:
    """A person of the workspace."""

    id: str
    name: str
    real_name: str
    email: str


@dataclass(slots=True)
class Group:
    """A user group, which a message can mention."""

    id: str
    handle: str
    name: str


@dataclass(slots=True)
class Channel:
    """A channel; the app may write to it only where it is a member."""

    id: str
    name: str
    member: bool = True
    archived: bool = False
    private: bool = False


@dataclass(slots=True)
class Message:
    """A message as it stands now.

    Attributes:
        edits: how often it was changed; edited: when it was last.
        only_for: the one user who sees it; empty: everybody.
        via: bot, webhook, answer (a response_url or a slash command's answer) or user.
        history: text and blocks as they were before each edit, oldest first.
    """

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    thread_ts: str = ""
    broadcast: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    edits: int = 0
    edited: str = ""
    only_for: str = ""
    via: str = "bot"
    history: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Give it as the Web API does."""
        found: dict[str, Any] = {
            "type": "message", "user": self.user, "ts": self.ts, "text": self.text, "blocks": self.blocks,
            "team": "T0FAKE", "bot_id": "B0BOT", "app_id": "A0FAKE",
        }  # fmt: skip
        if self.thread_ts:
            found["thread_ts"] = self.thread_ts
        if self.edited:
            found["edited"] = {"user": self.user, "ts": self.edited}
        if self.metadata:
            found["metadata"] = dict(self.metadata)
        return found


@dataclass(slots=True)
class View:
    """A modal; `below` is the id of the one it was pushed upon."""

    id: str
    user: str
    content: dict[str, Any]
    below: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give it as the Web API does."""
        return {**self.content, "id": self.id, "team_id": "T0FAKE", "hash": f"{self.id}.1", "app_id": "A0FAKE",
                "root_view_id": self.id, "previous_view_id": self.below or None, "state": {"values": {}}}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """One request that came in: the method or path, its arguments, and the HTTP status and error it was answered with."""

    at: float
    method: str
    arguments: Mapping[str, Any]
    status: int
    error: str = ""


@dataclass(slots=True)
class World:
    """One workspace.

    Attributes:
        clock: seconds since 1970; tests give their own.
        tokens: token to what it is: ok, revoked or inactive.
        triggers: trigger id to the user it was given to and when; good for three seconds, once.
        answers: response_url token to (channel, message, user); answered: how often it was used.
        webhooks: path to channel.
    """

    clock: Callable[[], float] = time.time
    team: str = "T0FAKE"
    domain: str = "example"
    tokens: dict[str, str] = field(default_factory=lambda: {"xoxb-fake": "ok", "xapp-fake": "ok"})
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)
    triggers: dict[str, tuple[str, float]] = field(default_factory=dict)
    answers: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)
    webhooks: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def add_user(self, name: str, email: str, real_name: str = "") -> User:
        """Let a person in."""
        user = User(f"U{len(self.users) + 1:04d}", name, real_name or name.title(), email)
        self.users[user.id] = user
        return user

    def add_group(self, handle: str, name: str = "") -> Group:
        """Make a user group."""
        group = Group(f"S{len(self.groups) + 1:04d}", handle, name or handle.title())
        self.groups[group.id] = group
        return group

    def add_channel(self, name: str, **facts: bool) -> Channel:
        """Make a channel; facts: member, archived, private."""
        channel = Channel(f"C{len(self.channels) + 1:04d}", name, **facts)
        self.channels[channel.id] = channel
        return channel

    def add_webhook(self, channel: str) -> str:
        """Make an incoming webhook for a channel's name; gives its path."""
        path = f"/services/{self.team}/B{len(self.webhooks) + 1:04d}/{secrets.token_hex(12)}"
        self.webhooks[path] = self.channel(channel).id
        return path

    def channel(self, name: str) -> Channel:
        """Find a channel by id or name, with or without `#`."""
        bare = name.removeprefix("#")
        for channel in self.channels.values():
            if bare in (channel.id, channel.name):
                return channel
        raise SlackRefusal("channel_not_found")

    def next_ts(self) -> str:
        """Give a timestamp that no message has."""
        return f"{int(self.clock())}.{next(self._numbers):06d}"

    def next_id(self, letter: str) -> str:
        """Give an id that nothing has."""
        return f"{letter}{next(self._numbers):08d}"

    def trigger(self, user: str) -> str:
        """Give a trigger id for a gesture of a user."""
        name = f"{next(self._numbers)}.{secrets.token_hex(8)}"
        self.triggers[name] = (user, self.clock())
        return name

    def find(self, channel: str, ts: str) -> Message:
        """Find a message.

        Raises:
            SlackRefusal: message_not_found.
        """
        for message in self.messages:
            if (message.channel, message.ts) == (channel, ts):
                return message
        raise SlackRefusal("message_not_found")

    def shown(self, channel: str) -> list[Message]:
        """Give what stands in a channel itself: no thread replies but those that were broadcast."""
        here = self.channel(channel).id
        return [found for found in self.messages if found.channel == here and (not found.thread_ts or found.broadcast)]

    def replies(self, parent: Message) -> list[Message]:
        """Give what stands in a message's thread."""
        return [found for found in self.messages if found.channel == parent.channel and found.thread_ts == parent.ts]

    def post(self, message: Message) -> Message:
        """Put a message where it belongs."""
        self.messages.append(message)
        return message

    def edit(self, message: Message, text: str, blocks: list[dict[str, Any]], metadata: Mapping[str, Any] | None = None) -> None:
        """Change a message in place, keeping what it was."""
        message.history.append((message.text, message.blocks))
        message.text, message.blocks = text, blocks
        message.metadata = message.metadata if metadata is None else metadata
        message.edits += 1
        message.edited = self.next_ts()


def example() -> World:
    """Make the workspace that tests and the demo use: three people, a group, channels of every kind."""
    world = World()
    world.add_user("dana", "dana@example.com", "Dana Fox")
    world.add_user("kim", "kim@example.com", "Kim Seo-yeon")
    world.add_user("sam", "sam@example.com", "Sam Okoro")
    world.add_group("data-platform", "Data platform")
    world.add_channel("data-alerts")
    world.add_channel("data-orders")
    world.add_channel("strangers", member=False)
    world.add_channel("attic", archived=True)
    world.add_channel("secret", private=True, member=False)
    return world
