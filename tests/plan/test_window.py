"""Windows from watermarks, flags and clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from datasync.contract.loader import examine_text
from datasync.contract.types import parse_type
from datasync.errors import Refused, UsageError
from datasync.plan.window import (
    CursorFacts,
    automatic_window,
    check_append,
    check_history,
    cursor_facts,
    explicit_window,
    from_text,
    moved_watermark,
    parse_bound,
    split,
    to_text,
)
from datasync.seams import Commit, Window

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
INTEGER = CursorFacts("id", parse_type("int64"))
STAMP = CursorFacts("at", parse_type("timestamp[us, UTC]"), lag=timedelta(minutes=10))
DAY = CursorFacts("day", parse_type("date"), zone="Asia/Seoul")


@pytest.mark.parametrize(
    ("facts", "watermark", "greatest", "expected"),
    [
        (INTEGER, None, 3, Window(None, 4)),
        (INTEGER, 4, 9, Window(4, 10)),
        (INTEGER, 4, 2, Window(4, 4)),
        (INTEGER, 4, None, Window(4, 4)),
        (INTEGER, None, None, Window(None, -(2**63))),
        (CursorFacts("id", parse_type("int64"), start=7), None, 9, Window(7, 10)),
        (CursorFacts("id", parse_type("int64"), start=7, lag=2), 20, 30, Window(18, 31)),
        (CursorFacts("id", parse_type("int64"), start=7, lag=2), 8, 7, Window(7, 8)),
        (CursorFacts("id", parse_type("int64"), lag=2), -(2**63), None, Window(-(2**63), -(2**63))),
        (STAMP, NOON - timedelta(hours=1), None, Window(NOON - timedelta(minutes=70), NOON)),
        (DAY, None, None, Window(None, date(2026, 1, 31))),
        (DAY, date(2026, 1, 30), None, Window(date(2026, 1, 30), date(2026, 1, 31))),
    ],
)
def test_automatic(facts: CursorFacts, watermark: Any, greatest: Any, expected: Window) -> None:
    assert automatic_window(facts, watermark, NOON, greatest) == expected


def test_lag_never_goes_before_the_start() -> None:
    facts = CursorFacts("at", STAMP.kind, start=NOON - timedelta(minutes=5), lag=timedelta(minutes=10))
    assert automatic_window(facts, NOON - timedelta(minutes=2), NOON, None).start == NOON - timedelta(minutes=5)


@pytest.mark.parametrize(
    ("window", "watermark", "fallback", "moved"),
    [
        (Window(1, 5, True), 3, None, 5),
        (Window(1, 5, True), 5, None, None),
        (Window(6, 9, True), 5, None, None),
        (Window(5, 9, True), 5, None, 9),
        (Window(1, 5, True), None, None, None),
        (Window(1, 5, True), None, 1, 5),
        (Window(None, 4), None, None, 4),
        (Window(2, 4), 9, None, 9),
    ],
)
def test_watermark(window: Window, watermark: Any, fallback: Any, moved: Any) -> None:
    assert moved_watermark(window, watermark, fallback) == moved


def _commit(start: str | None, end: str, rows: int = 1) -> Commit:
    return Commit("r", "s", "t", 1, "append", rows, start, end)


def test_append_knows_its_windows() -> None:
    commits = (_commit("1", "5"), _commit("5", "9"))
    assert check_append(Window(1, 5), commits, INTEGER) is commits[0]
    assert check_append(Window(9, 12), commits, INTEGER) is None
    with pytest.raises(Refused) as refused:
        check_append(Window(4, 6), commits, INTEGER)
    assert refused.value.code == "E_OVERLAP"


def test_bounds_are_typed() -> None:
    assert parse_bound("2026-01-31T12:00:00", CursorFacts("c", parse_type("timestamp"), zone="Asia/Seoul")).hour == 3  # type: ignore[union-attr]
    assert from_text(to_text(NOON), STAMP) == NOON
    with pytest.raises(UsageError, match="no int64"):
        parse_bound("x", INTEGER)
    with pytest.raises(UsageError, match="go together"):
        explicit_window("1", None, INTEGER)
    with pytest.raises(UsageError, match="empty"):
        explicit_window("5", "5", INTEGER)


@pytest.mark.parametrize("every", ["-5", "0", "1d", "1.5", ""])
def test_a_step_that_leads_nowhere_is_refused(every: str) -> None:
    with pytest.raises(UsageError, match="--every") as caught:
        next(split(0, 10, every))
    assert "literal" not in caught.value.message


def test_intervals_are_split() -> None:
    assert [window.end for window in split(date(2026, 1, 1), date(2026, 1, 4), "2d")] == [date(2026, 1, 3), date(2026, 1, 4)]
    assert [window.start for window in split(0, 10, "4")] == [0, 4, 8]
    with pytest.raises(UsageError):
        list(split(date(2026, 1, 1), date(2026, 1, 4), "1h"))


def test_history_is_written_forwards() -> None:
    commits = (
        Commit("r1", "s", "t", 1, "scd2", 1, None, "10", watermark="10"),
        Commit("r2", "s", "t", 2, "scd2", 1, "10", "20", watermark="20"),
    )
    assert check_history(Window(15, 30, explicit=True), commits, INTEGER) is None
    assert check_history(Window(20, 20), commits, INTEGER) is None
    again = check_history(Window(10, 20, explicit=True), commits, INTEGER)
    assert again is not None
    assert again.run_id == "r2"
    for start, end in ((5, 20), (10, 19), (1, 5)):
        with pytest.raises(Refused) as behind:
            check_history(Window(start, end, explicit=True), commits, INTEGER)
        assert behind.value.code == "E_HISTORY"
    # Given windows alone moved no watermark: the last of them counts.
    given = (Commit("r1", "s", "t", 1, "scd2", 1, "50", "60"),)
    with pytest.raises(Refused):
        check_history(Window(10, 20, explicit=True), given, INTEGER)


@pytest.mark.parametrize(("lag", "kind", "refused"), [("1", "int64", False), ("1", "timestamp", True), ("10m", "int64", True)])
def test_lag_is_a_number_before_integers_and_a_duration_before_moments(lag: str, kind: str, refused: bool) -> None:
    text = f"""\
contract: moved
version: 1.0.0
source: {{type: mysql, connection: shop, table: t, cursor: {{column: at, lag: {lag}, timezone: UTC}}}}
columns: {{id: {{type: int64, key: true}}}}
"""
    loaded, _ = examine_text(text.encode(), Path("moved.yaml"))
    assert loaded is not None
    if not refused:
        found = cursor_facts(loaded.contract, parse_type(kind))
        assert found is not None
        assert found.lag == 1
        return
    with pytest.raises(UsageError) as caught:
        cursor_facts(loaded.contract, parse_type(kind))
    assert (caught.value.code, "number" in caught.value.hint) == ("E_CURSOR_TYPE", True)


def test_moments_that_the_source_keeps_as_text_are_no_cursor() -> None:
    text = """\
contract: moved
version: 1.0.0
source: {type: mysql, connection: shop, table: t, cursor: {column: at}}
columns: {id: {type: int64, key: true}, at: {type: timestamp}}
"""
    loaded, _ = examine_text(text.encode(), Path("moved.yaml"))
    assert loaded is not None
    contract = loaded.contract
    with pytest.raises(UsageError) as caught:
        cursor_facts(contract, parse_type("string"))
    assert (caught.value.code, "text in the source" in caught.value.message, "casts" in caught.value.hint) == (
        "E_CURSOR_TYPE", True, True,
    )  # fmt: skip
    # What has no types (SQLite's text, an API) is as the contract says.
    found = cursor_facts(contract, None)
    assert found is not None
    assert found.kind == parse_type("timestamp")
