"""Watermarks, flags and clocks in, half-open windows out; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from datasync.contract.model import Contract
from datasync.contract.scalars import parse_duration
from datasync.contract.types import DataType, Unit
from datasync.errors import Refused, UsageError
from datasync.plan.local_time import instant
from datasync.seams import Commit, Window, WindowValue

_GRAINS: dict[Unit, int] = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 1}
"""Microseconds of a unit."""
LEAST = -(2**63)
"""Below every integer that a column holds."""
LAG = "before an integer lag is a number, before dates and timestamps a duration"


@dataclass(frozen=True, slots=True)
class CursorFacts:
    """What windows need to know of a cursor.

    Attributes:
        column: its name in the source.
        kind: an integer, date or timestamp type.
        start: where the first run begins; None: at the beginning.
        lag: how far behind the watermark to read again; a number before an integer.
        zone: the zone that bounds written without one are in.
        grain: what the source keeps of a moment. Where that is not known, seconds: what an API or a text says, if in doubt.
    """

    column: str
    kind: DataType
    start: WindowValue | None = None
    lag: timedelta | int | None = None
    zone: str = "UTC"
    grain: Unit = "us"


def cursor_facts(contract: Contract, kind: DataType | None) -> CursorFacts | None:
    """Give the facts of a contract's cursor; None when it has none.

    Args:
        contract: the contract.
        kind: the cursor's type as the source declares it; None: the source has no types, and the contract's is taken.

    Raises:
        UsageError: the cursor's type cannot have windows, or nobody declares it, or the source keeps moments as text.
    """
    cursor = contract.source.cursor
    if cursor is None:
        return None
    declared = {**contract.columns, **(contract.source.columns or {})}.get(cursor.column)
    if kind is not None and kind.is_text and declared is not None and declared.type.name in ("date", "timestamp"):
        # Text is not ordered as the moments that it spells: rows would fall out of their windows unseen.
        raise UsageError(
            f"source.cursor: {cursor.column} is text in the source, and {declared.type} in the contract; a cursor is an integer, "
            "a date or a timestamp there",
            code="E_CURSOR_TYPE",
            hint="read it with a query that casts the column, or leave the cursor out",
        )
    found = kind if kind is not None and not kind.is_text else (declared.type if declared else kind)
    if found is None or not (found.is_integer or found.name in ("date", "timestamp")):
        raise UsageError(
            f"source.cursor: {cursor.column} is {found or 'of no declared type'}; a cursor is an integer, a date or a timestamp",
            code="E_CURSOR_TYPE",
        )
    if cursor.lag is not None and isinstance(cursor.lag, int) != found.is_integer:
        raise UsageError(f"source.cursor.lag: {cursor.column} is {found}", code="E_CURSOR_TYPE", hint=LAG)
    grain = kind.unit if kind is not None and not kind.is_text else "s"
    facts = CursorFacts(cursor.column, found, None, cursor.lag, cursor.timezone or found.zone or contract.timezone, grain)
    if cursor.start is None:
        return facts
    start = parse_bound(str(cursor.start), facts, "source.cursor.start")
    return replace(facts, start=start)


def parse_bound(text: str, facts: CursorFacts, where: str = "window") -> WindowValue:
    """Read a bound as the cursor's type; a timestamp without a zone is in the cursor's.

    Raises:
        UsageError: the text is not such a value.
    """
    try:
        if facts.kind.is_integer:
            return int(text)
        if facts.kind.name == "date":
            return date.fromisoformat(text)
        found = datetime.fromisoformat(text)
    except ValueError as error:
        example = "42" if facts.kind.is_integer else "2026-01-31" if facts.kind.name == "date" else "2026-01-31T00:00:00Z"
        raise UsageError(f"{where}: '{text[:40]}' is no {facts.kind}; written {example}", code="E_WINDOW") from error
    return found.astimezone(UTC) if found.tzinfo else instant(found, facts.zone)


def to_text(value: WindowValue | None) -> str | None:
    """Write a bound as the commit row and results carry it: integers, ISO dates, ISO timestamps in UTC."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def from_text(text: str | None, facts: CursorFacts) -> WindowValue | None:
    """Read what `to_text` wrote."""
    return None if text is None else parse_bound(text, facts, "watermark")


def explicit_window(start: str | None, end: str | None, facts: CursorFacts | None) -> Window | None:
    """Read `--window-start` and `--window-end`; None when neither is given.

    Raises:
        UsageError: one without the other, no cursor, or an empty interval.
    """
    if start is None and end is None:
        return None
    if facts is None:
        raise UsageError("a window needs a cursor, and this contract's source has none", code="E_WINDOW")
    if start is None or end is None:
        raise UsageError("--window-start and --window-end go together", code="E_WINDOW")
    window = Window(parse_bound(start, facts, "--window-start"), parse_bound(end, facts, "--window-end"), explicit=True)
    assert window.start is not None
    if not window.start < window.end:  # type: ignore[operator]
        raise UsageError(f"the window is empty: {start} is not before {end}", code="E_WINDOW")
    return window


def automatic_window(facts: CursorFacts, watermark: WindowValue | None, clock: datetime, greatest: WindowValue | None) -> Window:
    """Give the window of a run nobody gave one.

    Args:
        facts: the cursor.
        watermark: end of the last published contiguous window; None: never published, or a full read.
        clock: the source's time.
        greatest: the source's greatest cursor value, for integers; None: no row.
    """
    start = facts.start if watermark is None else _later(_back(watermark, facts.lag), facts.start)
    end = _end(facts, clock, greatest)
    if end is None or (start is not None and end < start):  # type: ignore[operator]
        end = watermark if watermark is not None else start
    if end is None:
        # No row and no bound at all: below every integer, so that the next run still reads from the beginning.
        end = LEAST
    if watermark is not None and end < watermark:  # type: ignore[operator]
        end = watermark
    return Window(start, end)


def _end(facts: CursorFacts, clock: datetime, greatest: WindowValue | None) -> WindowValue | None:
    if facts.kind.is_integer:
        return None if greatest is None else int(greatest) + 1  # type: ignore[arg-type]
    if facts.kind.name == "date":
        return clock.astimezone(ZoneInfo(facts.zone)).date()
    # Of the second that is running, a source that keeps seconds may yet write a row, and date it to the second's beginning.
    clock = clock.astimezone(UTC)
    return clock.replace(microsecond=clock.microsecond // _GRAINS[facts.grain] * _GRAINS[facts.grain])


def latest(kind: DataType) -> WindowValue:
    """Give a value behind which a cursor of that type has none."""
    if kind.is_integer:
        return 2**63 - 1
    return date(9999, 12, 31) if kind.name == "date" else datetime(9999, 12, 31, tzinfo=UTC)


def _back(value: WindowValue, lag: timedelta | int | None) -> WindowValue:
    if isinstance(value, int):
        return max(value - lag, LEAST) if isinstance(lag, int) else value
    return value - lag if isinstance(lag, timedelta) else value


def _later(value: WindowValue, floor: WindowValue | None) -> WindowValue:
    return value if floor is None or value > floor else floor  # type: ignore[operator]


def last_watermark(commits: tuple[Commit, ...], facts: CursorFacts) -> WindowValue | None:
    """Give the sync's watermark as its commits tell it."""
    texts = [commit.watermark for commit in commits if commit.watermark is not None]
    return from_text(texts[-1], facts) if texts else None


def moved_watermark(window: Window, watermark: WindowValue | None, fallback: WindowValue | None) -> WindowValue | None:
    """Give the watermark after publishing `window`; None leaves it where it is.

    Args:
        window: what was published.
        watermark: the target's.
        fallback: history's, else `cursor.start`, for a target that has none.
    """
    if not window.explicit:
        return window.end if watermark is None or window.end > watermark else watermark  # type: ignore[operator]
    current = watermark if watermark is not None else fallback
    if current is None or window.start is None:
        return None
    contiguous = window.start <= current < window.end  # type: ignore[operator]
    return window.end if contiguous else None


def check_append(window: Window, commits: tuple[Commit, ...], facts: CursorFacts) -> Commit | None:
    """Judge an append window against what this sync published already.

    Returns:
        The commit of the very same window, which makes this run a rerun; None when the window is new.

    Raises:
        Refused: the window overlaps a published one.
    """
    for commit in commits:
        if commit.window_end is None or commit.mode != "append":
            continue
        start, end = from_text(commit.window_start, facts), from_text(commit.window_end, facts)
        assert end is not None
        if (start, end) == (window.start, window.end):
            return commit
        if commit.rows and _overlap(start, end, window):
            raise Refused(
                f"the window {to_text(window.start) or 'beginning'} … {to_text(window.end)} overlaps "
                f"{commit.window_start or 'beginning'} … {commit.window_end}, which run {commit.run_id} appended",
                code="E_OVERLAP",
                hint="give a window that was not loaded yet, or use write: merge or replace_window",
            )
    return None


def check_history(window: Window, commits: tuple[Commit, ...], facts: CursorFacts) -> Commit | None:
    """Judge a given window of `write: scd2` against the watermark: history is written forwards.

    Returns:
        The commit of the very same window, which makes this run a rerun; None when the window reaches behind the watermark.

    Raises:
        Refused: the window ends at or before the watermark.
    """
    watermark = last_watermark(commits, facts)
    if watermark is None:
        # Given windows alone do not move a watermark; the last of them is as far as history is written.
        ends = (from_text(commit.window_end, facts) for commit in commits if commit.mode == "scd2")
        watermark = max((end for end in ends if end is not None), default=None)
    if not window.explicit or watermark is None or window.end > watermark:  # type: ignore[operator]
        return None
    for commit in commits:
        start, end = from_text(commit.window_start, facts), from_text(commit.window_end, facts)
        if commit.mode == "scd2" and (start, end) == (window.start, window.end):
            return commit
    raise Refused(
        f"the window ends at {to_text(window.end)}, and history is written up to {to_text(watermark)}", code="E_HISTORY",
        hint="what lies behind is not written again: give a later window, or run with --full to catch up with the source",
    )  # fmt: skip


def _overlap(start: WindowValue | None, end: WindowValue, window: Window) -> bool:
    before = window.start is not None and end <= window.start  # type: ignore[operator]
    after = start is not None and window.end <= start  # type: ignore[operator]
    return not (before or after)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("the cursor is an integer: a whole number, such as 1000")
    return int(text)


def split(start: WindowValue, end: WindowValue, every: str) -> Iterator[Window]:
    """Cut an interval into explicit windows of `every`: a duration (`1d`, `6h`), or a number for integer cursors.

    Raises:
        UsageError: `every` does not fit the cursor's type.
    """
    step: timedelta | int
    try:
        step = _count(every) if isinstance(start, int) else parse_duration(every)
    except ValueError as error:
        raise UsageError(f"--every {every}: {error}", code="E_WINDOW") from error
    if not step or (isinstance(start, date) and not isinstance(start, datetime) and step < timedelta(days=1)):  # type: ignore[operator]
        raise UsageError(f"--every {every} is too short for this cursor", code="E_WINDOW")
    while start < end:  # type: ignore[operator]
        following: WindowValue = min(start + step, end)  # type: ignore[operator,assignment]
        yield Window(start, following, explicit=True)
        start = following
