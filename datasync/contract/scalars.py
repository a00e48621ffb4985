"""The small value types of a contract: text such as `24h`, `5%` or `last 7 runs` in, exact values out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

_DURATION = re.compile(r"^([1-9][0-9_]*|0)(ms|s|m|h|d)$")
_SHARE = re.compile(r"^([0-9]+(?:\.[0-9]+)?)\s*%$")
_SECONDS = {"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600), "d": Fraction(86400)}


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of something is allowed: a share of the rows evaluated, or a number of rows. Inclusive and exact."""

    share: Fraction | None = None
    count: int | None = None

    def allows(self, failed: int, evaluated: int) -> bool:
        """Tell whether `failed` of `evaluated` rows are within the limit, without rounding."""
        if self.count is not None:
            return failed <= self.count
        assert self.share is not None
        return failed * self.share.denominator <= self.share.numerator * evaluated

    def __str__(self) -> str:
        if self.count is not None:
            return f"{self.count} rows"
        assert self.share is not None
        return f"{decimal_text(self.share * 100)}%"


NO_LIMIT = Limit(count=0)


def decimal_text(value: Fraction) -> str:
    """Write a fraction with a finite decimal form, such as `0.1`, without trailing zeros."""
    text = format(Decimal(value.numerator) / Decimal(value.denominator), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_duration(value: Any) -> timedelta:
    """Read `90s`, `15m`, `24h`, `7d`.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a whole number and a unit, such as 90s, 15m, 24h or 7d")
    return timedelta(seconds=float(int(match[1]) * _SECONDS[match[2]]))


def parse_lag(value: Any) -> Any:
    """Read a duration; a number is left to be judged as one.

    Raises:
        ValueError: neither; a number below 1, or greater than a column holds.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**63:
        return value
    try:
        return parse_duration(value)
    except ValueError:
        raise ValueError("a duration, such as 10m; before an integer a whole number from 1 on") from None


def duration_text(value: timedelta) -> str:
    """Write a duration with the largest unit that divides it."""
    seconds = value / timedelta(seconds=1)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"


class NoShare(ValueError):
    """What stands where a share must; `hint` says how a number of percent is written."""

    def __init__(self, value: Any) -> None:
        super().__init__("a share from 0% to 100%, written 5% or 0.05")
        percent = isinstance(value, int | Decimal) and not isinstance(value, bool) and 1 < value <= 100
        self.hint = f"{value} % is written {value}%" if percent else ""


def parse_share(value: Any) -> Fraction:
    """Read `5%` or `0.05` exactly; 0 to 100 %.

    Raises:
        NoShare: anything else.
    """
    share = _share(value)
    if share is None or not 0 <= share <= 1:
        raise NoShare(value)
    return share


def _share(value: Any) -> Fraction | None:
    if isinstance(value, Fraction | Decimal | float) and not isinstance(value, bool):
        return Fraction(str(value)) if isinstance(value, float) else Fraction(value)
    if isinstance(value, str) and (match := _SHARE.match(value.strip())):
        return Fraction(match[1]) / 100
    if isinstance(value, int) and not isinstance(value, bool) and value in (0, 1):
        return Fraction(value)
    return None


def parse_limit(value: Any) -> Limit:
    """Read a share (`5%`, `0.05`) or a count (`3`).

    Raises:
        ValueError: anything else, or a negative number.
    """
    if isinstance(value, Limit):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise ValueError("a count of rows is 0 or more")
        return Limit(count=value)
    if _share(value) is None:
        raise ValueError("a share such as 5% or 0.05, or a whole number of rows")
    return Limit(share=parse_share(value))


_UNITS = {1.0: "s", 60.0: "m", 3600.0: "h"}
_RATE = re.compile(r"^([1-9][0-9_]*)\s*/\s*(s|m|h)$")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` of something in `seconds`."""

    count: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.count}/{_UNITS[self.seconds]}"


def parse_rate(value: Any) -> Rate:
    """Read `10/s`, `600/m`, `1000/h`.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, Rate):
        return value
    match = _RATE.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a rate is a whole number and s, m or h, such as 10/s or 600/m")
    return Rate(int(match[1]), float(_SECONDS[match[2]]))


_DRIFT = re.compile(r"^last ([1-9][0-9]*) runs$")


def parse_runs(value: Any) -> int:
    """Read `last 7 runs` (3 to 1000).

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        match = _DRIFT.match(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError("written 'last N runs', such as last 7 runs")
        number = int(match[1])
    if not 3 <= number <= 1000:
        raise ValueError("between last 3 runs and last 1000 runs")
    return number


_TEXT = {"type": "string"}
Duration = Annotated[timedelta, BeforeValidator(parse_duration), WithJsonSchema({**_TEXT, "pattern": "^[0-9_]+(ms|s|m|h|d)$"})]
Share = Annotated[
    Fraction,
    BeforeValidator(parse_share),
    WithJsonSchema({"anyOf": [{**_TEXT, "pattern": r"^[0-9.]+\s*%$"}, {"type": "number"}]}),
]
LimitValue = Annotated[
    Limit,
    BeforeValidator(parse_limit),
    WithJsonSchema({"anyOf": [{**_TEXT, "pattern": r"^[0-9.]+\s*%$"}, {"type": "number"}, {"type": "integer"}]}),
]
RateValue = Annotated[Rate, BeforeValidator(parse_rate), WithJsonSchema({**_TEXT, "pattern": "^[0-9_]+ */ *(s|m|h)$"})]
Steps = Annotated[int, Field(strict=True, ge=1, lt=2**63)]
LagValue = Annotated[Duration | Steps, BeforeValidator(parse_lag)]
LastRuns = Annotated[int, BeforeValidator(parse_runs), WithJsonSchema({**_TEXT, "pattern": "^last [0-9]+ runs$"})]
