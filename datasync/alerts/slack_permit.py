"""A connection's allow-lists in, whether a gesture counts and where an answer may be sent out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from datasync.alerts.interactions import Gesture
from datasync.seams import Connection

SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")


@dataclass(frozen=True, slots=True)
class Permit:
    """Who may act.

    Attributes:
        teams, channels, users: ids that are allowed; None allows every one that Slack signs for this app.
        answers: (scheme, host, port) of a Slack reached by another address, to which answers may go too.
    """

    teams: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    users: frozenset[str] | None = None
    answers: tuple[str, str, int | None] | None = None

    def refusal(self, gesture: Gesture) -> str:
        """Say why a gesture does not count; empty when it does."""
        for what, allowed, found in (
            ("workspace", self.teams, gesture.team),
            ("channel", self.channels, gesture.channel),
            ("user", self.users, gesture.user),
        ):
            if allowed is not None and found not in allowed:
                return f"this {what} may not act on incidents of this datasync"
        return ""

    def may_answer(self, url: str) -> bool:
        """Tell whether a response_url leads to Slack: a forged one would make us post to whoever it names."""
        try:
            parts = urlsplit(url)
            place = (parts.scheme, parts.hostname or "", parts.port)
        except ValueError:
            return False
        if parts.username or parts.password:
            return False
        return place == self.answers or (place[0] == "https" and place[1] in SLACK_HOSTS and place[2] in (None, 443))


def permit(connection: Connection) -> Permit:
    """Read the allow-lists of a connection's extra: allow_teams, allow_channels, allow_users, each a list or `a,b`."""
    extra = connection.extra
    return Permit(
        _ids(extra, "allow_teams"), _ids(extra, "allow_channels"), _ids(extra, "allow_users"), _place(extra.get("base_url"))
    )


def _ids(extra: Mapping[str, Any], name: str) -> frozenset[str] | None:
    found = extra.get(name)
    if found is None:
        return None
    words = found.split(",") if isinstance(found, str) else found if isinstance(found, list | tuple) else [found]
    return frozenset(str(word).strip() for word in words if str(word).strip())


def _place(base_url: Any) -> tuple[str, str, int | None] | None:
    if not base_url:
        return None
    parts = urlsplit(str(base_url))
    return parts.scheme, parts.hostname or "", parts.port
