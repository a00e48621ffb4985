"""A delivery in, a message posted or updated in Slack and its address out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datasync.alerts.message import Delivered, Delivery
from datasync.alerts.slack_blocks import SlackMessage, card_message, note_message, thread_message
from datasync.alerts.slack_client import TOO_MUCH, Pace, SlackRefused, open_client, translated
from datasync.alerts.slack_people import SlackPeople
from datasync.alerts.slack_webhook import SlackWebhook, webhook_url
from datasync.errors import ConnectorError, PermanentError
from datasync.seams import Connection

if TYPE_CHECKING:
    from slack_sdk import WebClient

log = logging.getLogger("datasync")
GONE = ("message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found")
"""The parent is no longer there to be updated: a new one is written."""


def open_slack(connection: Connection, pace: Pace | None = None) -> SlackChannel | SlackWebhook:
    """Give the way into Slack that a connection allows.

    Args:
        connection: with a token: everything; with only an incoming webhook's URL: state changes as new messages, no buttons.
        pace: shared with others that post; without: its own.

    Raises:
        PermanentError: it has neither.
    """
    url = webhook_url(connection)
    return SlackWebhook(url) if url else SlackChannel(connection, pace)


class SlackChannel:
    """Slack by its Web API: one message per contract, kept up to date, with a thread.

    Args:
        connection: token in `password`; `extra`: base_url, channel.
    """

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        self.client: WebClient = open_client(connection)
        self._default = str(connection.extra.get("channel") or "")
        self._people = SlackPeople(self.client)
        self._pace = pace or Pace()
        self._names: dict[str, str] = {}

    def deliver(self, delivery: Delivery) -> Delivered:
        """Update the contract's message and answer below it, or write a new one.

        Sending the same delivery twice changes a message that is there into the same again, and repeats a thread's entry with the
        same key in its metadata.

        Raises:
            TransientError: try again later.
            PermanentError: nobody can be reached there until somebody changes something.
        """
        if delivery.note is not None:
            mention = self._people.mention(delivery.note.owner) if delivery.note.mention else ""
            self._post(self._channel(delivery), note_message(delivery.note, mention), delivery.key)
            return Delivered()
        assert delivery.card is not None, "a delivery has a card or a note"
        mention = self._people.mention(delivery.card.owner) if delivery.card.mention else ""
        message = card_message(delivery.card, mention)
        ref = dict(delivery.thread.ref) if delivery.thread is not None else {}
        if ref and self._update(ref, message, delivery.key):
            self._answer(delivery, ref, mention)
            return Delivered(ref)
        ref = self._post(self._channel(delivery), message, delivery.key)
        try:
            self._answer(delivery, ref, mention)
        except ConnectorError as error:
            # The message says how things are; trying again would write it twice.
            log.warning("an entry below a new message is lost: %s", error.message)
        return Delivered(ref)

    def _channel(self, delivery: Delivery) -> str:
        channel = delivery.destination or self._default
        if not channel:
            raise PermanentError(
                "no Slack channel is named", code="E_SLACK_CHANNEL",
                hint="alerts: to: ['#channel'], owner.slack, or extra.channel of the connection",
            )  # fmt: skip
        return channel

    def _answer(self, delivery: Delivery, ref: Mapping[str, str], mention: str) -> None:
        if delivery.posts:
            self._post(ref["channel"], thread_message(delivery.posts, mention), delivery.key, thread_ts=ref["ts"])

    def _post(self, channel: str, message: SlackMessage, key: str, **more: Any) -> dict[str, str]:
        """Post, joining a public channel first where that is all that is missing."""
        # A channel is routed to by name and answered in by id: both are one place.
        with self._pace.turn(self._names.get(channel, channel)):
            try:
                ref = self._send("chat.postMessage", message, key, channel=channel, **more)
            except SlackRefused as refused:
                if refused.answer != "not_in_channel" or not self._join(channel):
                    raise
                ref = self._send("chat.postMessage", message, key, channel=channel, **more)
        self._names.setdefault(ref["channel"], channel)
        return ref

    def _update(self, ref: Mapping[str, str], message: SlackMessage, key: str) -> bool:
        """Update a message; False when it is gone."""
        try:
            self._send("chat.update", message, key, channel=ref["channel"], ts=ref["ts"])
        except SlackRefused as refused:
            if refused.answer in GONE:
                return False
            raise
        return True

    def _send(self, method: str, message: SlackMessage, key: str, **where: Any) -> dict[str, str]:
        metadata = {"event_type": "datasync_alert", "event_payload": {"key": key}}
        call = self.client.chat_update if method == "chat.update" else self.client.chat_postMessage
        quiet = {} if method == "chat.update" else {"unfurl_links": False, "unfurl_media": False}
        content: dict[str, Any] = {"text": message.text, "metadata": metadata, **where, **quiet}
        try:
            with translated(method):
                done = call(blocks=list(message.blocks), **content)
        except SlackRefused as refused:
            if refused.answer not in TOO_MUCH:
                raise
            log.warning("a message went out as text alone: %s", refused)
            with translated(method):
                done = call(blocks=[], **content)
        return {"channel": str(done["channel"]), "ts": str(done["ts"])}

    def _join(self, name: str) -> bool:
        """Join a public channel by its name or id; False when that is not possible."""
        try:
            with translated("conversations.list"):
                pages = self.client.conversations_list(exclude_archived=True, limit=200)
                channels = (channel for page in pages for channel in page["channels"])
                wanted = (name, name.removeprefix("#"))
                found = next((one["id"] for one in channels if one["id"] in wanted or one["name"] in wanted), None)
            if found is None:
                return False
            with translated("conversations.join"):
                self.client.conversations_join(channel=found)
        except ConnectorError as error:
            log.info("the channel cannot be joined: %s", error.message)
            return False
        return True
