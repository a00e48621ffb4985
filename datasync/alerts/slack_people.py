"""An owner in, the mention that calls them in Slack out; what was looked up is kept for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from datasync.alerts.message import OwnerFacts
from datasync.alerts.slack_client import translated
from datasync.errors import ConnectorError

if TYPE_CHECKING:
    from slack_sdk import WebClient

log = logging.getLogger("datasync")
KEEP = 3600.0
"""Seconds for which a person or group is taken as known, or as unknown."""


class SlackPeople:
    """Looks people and groups up; one that cannot be found is simply not mentioned: the message must go out.

    Args:
        client: needs the scopes users:read.email and usergroups:read.
        clock: seconds.
    """

    def __init__(self, client: WebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._known: dict[str, tuple[float, str]] = {}

    def mention(self, owner: OwnerFacts) -> str:
        """Give the mrkdwn that calls an owner: the person with their address, else the group of their handle or team.

        Returns:
            `<@U…>`, `<!subteam^S…>`, or an empty text.
        """
        if owner.email and (user := self._kept(f"user {owner.email}", lambda: self._user(owner.email))):
            return f"<@{user}>"
        handles = [owner.slack.removeprefix("@")] if owner.slack.startswith("@") else []
        for handle in [*handles, owner.team]:
            if handle and (group := self._kept(f"group {handle}", lambda handle=handle: self._group(handle))):  # type: ignore[misc]
                return f"<!subteam^{group}>"
        return ""

    def _kept(self, name: str, look: Callable[[], str]) -> str:
        until, found = self._known.get(name, (0.0, ""))
        if self._clock() < until:
            return found
        try:
            found = look()
        except ConnectorError as error:
            # A missing scope, a stranger, a bad moment: none is a reason not to send.
            log.info("nobody is mentioned: %s", error.message)
            found = ""
        self._known[name] = (self._clock() + KEEP, found)
        return found

    def _user(self, email: str) -> str:
        with translated("users.lookupByEmail"):
            return str(self._client.users_lookupByEmail(email=email)["user"]["id"])

    def _group(self, handle: str) -> str:
        with translated("usergroups.list"):
            groups = self._client.usergroups_list()["usergroups"]
        return next((str(group["id"]) for group in groups if group["handle"] == handle), "")
