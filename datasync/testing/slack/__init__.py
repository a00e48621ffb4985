"""A made-up Slack on loopback: what an app sends in, what people would see and what they do about it out."""

from __future__ import annotations

from datasync.testing.slack.faults import DROP, HANG, LOSE_ANSWER, Fault, error, rate_limited, status
from datasync.testing.slack.gestures import Answered, Target
from datasync.testing.slack.server import FakeSlack
from datasync.testing.slack.world import Message, World, example

__all__ = [
    "DROP", "HANG", "LOSE_ANSWER", "Answered", "FakeSlack", "Fault", "Message", "Target", "World", "error", "example",
    "rate_limited", "status",
]  # fmt: skip
