"""Types of numbers in, the type of their sum, product or comparison out, exact or refused.

Integers: an operation is exact within ±(2**63 - 1); a result beyond that is NULL in every engine, never a wrapped or rounded
number. The smallest int64, which has no negation, counts as beyond when arithmetic uses it.
Decimals: exact, and refused when the result could need more than 38 digits.
Floats: IEEE double, and a NaN is NULL; when a float overflows, PostgreSQL and MariaDB stop with an error where the others give
infinity. A literal beside a float becomes a float; beside an integer or decimal it keeps its own digits.
"""

from __future__ import annotations

from decimal import Decimal, localcontext

from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.expressions.tree import Call, Literal, Node, build
from datasync.contract.types import FLOAT64, INT64, INTEGERS, DataType

LIMIT = 2**63 - 1
"""Largest magnitude that integer arithmetic gives."""
MAX_DIGITS = 38


def decimal_of(digits: int, scale: int, what: str = "the result") -> DataType:
    """Give decimal(digits, scale).

    Raises:
        ExpressionError: more than 38 digits.
    """
    if digits > MAX_DIGITS:
        raise ExpressionError(
            f"{what} could need {digits} digits",
            f"decimals of up to {MAX_DIGITS} digits",
            "use columns of fewer digits, or round() first",
        )
    return DataType("decimal", precision=max(digits, 1, scale), scale=scale)


def decimal_literal(value: Decimal) -> Literal:
    """Make the literal of a number written with a point, with the digits it was written with."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scale = max(-exponent, 0)
    return Literal(value, decimal_of(max(len(digits) + max(exponent, 0), scale), scale, "the number"))


def integer_range(node: Node) -> tuple[int, int]:
    """Give bounds that an integer node's values cannot leave."""
    if isinstance(node, Literal):
        value = int(node.value or 0)  # type: ignore[arg-type]
        return value, value
    if isinstance(node, Call) and node.name in ("length", "year", "month", "day", "hour"):
        return 0, 2**31 - 1
    if isinstance(node, Call) and node.name in ("add", "sub", "mul", "neg"):
        low, high = raw_range(node)
        return max(low, -LIMIT), min(high, LIMIT)
    return INTEGERS[node.type.name]


def raw_range(call: Call) -> tuple[int, int]:
    """Give the bounds of an integer operation before anything is cut off."""
    ranges = [_usable(integer_range(argument)) for argument in call.arguments]
    if call.name in ("neg", "abs"):
        (low, high) = ranges[0]
        return -high, max(-low, high)
    (a, b), (c, d) = ranges
    if call.name == "add":
        return a + c, b + d
    if call.name == "sub":
        return a - d, b - c
    if call.name == "mul":
        products = (a * c, a * d, b * c, b * d)
        return min(products), max(products)
    return min(a, -b), max(b, -a)


def _usable(bounds: tuple[int, int]) -> tuple[int, int]:
    return max(bounds[0], -LIMIT), min(bounds[1], LIMIT)


def may_leave(bounds: tuple[int, int]) -> bool:
    """Tell whether values within these bounds can lie beyond what integer arithmetic gives."""
    return bounds[0] < -LIMIT or bounds[1] > LIMIT


def digits_of(node: Node) -> tuple[int, int]:
    """Give the digits before and after the point that a number may have."""
    if node.type.name == "decimal":
        return node.type.precision - node.type.scale, node.type.scale
    low, high = integer_range(node)
    return max(len(str(abs(low))), len(str(abs(high)))), 0


def to_decimal(node: Node, kind: DataType) -> Node:
    """Write an integer or decimal with the digits of `kind`; nothing is rounded."""
    if node.type == kind:
        return node
    if isinstance(node, Literal) and node.value is not None:
        with localcontext(prec=2 * MAX_DIGITS):
            return Literal(Decimal(str(node.value)).quantize(Decimal(1).scaleb(-kind.scale)), kind)
    return build("to_decimal", (node,), kind)


def to_float(node: Node) -> Node:
    """Turn a number into a double; only literals and integers are turned."""
    if node.type == FLOAT64:
        return node
    if isinstance(node, Literal) and node.value is not None:
        return Literal(float(node.value), FLOAT64)  # type: ignore[arg-type]
    return build("to_float", (node,), FLOAT64)


def common(left: Node, right: Node, what: str) -> tuple[Node, Node]:
    """Bring two numbers to one kind: both integers, both decimals of one scale, or both doubles.

    Raises:
        ExpressionError: a decimal against a float column, or more than 38 digits.
    """
    kinds = {left.type.name, right.type.name}
    if left.type.is_float or right.type.is_float:
        for node in (left, right):
            if node.type.name == "decimal" and not isinstance(node, Literal):
                raise ExpressionError(
                    f"{what} of {left.type} and {right.type}",
                    "both decimal, or both float",
                    "a float is not exact; declare one of the columns as the other type",
                )
        return to_float(left), to_float(right)
    if "decimal" not in kinds:
        return left, right
    (whole_left, scale_left), (whole_right, scale_right) = digits_of(left), digits_of(right)
    scale = max(scale_left, scale_right)
    kind = decimal_of(max(whole_left, whole_right) + scale, scale, what)
    return to_decimal(left, kind), to_decimal(right, kind)


def arithmetic(name: str, left: Node, right: Node) -> Node:
    """Make `add`, `sub` or `mul` of two numbers.

    Raises:
        ExpressionError: a decimal with a float, or a decimal result of more than 38 digits.
    """
    if name == "mul" and "decimal" in (left.type.name, right.type.name) and not (left.type.is_float or right.type.is_float):
        (whole_left, scale_left), (whole_right, scale_right) = digits_of(left), digits_of(right)
        scale = scale_left + scale_right
        kind = decimal_of(whole_left + whole_right + scale, scale, "the product")
        return build("mul", (_decimal(left), _decimal(right)), kind)
    left, right = common(left, right, {"add": "the sum", "sub": "the difference", "mul": "the product"}[name])
    if left.type.name == "decimal":
        return build(name, (left, right), decimal_of(left.type.precision + 1, left.type.scale))
    return build(name, (left, right), FLOAT64 if left.type.is_float else INT64)


def _decimal(node: Node) -> Node:
    whole, scale = digits_of(node)
    return to_decimal(node, decimal_of(whole + scale, scale))
