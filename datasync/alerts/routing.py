"""A contract's alerts, its owner and the time in, the places a message goes to and when it may out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from datasync.contract.alerting import Mute, Owner

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Route:
    """One place.

    Attributes:
        channel: slack or email.
        destination: `#channel` or an address; empty is the connection's default.
    """

    channel: str
    destination: str = ""


def routes(to: Iterable[str], owner: Owner | None) -> tuple[Route, ...]:
    """Resolve `alerts[].to`.

    Args:
        to: slack, email, both, `#channel` or an address.
        owner: whose channel and address `slack` and `email` mean.

    Returns:
        Each place once, in the order given.
    """
    found: dict[Route, None] = {}
    for name in to:
        if name.startswith("#"):
            found[Route("slack", name)] = None
        elif "@" in name:
            found[Route("email", name)] = None
        else:
            for channel in ("slack", "email") if name == "both" else (name,):
                found[Route(channel, getattr(owner, channel, None) or "")] = None
    return tuple(found)


def muted_until(mutes: Sequence[Mute], now: datetime, zone: str) -> datetime | None:
    """Tell until when nothing may be sent.

    Args:
        mutes: local times of day, `HH:MM-HH:MM`; one that ends before it begins goes over midnight and belongs to the day it
            begins on.
        now: aware.
        zone: IANA zone of the times.

    Returns:
        The end of the window that now lies in, UTC; None outside all of them. Windows that follow each other are one.
    """
    end: datetime | None = None
    for _ in range(len(mutes) * 8):
        at = end or now
        ends = [until for mute in mutes if (until := _window_end(mute, at, ZoneInfo(zone))) is not None]
        if not ends:
            break
        end = max(ends)
    return end


def _window_end(mute: Mute, now: datetime, zone: ZoneInfo) -> datetime | None:
    first, _, last = mute.between.partition("-")
    begin, finish = time.fromisoformat(first), time.fromisoformat(last)
    local = now.astimezone(zone)
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        if mute.days and DAYS[day.weekday()] not in mute.days:
            continue
        start = datetime.combine(day, begin, zone)
        over = timedelta(days=1) if finish <= begin else timedelta()
        until = datetime.combine(day + over, finish, zone)
        if start.astimezone(UTC) <= now < until.astimezone(UTC):
            return until.astimezone(UTC)
    return None
