"""A connection to SQLite in, the functions that our comparing SQL calls there out: texts, hashes and sums of any size."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from datasync.compare.canonical import LONG, NUMBER, SHOWN
from datasync.compare.floats import float_text, plain_digits

_NUMBER = re.compile(NUMBER)
_WORDS = {"true": "1", "t": "1", "yes": "1", "y": "1", "1": "1", "false": "0", "f": "0", "no": "0", "n": "0", "0": "0"}


def register(connection: sqlite3.Connection) -> None:
    """Add `datasync_text(cell, family)`, `datasync_hash(text)` and the aggregate `datasync_sum`, of integers and of such sums."""
    connection.create_function("datasync_text", 2, canonical_text, deterministic=True)
    connection.create_function("datasync_hash", 1, row_hash, deterministic=True)
    connection.create_aggregate("datasync_sum", 1, _Sum)  # type: ignore[arg-type]


def row_hash(text: str) -> int:
    """Give 60 bits of a text's md5."""
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:15], 16)


class _Sum:
    """SQLite's own sum ends in an error at 64 bits."""

    def __init__(self) -> None:
        self._sum = 0

    def step(self, value: int | str | None) -> None:
        self._sum += int(value or 0)

    def finalize(self) -> str:
        return str(self._sum)


def canonical_text(cell: Any, family: str) -> str | None:
    """Write a cell as `canonical` has it written in every engine."""
    if cell is None:
        return None
    made = _MAKERS[family](cell)
    return made if made is not None else f"?{_plain(cell)}"


def _plain(cell: Any) -> str:
    if isinstance(cell, bytes):
        return _short(cell.hex(), len(cell) * 2, cell)
    text = cell if isinstance(cell, str) else _number(cell) or repr(cell)
    return _short(text, len(text), text.encode())


def _short(text: str, length: int, hashed: bytes) -> str:
    if length <= LONG:
        return text
    return f"{text[:SHOWN]}#{hashlib.md5(hashed, usedforsecurity=False).hexdigest()}"


def _number(cell: Any) -> str | None:
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float):
        return plain_digits(repr(cell)) if cell - cell == 0 else None
    return plain_digits(cell) if isinstance(cell, str) and _NUMBER.match(cell) and cell[-1] != "\n" else None


def _float(cell: Any) -> str | None:
    try:
        return float_text(float(cell)) if not isinstance(cell, bytes) else None
    except (ValueError, OverflowError):
        return None


def _bool(cell: Any) -> str | None:
    return _WORDS.get(cell.lower()) if isinstance(cell, str) else _number(cell)


def _stamp(cell: Any) -> str | None:
    if not isinstance(cell, str):
        return None
    try:
        value = datetime.fromisoformat(cell)
    except ValueError:
        return None
    local = value.astimezone(UTC) if value.tzinfo is not None else value
    return local.replace(tzinfo=None).isoformat(" ", "microseconds")


def _day(cell: Any) -> str | None:
    try:
        return date.fromisoformat(cell).isoformat() if isinstance(cell, str) else None
    except ValueError:
        return None


def _clock(cell: Any) -> str | None:
    try:
        return time.fromisoformat(cell).isoformat("microseconds") if isinstance(cell, str) else None
    except ValueError:
        return None


_MAKERS: dict[str, Callable[[Any], str | None]] = {
    "integer": _number, "decimal": _number, "float": _float, "bool": _bool, "date": _day, "time": _clock, "timestamp": _stamp,
    "instant": _stamp, "uuid": lambda cell: _plain(cell).lower(), "binary": _plain, "list": _plain, "json": _plain,
    "text": _plain, "other": _plain,
}  # fmt: skip
