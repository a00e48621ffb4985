"""Two numbers, or a date and an interval, and an operator in, a typed call out."""

from __future__ import annotations

from decimal import Decimal

from datasync.contract.expressions import numbers
from datasync.contract.expressions.literals import integer
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.expressions.tree import NULL, Call, Literal, Node, build
from datasync.contract.types import FLOAT64, INT64, DataType

UNITS = {"day": 86_400_000_000, "hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000}
"""Microseconds of each unit of date_diff and INTERVAL."""
INTERVAL = DataType("interval")
"""The type of an INTERVAL literal, whose value is in microseconds; it exists only beside + and -."""


def need(node: Node, fits: bool, usage: str, wanted: str) -> None:
    """Refuse an operand of the wrong type.

    Raises:
        ExpressionError: it does not fit.
    """
    if not fits:
        raise ExpressionError(f"{usage} got {'NULL' if node.type == NULL else node.type}", wanted)


def check_divisor(node: Node) -> None:
    """Refuse a divisor that can be zero.

    Raises:
        ExpressionError: neither a literal other than zero nor NULLIF(x, 0).
    """
    if isinstance(node, Literal) and node.value:
        return
    if (
        isinstance(node, Call)
        and node.name == "nullif"
        and isinstance(node.arguments[1], Literal)
        and node.arguments[1].value == 0
    ):
        return
    if isinstance(node, Call) and node.name in ("to_float", "to_decimal"):
        return check_divisor(node.arguments[0])
    raise ExpressionError("a divisor that can be zero", "a number other than 0, or NULLIF(x, 0)", "write x / NULLIF(y, 0)")


def whole_division(name: str, left: Node, right: Node) -> Node:
    """Make `int_div` (towards zero) or `mod` (the sign of the dividend) of two integers.

    Raises:
        ExpressionError: not integers, or a divisor that can be zero.
    """
    for node in (left, right):
        need(node, node.type.is_integer, "%" if name == "mod" else "div()", "two integers")
    check_divisor(right)
    return build(name, (left, right), INT64)


def divide(left: Node, right: Node) -> Node:
    """Make a division of floats or decimals.

    A decimal quotient has as many digits after the point as both sides need, at least 6, and is rounded half away from zero.

    Raises:
        ExpressionError: integers, a decimal with a float, a divisor that can be zero, too many digits.
    """
    for node in (left, right):
        need(node, node.type.is_numeric, "/", "two numbers")
    if left.type.is_integer and right.type.is_integer:
        raise ExpressionError(
            "integer / integer", "div(a, b), or a decimal", "div() cuts off towards zero; for a fraction multiply by 1.0 first"
        )
    check_divisor(right)
    left, right = numbers.common(left, right, "a division")
    if left.type.is_float:
        return build("divide", (left, right), FLOAT64)
    scale = max(6, left.type.scale)
    kind = numbers.decimal_of(left.type.precision + scale, scale, "the quotient")
    # The numerator is shifted by `scale` and doubled before whole numbers are divided.
    numbers.decimal_of(left.type.precision + scale + 1, scale, "the quotient")
    return build("divide_decimal", (left, right), kind)


def operate(symbol: str, left: Node, right: Node) -> Node:
    """Make `left symbol right` for `+ - * / %`; an interval may be added to a date or timestamp.

    Raises:
        ExpressionError: the operation is not defined for these types.
    """
    if symbol == "/":
        return divide(left, right)
    if symbol == "%":
        return whole_division("mod", left, right)
    if INTERVAL in (left.type, right.type):
        return _shift(symbol, left, right)
    for node in (left, right):
        hint = (
            "write date_diff('day', start, end)"
            if symbol == "-" and node.type.is_temporal
            else "only numbers; write concat() for texts"
        )
        if not node.type.is_numeric:
            raise ExpressionError(f"{left.type} {symbol} {right.type}", "two numbers", hint)
    return numbers.arithmetic({"+": "add", "-": "sub", "*": "mul"}[symbol], left, right)


def _shift(symbol: str, left: Node, right: Node) -> Node:
    if left.type == INTERVAL and symbol == "+":
        left, right = right, left
    if (
        symbol not in "+-"
        or not isinstance(right, Literal)
        or right.type != INTERVAL
        or left.type.name not in ("date", "timestamp")
    ):
        raise ExpressionError(f"{left.type} {symbol} {right.type}", "a date or timestamp + or - INTERVAL")
    assert isinstance(right.value, int)
    if left.type.unit == "ns":
        raise ExpressionError(f"{left.type} {symbol} interval", "a timestamp of s, ms or us")
    if left.type.name == "date" and right.value % UNITS["day"]:
        raise ExpressionError("a date with an interval of less than a day", "INTERVAL 'n' DAY for dates")
    amount = Literal(-right.value if symbol == "-" else right.value, INTERVAL)
    return build("shift", (left, amount), left.type)


def negate_number(number: Node) -> Node:
    """Make a unary minus; the minus of a literal is part of it."""
    need(number, number.type.is_numeric, "unary minus", "a number")
    if isinstance(number, Literal) and isinstance(number.value, int):
        return integer(-number.value)
    if isinstance(number, Literal) and isinstance(number.value, float | Decimal):
        return Literal(number.value.copy_negate() if isinstance(number.value, Decimal) else -number.value, number.type)
    if number.type.is_float:
        return build("neg", (numbers.to_float(number),), FLOAT64)
    return build("neg", (number,), INT64 if number.type.is_integer else number.type)
