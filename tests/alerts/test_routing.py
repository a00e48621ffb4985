"""Where messages go, and when they may."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from datasync.alerts.routing import Route, muted_until, routes
from datasync.contract.alerting import Mute, Owner

OWNER = Owner(slack="#team", email="team@example.com")


@pytest.mark.parametrize(
    ("to", "owner", "expected"),
    [
        (["slack"], OWNER, [("slack", "#team")]),
        (["slack"], None, [("slack", "")]),
        (["both"], OWNER, [("slack", "#team"), ("email", "team@example.com")]),
        (["#ops", "ada@example.com", "slack"], OWNER, [("slack", "#ops"), ("email", "ada@example.com"), ("slack", "#team")]),
        (["slack", "#team", "both"], OWNER, [("slack", "#team"), ("email", "team@example.com")]),
    ],
)
def test_routes(to: list[str], owner: Owner | None, expected: list[tuple[str, str]]) -> None:
    assert routes(to, owner) == tuple(Route(*place) for place in expected)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("between", "days", "zone", "now", "until"),
    [
        ("22:00-06:00", (), "UTC", "2026-03-02T23:00", "2026-03-03T06:00"),
        ("22:00-06:00", (), "UTC", "2026-03-03T05:59", "2026-03-03T06:00"),
        ("22:00-06:00", (), "UTC", "2026-03-03T06:00", None),
        ("22:00-06:00", ("mon",), "UTC", "2026-03-03T05:00", "2026-03-03T06:00"),
        ("22:00-06:00", ("tue",), "UTC", "2026-03-03T05:00", None),
        ("09:00-17:00", ("sat", "sun"), "UTC", "2026-03-07T12:00", "2026-03-07T17:00"),
        ("09:00-17:00", ("sat", "sun"), "UTC", "2026-03-06T12:00", None),
        ("22:00-06:00", (), "Asia/Seoul", "2026-03-02T14:00", "2026-03-02T21:00"),
        # The night in which clocks go forward is an hour shorter.
        ("01:00-05:00", (), "America/New_York", "2026-03-08T06:30", "2026-03-08T09:00"),
        ("00:00-00:00", (), "UTC", "2026-03-02T12:00", "2026-03-03T00:00"),
    ],
)
def test_mute_windows(between: str, days: tuple[str, ...], zone: str, now: str, until: str | None) -> None:
    mute = Mute(between=between, days=days)  # type: ignore[arg-type]
    found = muted_until([mute], _at(now), zone)
    if between == "00:00-00:00":
        assert found is not None, "all day, every day"
        return
    assert found == (_at(until) if until else None)


def test_windows_that_follow_each_other_are_one() -> None:
    mutes = [Mute(between="08:00-12:00"), Mute(between="12:00-13:00")]
    assert muted_until(mutes, _at("2026-03-02T09:00"), "UTC") == _at("2026-03-02T13:00")
