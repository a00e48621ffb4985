"""Plain values or quoted texts in, typed literals out; nothing is rounded on the way."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from datasync.contract.expressions.numbers import decimal_literal, digits_of, to_decimal
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.expressions.tree import Literal, Value
from datasync.contract.types import DATE, INT64, INTEGERS, DataType

_TIMESTAMP = re.compile(r"^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$")
_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
_TIME = re.compile(r"^\d\d:\d\d(:\d\d(\.\d{1,6})?)?$")
TIME = DataType("time")


def number(text: str) -> Literal:
    """Read a number: with a point it is a decimal, without one an integer.

    Raises:
        ExpressionError: an exponent, or too many digits.
    """
    if re.fullmatch(r"[0-9]+", text):
        return integer(int(text)) if len(text) <= 20 else decimal_literal(Decimal(text))
    if not re.fullmatch(r"[0-9]*\.[0-9]*", text) or text == ".":
        raise ExpressionError(f"number {text[:40]}", "whole numbers and decimals such as 1.50", "write it without an exponent")
    return decimal_literal(Decimal(text))


def integer(value: int) -> Literal:
    """Give an integer the type that holds it: int64, else uint64, else a decimal."""
    if INTEGERS["int64"][0] <= value <= INTEGERS["int64"][1]:
        return Literal(value, INT64)
    if 0 <= value <= INTEGERS["uint64"][1]:
        return Literal(value, DataType("uint64"))
    return decimal_literal(Decimal(value))


def day(text: str) -> Literal:
    """Read DATE '2024-01-31'.

    Raises:
        ExpressionError: not a date of the calendar.
    """
    try:
        if _DATE.match(text):
            return Literal(date.fromisoformat(text), DATE)
    except ValueError:
        pass
    raise ExpressionError(f"DATE '{text[:40]}'", "a date such as DATE '2024-01-31'")


def clock_time(text: str) -> Literal:
    """Read TIME '12:30:00'.

    Raises:
        ExpressionError: not a time of day.
    """
    try:
        if _TIME.match(text):
            return Literal(time.fromisoformat(text), TIME)
    except ValueError:
        pass
    raise ExpressionError(f"TIME '{text[:40]}'", "a time such as TIME '12:30:00'")


def timestamp(text: str) -> Literal:
    """Read TIMESTAMP '2024-01-31 12:00:00', zoned (and turned to UTC) when it has an offset.

    Raises:
        ExpressionError: not a timestamp, or more than six digits of a second.
    """
    match = _TIMESTAMP.match(text)
    try:
        if match is None:
            raise ValueError(text)
        value = datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}{match[3] or ''}")
        if value.tzinfo is None:
            return Literal(value, DataType("timestamp"))
        return Literal(value.astimezone(UTC), DataType("timestamp", zone="UTC"))
    except (ValueError, OverflowError):
        raise ExpressionError(
            f"TIMESTAMP '{text[:40]}'", "a timestamp such as TIMESTAMP '2024-01-31 12:00:00' or '2024-01-31 12:00:00+00'"
        ) from None


def plain(value: Any, kind: DataType) -> Literal:
    """Give a plain value beside something of type `kind` its literal; numbers keep their own type where it compares exactly.

    Raises:
        ExpressionError: the value cannot stand beside that type.
    """
    if isinstance(value, Literal):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and kind.is_numeric:
        return integer(value)
    if isinstance(value, Decimal) and kind.is_numeric:
        return decimal_literal(value)
    if isinstance(value, float) and kind.is_numeric and not kind.is_float:
        return decimal_literal(Decimal(repr(value)))
    return typed(value, kind)


def typed(value: Any, kind: DataType) -> Literal:
    """Give a plain value exactly this type.

    Raises:
        ExpressionError: it is not a value of that type, or does not fit it.
    """
    if value is None:
        return Literal(None, kind)
    try:
        made = _convert(value, kind)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        made = None
    if made is None:
        raise ExpressionError(f"{type(value).__name__} as a value of type {kind}", f"a value of type {kind}")
    return Literal(made, kind)


def _convert(value: Any, kind: DataType) -> Value:
    if kind.is_numeric:
        return _number(value, kind)
    if kind.name == "bool":
        return value if isinstance(value, bool) else None
    if kind.name == "uuid":
        return str(uuid.UUID(str(value)))
    if kind.name in ("string", "json"):
        return value if isinstance(value, str) else None
    if kind.name == "date":
        return day(value).value if isinstance(value, str) else (value if type(value) is date else None)
    if kind.name == "time":
        return clock_time(value).value if isinstance(value, str) else (value if isinstance(value, time) else None)
    if kind.name == "timestamp":
        return _instant(value, kind)
    return None


def _number(value: Any, kind: DataType) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    if kind.is_float:
        made = float(value)
        return made if made - made == 0 else None
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if kind.is_integer:
        low, high = INTEGERS[kind.name]
        return int(exact) if exact == exact.to_integral_value() and low <= exact <= high else None
    made_literal = decimal_literal(exact.normalize() if exact.as_tuple().exponent else exact)
    whole, scale = digits_of(made_literal)
    fits = scale <= kind.scale and (whole <= kind.precision - kind.scale or exact == 0)
    adapted = to_decimal(made_literal, kind)
    return adapted.value if fits and isinstance(adapted, Literal) else None


def _instant(value: Any, kind: DataType) -> Value:
    if isinstance(value, str):
        value = timestamp(value).value
    if not isinstance(value, datetime) or (value.tzinfo is None) != (kind.zone is None):
        return None
    return value.astimezone(UTC) if value.tzinfo else value
