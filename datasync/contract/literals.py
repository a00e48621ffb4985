"""A literal of a contract and a column's type in, the typed Python value out; nothing is rounded."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from datasync.contract.types import INTEGERS, DataType

_INTEGER = re.compile(r"^[+-]?[0-9][0-9_]*$")


def literal_value(value: Any, kind: DataType) -> Any:
    """Read a literal as a value of a column's type.

    Args:
        value: text, integer, Decimal or boolean, as YAML gave it.
        kind: the column's type.

    Returns:
        int, float, Decimal, str, bool, date, time, or datetime (aware in UTC for zoned types).

    Raises:
        ValueError: it is no such value; the message says what is.
    """
    if isinstance(value, bool) != (kind.name == "bool"):
        raise ValueError(f"{_shown(value)} is no {kind}")
    if kind.name == "bool":
        return value
    if kind.is_integer:
        return _integer(value, kind)
    if kind.name == "decimal":
        return _decimal(value, kind)
    if kind.is_float:
        return float(_number(value, kind))
    if kind.is_text:
        if not isinstance(value, str):
            raise ValueError(f"{_shown(value)} is a number; write it in quotes for {kind}")
        return value
    if kind.is_temporal:
        return _temporal(value, kind)
    raise ValueError(f"a {kind} has no literal")


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any, kind: DataType) -> Decimal:
    if isinstance(value, int | Decimal):
        return Decimal(value)
    raise ValueError(f"{_shown(value)} is no {kind}: numbers are written without quotes")


def _integer(value: Any, kind: DataType) -> int:
    number = _number(value, kind)
    if number != number.to_integral_value():
        raise ValueError(f"{value} is no {kind}: it has a fraction")
    low, high = INTEGERS[kind.name]
    if not low <= number <= high:
        raise ValueError(f"{value} does not fit {kind} ({low} to {high})")
    return int(number)


def _decimal(value: Any, kind: DataType) -> Decimal:
    number = _number(value, kind)
    scaled = number.scaleb(kind.scale)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{value} does not fit {kind}: it has more than {kind.scale} digits after the point")
    if abs(scaled) >= 10**kind.precision:
        raise ValueError(f"{value} does not fit {kind}: it has more than {kind.precision} digits")
    return number


def _temporal(value: Any, kind: DataType) -> date | datetime | time:
    forms = {
        "date": "2026-01-31",
        "time": "08:30:00",
        "timestamp": "2026-01-31T08:30:00Z" if kind.zone else "2026-01-31T08:30:00",
    }
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is no {kind}; written {forms[kind.name]}")
    try:
        if kind.name == "date":
            return date.fromisoformat(value)
        if kind.name == "time":
            return time.fromisoformat(value)
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{_shown(value)} is no {kind}; written {forms[kind.name]}") from error
    if kind.zone is None and found.tzinfo is not None:
        raise ValueError(f"{_shown(value)} has a zone and {kind} has none")
    if kind.zone is None:
        return found
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(kind.zone))).astimezone(UTC)
