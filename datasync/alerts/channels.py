"""A channel's name and a way to look connections up in, the channel that speaks to it out: one literal table."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from datasync.alerts.delivery import Channel
from datasync.errors import UnknownName
from datasync.seams import Connection

CHANNELS = {
    "email": ("datasync.alerts.email:EmailChannel", "smtp_default"),
    "slack": ("datasync.alerts.slack_channel:open_slack", "slack_default"),
}
"""name -> (class or function, id of the connection it signs in by)."""


def opener(lookup: Callable[[str], Connection]) -> Callable[[str], Channel]:
    """Give what opens channels by name; each is opened once.

    Args:
        lookup: gives a connection by id; raises PermanentError when there is none.
    """
    opened: dict[str, Channel] = {}

    def open_channel(name: str) -> Channel:
        if name not in CHANNELS:
            raise UnknownName("channel", name, CHANNELS)
        if name not in opened:
            where, connection = CHANNELS[name]
            module, _, kind = where.partition(":")
            opened[name] = cast(Channel, getattr(importlib.import_module(module), kind)(lookup(connection)))
        return opened[name]

    return open_channel
