"""Cards, notes and posts that tests of Slack share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from datasync.alerts.message import Card, Delivery, Line, Note, OwnerFacts, Post
from datasync.seams import Connection
from datasync.testing.slack import FakeSlack

AT = datetime(2026, 11, 24, 1, 2, tzinfo=UTC)
HOSTILE = (
    "<!channel>", "<@U0001>", "<https://evil.example|click>", "`code` ```pre```", "*bold* _italic_ ~gone~", ":boom: :100:", "> quoted",
    "\u202egnp.exe", "a\u200bb\u2066c", "one\ntwo\r\nthree\u2028four", "{{7*7}} {x.__class__} %s ${HOME}", "https://evil.example",
    "&lt;!here&gt; & <!here>", "\x00\x07", "\ud800", "*", "`", "x" * 100_000,
)  # fmt: skip
OWNER = OwnerFacts("data-platform", "Dana Fox", "#data-orders", "dana@example.com")


def line(number: int = 7, **more: Any) -> Line:
    known: dict[str, Any] = {
        "failed": 449, "evaluated": 9994, "share": "4.5 %", "expected": "matches ^[0-9]{5}$", "first_seen": AT, "occurrences": 3,
        "samples": ("9999", "aaaa-9"), "place": "orders.yaml:12",
    } | more  # fmt: skip
    return replace(Line(number, "postal_code.pattern", "prepared", "matches ^[0-9]{5}$", "error", "open"), **known)


LINES = (
    line(),
    Line(
        8, "count.min", "staged", "a thousand orders a day", "error", "acknowledged", "acknowledged by kim", 1, 1, "", "at least 1,000", "12", AT,
        1, (), ("count.drift",), "kim", "orders.yaml:40",
    ),
    line(9, check="profit_within_sales", promise="profit <= sales", severity="warn", state="snoozed", state_words="snoozed by dana until 2026-11-25 10:00:00 UTC", failed=2, share="0.02 %"),
)  # fmt: skip


def card(*lines: Line, **more: Any) -> Card:
    known: dict[str, Any] = {
        "description": "Orders of the shop", "owner": OWNER, "mention": True, "lines": lines or LINES,
        "figures": (("rows", "9,994 extracted · 449 quarantined · 9,545 accepted · 0 published"), ("took", "0.2 s")),
        "done": ("blocked", "449 rows set aside", "target unchanged since 2026-11-23 21:43:07 UTC"),
        "links": {"report": "https://datasync.example.com/runs/r3", "run": "datasync report r3 --open"},
        "actions": ("acknowledge", "snooze", "assign", "resolve", "rows", "rerun"),
    } | more  # fmt: skip
    verdict = "Blocked at gate prepared: 2 of 38 checks failed. 449 rows set aside. The target is unchanged."
    return replace(Card("orders", "1.0.0", "r3", "failed", verdict, AT), **known)


RECOVERED = card(
    line(state="resolved", state_words="met again"), status="passed", resolved=True, actions=(), mention=False,
    verdict="Passed: 38 checks judged. 9,994 rows published.", done=("9,994 rows published",),
)  # fmt: skip
HELD = card(line(), status="held", actions=("acknowledge", "snooze", "assign", "resolve", "rows", "release", "reject"))
NOTE = Note("orders", "r3", "Large batch: 1,000,001 rows", "warn", AT, OWNER, True, (("rows", "1,000,001 extracted"),))
POSTS = (
    Post("repeated", "postal_code.pattern is still broken, 3rd run: 449 of 9,994 rows (4.5 %)", (7,), AT),
    Post("acknowledged", "kim acknowledged count.min", (8,), AT),
    Post("recovered", "count.min is met again", (8,), AT),
)


def hostile_card() -> Card:
    """A card whose every text is hostile."""
    lines = tuple(
        Line(
            number,
            text,
            "prepared",
            text,
            "error",
            "open",
            text,
            1,
            2,
            "50 %",
            text,
            text,
            AT,
            2,
            (text,) * 5,
            (text,),
            text,
            text,
            text,
        )
        for number, text in enumerate(HOSTILE)
    )
    return card(
        *lines, description=HOSTILE[0] * 50, params=HOSTILE[1], notes=HOSTILE, done=HOSTILE, verdict=" ".join(HOSTILE),
        owner=OwnerFacts(*HOSTILE[:4]), figures=tuple(zip(HOSTILE, HOSTILE, strict=True)), links=dict(zip(HOSTILE, HOSTILE, strict=True)),
    )  # fmt: skip


def delivery(key: str = "r3/slack/default", destination: str = "", **more: Any) -> Delivery:
    return Delivery(key, destination, **({"card": card()} if "note" not in more else {}) | more)


def connection(slack: FakeSlack, **extra: Any) -> Connection:
    known = {
        "base_url": slack.api_url,
        "channel": "#data-alerts",
        "signing_secret": "fake-signing-secret",
        "app_token": "xapp-fake",
    }
    return Connection("slack_default", "slack", password="xoxb-fake", extra=known | extra)
