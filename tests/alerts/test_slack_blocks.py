"""What a message looks like, as golden Block Kit; that it is within Slack's limits and literal, whatever is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from datasync.alerts.slack_blocks import CHARACTERS, SlackMessage, card_message, note_message, size, thread_message
from datasync.alerts.slack_text import code, link, literal
from datasync.testing.slack.block_kit import check_message, texts
from datasync.testing.slack.mrkdwn import html
from datasync.testing.slack.world import example
from tests.alerts.slack_values import HELD, HOSTILE, LINES, NOTE, POSTS, RECOVERED, card, hostile_card, line

GOLDEN = Path(__file__).parent / "golden"
MESSAGES: dict[str, Callable[[], SlackMessage]] = {
    "violated": lambda: card_message(card(), "<@U0001>"),
    "webhook": lambda: card_message(card(), interactive=False),
    "held": lambda: card_message(HELD),
    "recovered": lambda: card_message(RECOVERED),
    "resolved_by_hand": lambda: card_message(replace(RECOVERED, status="failed")),
    "system_failed": lambda: card_message(card(line(gate="run", check="run.error", promise="", expected="", share="", samples=(), message="connection refused"), status="error")),
    "storm": lambda: card_message(card(*(line(number) for number in range(10_000)))),
    "note": lambda: note_message(NOTE, "<!subteam^S0001>"),
    "thread": lambda: thread_message(POSTS),
    "hostile": lambda: card_message(hostile_card()),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_are_as_they_were_approved(name: str, refresh_golden: bool) -> None:
    message = MESSAGES[name]()
    text = json.dumps({"text": message.text, "blocks": message.blocks}, indent=1, ensure_ascii=True) + "\n"
    path = GOLDEN / f"{name}.json"
    if refresh_golden:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "look at the change, then: pytest tests/alerts --refresh-golden"


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_are_within_the_limits_of_slack(name: str) -> None:
    message = MESSAGES[name]()
    check_message(message.text, message.blocks)
    assert size(message.blocks) <= CHARACTERS


def test_a_storm_says_how_many_it_does_not_list() -> None:
    blocks = MESSAGES["storm"]().blocks
    assert "and 9,990 more" in json.dumps(blocks, ensure_ascii=False)
    assert len(blocks) <= 50


def test_long_lines_leave_room_for_the_buttons() -> None:
    long = [line(number, promise="é" * 5000, message="x" * 5000, samples=("y" * 40,) * 5) for number in range(30)]
    message = card_message(card(*long))
    check_message(message.text, message.blocks)
    assert message.blocks[-1]["type"] == "actions"


def test_hidden_incidents_have_no_menu_and_resolved_ones_neither() -> None:
    assert not [block for block in card_message(RECOVERED).blocks if "accessory" in block or block["type"] == "actions"]
    assert not [
        block for block in card_message(card(), interactive=False).blocks if "accessory" in block or block["type"] == "actions"
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_stands(text: str) -> None:
    for shown in (literal(text), code(text)):
        assert not re.search(r"<[!@#]|[<>]", shown)
        drawn = html(shown, example())
        assert not re.search(r"<(?!/?code>|br>)", drawn), drawn
        assert not re.search("[\u200b\u202e\u2066\u2028\x00-\x1f\ud800]", shown)
        assert len(drawn) < 4000


def test_plain_words_stay_plain() -> None:
    for text in ("postal_code.pattern is still broken at 10:43:07", "a & b", "matches ^[0-9]{5}$", "필수 값 שלום"):
        assert "`" not in literal(text)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x|y>", "datasync report r --open", "https://x y", "file:///etc/passwd"]
)
def test_only_the_web_is_linked(url: str) -> None:
    assert not link(url, "report").startswith("<")
    assert link("https://a.example/?x=1&y=2", "re>port") == "<https://a.example/?x=1&amp;y=2|re&gt;port>"


def test_what_the_blocks_say_is_said_in_the_notification() -> None:
    assert "2 of 38 checks failed" in card_message(card()).text
    assert "postal_code.pattern" in thread_message(POSTS).text


def test_an_escalation_calls_the_owner_below_the_message() -> None:
    escalated = replace(POSTS[0], kind="escalated")
    assert "<@U0001>" in "".join(texts(thread_message([escalated], "<@U0001>").blocks))
    assert "<@U0001>" not in "".join(texts(thread_message(POSTS, "<@U0001>").blocks))


def test_a_long_thread_entry_shows_the_newest() -> None:
    posts = [replace(POSTS[0], text=f"{number} " + "x" * 390) for number in range(500)]
    message = thread_message(posts)
    check_message(message.text, message.blocks)
    said = "".join(texts(message.blocks))
    assert "480 earlier" in said
    assert "\n:arrows_counterclockwise: 499 x" in said


def test_the_menu_of_a_line_carries_its_own_number() -> None:
    blocks: list[Any] = [block for block in card_message(card()).blocks if "accessory" in block]
    assert [block["accessory"]["options"][0]["value"] for block in blocks] == [f"acknowledge|{one.incident}" for one in LINES]
