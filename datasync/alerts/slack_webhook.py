"""A delivery in, a new message by an incoming webhook out: what changed, without buttons, threads or updates."""

from __future__ import annotations

from typing import Any

from datasync.alerts.message import Delivered, Delivery
from datasync.alerts.slack_blocks import SlackMessage, card_message, note_message, thread_message
from datasync.alerts.slack_client import TOO_MUCH, Pace, SlackRefused, limited, open_webhook, translated
from datasync.alerts.slack_text import context, escape, literal
from datasync.errors import TransientError
from datasync.seams import Connection


def webhook_url(connection: Connection) -> str:
    """Give a connection's webhook; empty when it has a token, which can do more.

    Args:
        connection: `extra.webhook_url` without a password, or Airflow's Slack Incoming Webhook: host and token.
    """
    if connection.kind == "slackwebhook":
        secret, host = connection.password, connection.host.rstrip("/")
        if secret.startswith(("https://", "http://")):
            return secret
        base = host if "://" in host else f"https://{host or 'hooks.slack.com/services'}"
        return f"{base}/{secret.lstrip('/')}" if secret else ""
    return "" if connection.password else str(connection.extra.get("webhook_url") or "")


class SlackWebhook:
    """Slack by an incoming webhook, whose channel is fixed and which gives no address back.

    Args:
        url: a secret.
    """

    def __init__(self, url: str) -> None:
        self._client = open_webhook(url)
        self._pace = Pace()

    def deliver(self, delivery: Delivery) -> Delivered:
        """Write what changed as a new message.

        Raises:
            TransientError: try again later.
            PermanentError: the webhook is gone, or its channel is.
        """
        with self._pace.turn("webhook"):
            self._send(_message(delivery), delivery.key)
        return Delivered()

    def _send(self, message: SlackMessage, key: str) -> None:
        try:
            self._try(message, key)
        except SlackRefused as refused:
            if refused.answer not in TOO_MUCH or not message.blocks:
                raise
            self._try(SlackMessage(message.text), key)

    def _try(self, message: SlackMessage, key: str) -> None:
        metadata = {"event_type": "datasync_alert", "event_payload": {"key": key}}
        blocks: list[Any] = list(message.blocks)
        with translated("the webhook"):
            done = self._client.send(text=message.text, blocks=blocks or None, metadata=metadata, unfurl_links=False)
        if done.status_code == 429:
            raise limited("the webhook", done.headers)
        if done.status_code >= 500:
            raise TransientError(f"Slack fails at the webhook: {done.status_code}", code="E_SLACK_UNREACHABLE")
        if done.status_code != 200:
            raise SlackRefused("the webhook", done.body[:60] if done.body.replace("_", "").isalpha() else str(done.status_code))


def _message(delivery: Delivery) -> SlackMessage:
    """Say what changed since the last message; the whole card where there was none."""
    if delivery.note is not None:
        return note_message(delivery.note)
    assert delivery.card is not None, "a delivery has a card or a note"
    if delivery.thread is None or not delivery.posts:
        return card_message(delivery.card, interactive=False)
    news = thread_message(delivery.posts)
    about = context(f"*{escape(delivery.card.contract)}* · {literal(delivery.card.verdict, 500)}")
    return SlackMessage(f"{delivery.card.contract}: {news.text}", [*news.blocks, about])
