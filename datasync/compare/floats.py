"""A floating-point number in, a text out that is the same in every engine, and another one for every other number.

All engines write a double with the shortest digits that give it back, but not in the same form, and fixed decimals hold only part
of its range. So a number is multiplied by a power of two (exact) into [2**-43, 2**53), written as a decimal without exponent or
trailing zeros, and the power stands behind it: `0.1`, `1.5@-3`. Zeros are `0`; what is not finite is `nan`, `inf` and `-inf`.

Beyond 2**53 engines disagree about the shortest digits: PostgreSQL takes none that lie in the middle between two numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import isinf, isnan

LOW, STEP, LAST = -43, 96, 11
BANDS = (*range(-LAST, 0), *range(1, LAST + 1))


def float_text(value: float) -> str:
    """Write a number, as `float_sql` has it written."""
    if isnan(value):
        return "nan"
    if isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    for band in (0, *BANDS):
        if 2.0 ** max(LOW + STEP * band, -1074) <= abs(value) and abs(value) < _above(band):
            for factor in _factors(band):
                value *= factor
            return plain_digits(repr(value)) + (f"@{band}" if band else "")
    raise AssertionError("the bands cover every number")


def plain_digits(text: str) -> str:
    """Write a decimal without exponent and trailing zeros."""
    digits = f"{Decimal(text):f}"
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if digits in ("-0", "") else digits


def float_sql(column: str, fixed: Callable[[str], str], special: str) -> str:
    """Give SQL that writes a double.

    Args:
        column: SQL of the double.
        fixed: SQL of a double to SQL of its digits without exponent and trailing zeros, within [2**-43, 2**53).
        special: `WHEN … THEN …` of what is not finite, or nothing.
    """
    size = f"abs({column})"

    def written(band: int) -> str:
        scaled = "(" + " * ".join([column, *(repr(factor) for factor in _factors(band))]) + ")"
        return f"concat({fixed(scaled)}, '@{band}')"

    large = " ".join(f"WHEN {size} < {_above(band)!r} THEN {written(band)}" for band in range(1, LAST))
    small = " ".join(f"WHEN {size} >= {2.0 ** (LOW + STEP * band)!r} THEN {written(band)}" for band in range(-1, -LAST, -1))
    return (
        f"CASE {special} WHEN {column} = 0 THEN '0' "
        f"WHEN {size} >= {2.0**LOW!r} AND {size} < {_above(0)!r} THEN {fixed(column)} "
        f"WHEN {size} > 1e0 THEN CASE {large} ELSE {written(LAST)} END "
        f"WHEN {size} < 1e0 THEN CASE {small} ELSE {written(-LAST)} END END"
    )


def _above(band: int) -> float:
    exponent = LOW + STEP * (band + 1)
    return 2.0**exponent if exponent < 1024 else float("inf")


def _factors(band: int) -> tuple[float, ...]:
    """Powers of two, none of them so small that its literal would be rounded."""
    exponent = -STEP * band
    if abs(exponent) <= 1000:
        return (2.0**exponent,)
    return (2.0**1000, 2.0 ** (exponent - 1000)) if exponent > 0 else (2.0**-1000, 2.0 ** (exponent + 1000))
