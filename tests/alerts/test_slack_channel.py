"""Deliveries to the made-up Slack: one message kept up to date, its thread, what failures are called, and what a webhook can do."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from datasync.alerts.channels import opener
from datasync.alerts.message import Delivered, OwnerFacts
from datasync.alerts.slack_channel import SlackChannel, open_slack
from datasync.alerts.slack_client import PACE, Pace, SlackRefused
from datasync.alerts.slack_webhook import webhook_url
from datasync.errors import ConnectorError, PermanentError, TransientError
from datasync.history.outbox import Thread
from datasync.seams import Connection
from datasync.testing.slack import DROP, HANG, FakeSlack, Fault, error, rate_limited, status
from tests.alerts.slack_values import AT, LINES, NOTE, POSTS, RECOVERED, card, connection, delivery, line

AWAKE = Pace(sleep=lambda seconds: None)


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as fake:
        yield fake


def channel(slack: FakeSlack, **extra: Any) -> Any:
    return open_slack(connection(slack, **extra), AWAKE)


def thread(done: Delivered) -> Thread:
    return Thread("orders", "slack", "", AT, done.ref)


def test_one_message_lives_through_an_incident(slack: FakeSlack) -> None:
    sender = channel(slack)
    done = sender.deliver(delivery("k1"))
    again = sender.deliver(delivery("k2", card=card(LINES[0]), posts=POSTS, thread=thread(done)))
    sender.deliver(delivery("k3", card=RECOVERED, posts=(replace(POSTS[2], text="all is well"),), thread=thread(done)))
    assert again.ref == done.ref == {"channel": "C0001", "ts": slack.parents("data-alerts")[0].ts}
    (parent,) = slack.parents("data-alerts")
    assert parent.edits == 2
    assert "met again" in parent.text
    assert [reply.metadata["event_payload"] for reply in slack.world.replies(parent)] == [{"key": "k2"}, {"key": "k3"}]
    assert not any(reply.broadcast for reply in slack.world.replies(parent))


def test_sending_twice_shows_once(slack: FakeSlack) -> None:
    """Killed between sending and writing that down: an update is the same again, an entry is repeated with its key."""
    sender = channel(slack)
    done = sender.deliver(delivery("k1"))
    for _ in range(2):
        sender.deliver(delivery("k2", posts=POSTS[:1], thread=thread(done)))
    (parent,) = slack.parents("data-alerts")
    assert parent.blocks == parent.history[-1][1]
    assert {reply.metadata["event_payload"]["key"] for reply in slack.world.replies(parent)} == {"k2"}


def test_a_note_and_its_place(slack: FakeSlack) -> None:
    assert channel(slack).deliver(delivery(destination="#data-orders", note=NOTE)).ref == {}
    (message,) = slack.parents("data-orders")
    assert "1,000,001" in message.text
    with pytest.raises(PermanentError, match="no Slack channel is named"):
        channel(slack, channel="").deliver(delivery())


@pytest.mark.parametrize(
    ("owner", "mention"),
    [
        (OwnerFacts("retail", "Dana", "#data-orders", "dana@example.com"), "<@U0001>"),
        (OwnerFacts("data-platform", "", "", "nobody@example.com"), "<!subteam^S0001>"),
        (OwnerFacts("retail", "", "@data-platform", ""), "<!subteam^S0001>"),
        (OwnerFacts("<!channel>", "", "", ""), ""),
    ],
)
def test_who_is_called(slack: FakeSlack, owner: OwnerFacts, mention: str) -> None:
    sender = channel(slack)
    for _ in range(2):
        sender.deliver(delivery(card=card(owner=owner)))
    said = str(slack.parents("data-alerts")[0].blocks)
    assert mention in said
    assert "<!channel>" not in said
    assert len(slack.calls_of("users.lookupByEmail")) <= 1
    assert len(slack.calls_of("usergroups.list")) <= 1


def test_a_missing_scope_is_no_reason_not_to_send(slack: FakeSlack) -> None:
    slack.script.fail_next("users.lookupByEmail", error("missing_scope"))
    slack.script.fail_next("usergroups.list", error("missing_scope"))
    channel(slack).deliver(delivery())
    assert len(slack.parents("data-alerts")) == 1


@pytest.mark.parametrize(
    ("destination", "code"), [("#nowhere", "channel_not_found"), ("#attic", "is_archived"), ("#secret", "channel_not_found")]
)
def test_places_that_cannot_be_written_to(slack: FakeSlack, destination: str, code: str) -> None:
    with pytest.raises(SlackRefused, match=code) as caught:
        channel(slack).deliver(delivery(destination=destination))
    assert not caught.value.transient
    assert caught.value.hint


def test_a_public_channel_is_joined(slack: FakeSlack) -> None:
    channel(slack).deliver(delivery(destination="#strangers"))
    assert len(slack.parents("strangers")) == 1


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "account_inactive", "missing_scope", "restricted_action"])
def test_refusals_that_stay(slack: FakeSlack, code: str) -> None:
    slack.script.fail_next("chat.postMessage", error(code), times=9)
    with pytest.raises(PermanentError, match=code):
        channel(slack).deliver(delivery())
    assert len(slack.calls_of("chat.postMessage")) == 1


@pytest.mark.parametrize(
    "fault", [error("internal_error"), error("fatal_error"), status(500), status(502), status(503), DROP, rate_limited(3600)]
)
def test_failures_that_pass(slack: FakeSlack, fault: Fault) -> None:
    slack.script.fail_next("chat.postMessage", fault, times=9)
    with pytest.raises(TransientError) as caught:
        channel(slack).deliver(delivery())
    assert caught.value.retry_after == (3600 if fault.status == 429 else None)
    assert "xoxb" not in repr(caught.value)
    assert caught.value.__suppress_context__


def test_no_answer_at_all(slack: FakeSlack) -> None:
    sender: SlackChannel = channel(slack)
    sender.client.timeout = 1
    slack.script.fail_next("chat.postMessage", HANG, times=9)
    with pytest.raises(TransientError, match="no answer"):
        sender.deliver(delivery())


def test_nobody_listens() -> None:
    with FakeSlack() as gone:
        sender = channel(gone)
    with pytest.raises(TransientError, match="no answer"):
        sender.deliver(delivery())


def test_429_then_503_then_200(slack: FakeSlack) -> None:
    slack.script.fail_next("chat.postMessage", rate_limited(1), status(503))
    channel(slack).deliver(delivery())
    assert [call.status for call in slack.calls_of("chat.postMessage")] == [429, 503, 200]


@pytest.mark.parametrize("code", ["msg_too_long", "msg_blocks_too_long", "invalid_blocks"])
def test_what_slack_does_not_take_goes_out_as_text(slack: FakeSlack, code: str, caplog: pytest.LogCaptureFixture) -> None:
    slack.script.fail_next("chat.postMessage", error(code))
    with caplog.at_level(logging.WARNING, "datasync"):
        channel(slack).deliver(delivery())
    (message,) = slack.parents("data-alerts")
    assert message.blocks == []
    assert "2 of 38 checks failed" in message.text
    assert code in caplog.text


def test_a_message_that_somebody_deleted_is_written_anew(slack: FakeSlack) -> None:
    sender = channel(slack)
    done = sender.deliver(delivery())
    slack.world.messages.clear()
    anew = sender.deliver(delivery(thread=thread(done)))
    assert anew.ref["ts"] != done.ref["ts"]


def test_a_lost_entry_does_not_write_a_new_message_twice(slack: FakeSlack, caplog: pytest.LogCaptureFixture) -> None:
    slack.world.tokens["xoxb-fake"] = "ok"
    sender = channel(slack)
    original = sender._post

    def broken(place: str, message: Any, key: str, **more: Any) -> dict[str, str]:
        if more:
            raise TransientError("no answer")
        return original(place, message, key)  # type: ignore[no-any-return]

    sender._post = broken
    assert sender.deliver(delivery(posts=POSTS)).ref
    assert "is lost" in caplog.text


def test_a_storm_is_one_message(slack: FakeSlack) -> None:
    began = time.monotonic()
    channel(slack).deliver(delivery(card=card(*(line(number) for number in range(10_000)))))
    (message,) = slack.parents("data-alerts")
    assert "and 9,990 more" in str(message.blocks)
    assert len([call for call in slack.calls if call.method.startswith("chat.")]) == 1
    assert time.monotonic() - began < 5


def test_messages_keep_their_distance() -> None:
    now, slept = [100.0], list[float]()
    pace = Pace(lambda: now[0], slept.append)
    for place in ("a", "a", "b", "a"):
        with pace.turn(place):
            pass
    assert slept == [PACE, 2 * PACE]
    now[0] += 10
    with pace.turn("a"):
        now[0] += 5
    with pace.turn("a"):
        pass
    assert slept[2:] == [PACE]


def test_a_strict_slack_is_content_with_the_pace() -> None:
    with FakeSlack(pace=1.0) as strict:
        sender = open_slack(connection(strict))
        done = sender.deliver(delivery(destination="#data-alerts"))
        sender.deliver(delivery(destination="#data-alerts", posts=POSTS, thread=thread(done)))
        assert not [call for call in strict.calls if call.status == 429]


def webhook(slack: FakeSlack, name: str = "data-orders") -> Connection:
    return Connection("slack_default", "slack", extra={"webhook_url": slack.url + slack.world.add_webhook(name)})


def test_a_webhook_tells_changes_as_new_messages(slack: FakeSlack) -> None:
    sender = open_slack(webhook(slack))
    done = sender.deliver(delivery())
    assert done.ref == {}
    sender.deliver(delivery(posts=POSTS, thread=thread(done)))
    sender.deliver(delivery(note=NOTE))
    first, second, third = slack.parents("data-orders")
    assert "action_id" not in str([first.blocks, second.blocks, third.blocks])
    assert "2 of 38 checks failed" in first.text
    assert "kim acknowledged count.min" in second.text
    assert "1,000,001" in third.text


def test_a_token_after_a_webhook_writes_a_new_message(slack: FakeSlack) -> None:
    assert channel(slack).deliver(delivery(thread=thread(Delivered()))).ref


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(status(503), TransientError), (rate_limited(60), TransientError), (DROP, TransientError), (status(404), PermanentError)],
)
def test_a_webhook_that_fails(slack: FakeSlack, fault: Fault, kind: type[ConnectorError]) -> None:
    slack.script.fail_next("webhook", fault, times=9)
    with pytest.raises(kind) as caught:
        open_slack(webhook(slack)).deliver(delivery())
    assert "/services/" not in repr(caught.value)


def test_a_webhook_that_was_revoked(slack: FakeSlack) -> None:
    known = webhook(slack)
    slack.world.webhooks.clear()
    with pytest.raises(SlackRefused, match="no_service"):
        open_slack(known).deliver(delivery())


@pytest.mark.parametrize(
    ("known", "url"),
    [
        (
            Connection("s", "slackwebhook", "https://hooks.slack.com/services", password="T/B/x"),
            "https://hooks.slack.com/services/T/B/x",
        ),
        (
            Connection("s", "slackwebhook", password="https://hooks.slack.com/services/T/B/x"),
            "https://hooks.slack.com/services/T/B/x",
        ),
        (Connection("s", "slackwebhook", password="T/B/x"), "https://hooks.slack.com/services/T/B/x"),
        (Connection("s", "slack", extra={"webhook_url": "https://h/x"}), "https://h/x"),
        (Connection("s", "slack", password="xoxb", extra={"webhook_url": "https://h/x"}), ""),
    ],
)
def test_where_a_webhook_is(known: Connection, url: str) -> None:
    assert webhook_url(known) == url


def test_the_table_of_channels_knows_slack(slack: FakeSlack) -> None:
    opened = opener(lambda name: connection(slack) if name == "slack_default" else pytest.fail(name))
    assert isinstance(opened("slack"), SlackChannel)
    with pytest.raises(PermanentError, match="has no token"):
        opener(lambda name: Connection(name, "slack"))("slack")
