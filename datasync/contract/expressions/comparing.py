"""Two values of any type in, the same two brought to one comparable type out."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

from datasync.contract.expressions.numbers import common
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.expressions.tree import NULL, Call, Literal, Node, build
from datasync.contract.types import BOOL, DataType

ORDERED = ("lt", "le", "gt", "ge")
COMPARISONS = ("eq", "ne", *ORDERED, "distinct")
_NANOSECONDS = (datetime(1677, 9, 22, tzinfo=UTC), datetime(2262, 4, 11, tzinfo=UTC))
_STEPS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}


def compare(name: str, left: Node, right: Node) -> Node:
    """Make a comparison.

    Args:
        name: one of `COMPARISONS`; `distinct` is IS DISTINCT FROM, never NULL.
        left: the left side.
        right: the right side.

    Raises:
        ExpressionError: the types cannot be compared without an implicit cast, or have no order.
    """
    if NULL in (left.type, right.type):
        raise ExpressionError("a comparison with NULL is never true", hint="write IS NULL or IS NOT NULL")
    if name in ORDERED:
        for node in (left, right):
            if not node.type.is_ordered:
                raise ExpressionError(f"{node.type} has no order", "= and <> for this type")
    return build(name, alike(left, right, "a comparison"), BOOL)


def alike(left: Node, right: Node, what: str) -> tuple[Node, Node]:
    """Bring two nodes to one type; a bare NULL takes the other's.

    Raises:
        ExpressionError: an implicit cast would be needed.
    """
    if NULL in (left.type, right.type):
        kind = right.type if left.type == NULL else left.type
        return tuple(replace(node, type=kind) if node.type == NULL else node for node in (left, right))  # type: ignore[return-value]
    if left.type.is_numeric and right.type.is_numeric:
        return common(left, right, what)
    if left.type.is_text and right.type.is_text:
        return _texts(left, right)
    if left.type.name == right.type.name == "timestamp":
        return _timestamps(left, right, what)
    if left.type == right.type and left.type.name in ("bool", "date", "time"):
        return left, right
    raise ExpressionError(f"{what} of {left.type} and {right.type}", "two values of one type", _hint(left, right))


def _hint(left: Node, right: Node) -> str:
    for node, other in ((left, right), (right, left)):
        if node.type.name == "string" and other.type.is_temporal:
            example = {
                "date": "DATE '2024-01-31'", "time": "TIME '12:00:00'",
                "timestamp": "TIMESTAMP '2024-01-31 12:00:00+00'" if other.type.zone else "TIMESTAMP '2024-01-31 12:00:00'",
            }  # fmt: skip
            return f"write {example[other.type.name]}"
        if node.type.name == "date" and other.type.name == "timestamp":
            return "write a TIMESTAMP instead of the date"
        if node.type.is_numeric and other.type.name == "string":
            return "nothing is cast: declare the column as a number, or quote the number"
    return "nothing is cast in an expression: give the column the type it needs in the contract"


def _texts(left: Node, right: Node) -> tuple[Node, Node]:
    # PostgreSQL and DuckDB write a uuid in lower case, so every engine compares it in lower case.
    if "uuid" in (left.type.name, right.type.name):
        return _as_uuid(left), _as_uuid(right)
    return left, right


def _as_uuid(node: Node) -> Node:
    if not isinstance(node, Literal) or node.value is None:
        return node
    try:
        return Literal(str(uuid.UUID(str(node.value))), node.type)
    except ValueError:
        raise ExpressionError(
            f"'{str(node.value)[:40]}' is not a uuid", "36 characters such as 123e4567-e89b-12d3-a456-426614174000"
        ) from None


def _timestamps(left: Node, right: Node, what: str) -> tuple[Node, Node]:
    if (left.type.zone is None) != (right.type.zone is None):
        raise ExpressionError(
            f"{what} of {left.type} and {right.type}", "both with a zone, or both without",
            "write the literal with an offset, such as TIMESTAMP '2024-01-31 12:00:00+00'"
            if isinstance(left, Literal) or isinstance(right, Literal) else "give the column a zone: timezone: in the contract",
        )  # fmt: skip
    if left.type == right.type:
        return left, right
    for node, other in ((left, right), (right, left)):
        if isinstance(node, Literal) and _exact(node, other.type):
            adapted = Literal(node.value, other.type)
            return (adapted, other) if node is left else (other, adapted)
    for node, other in ((left, right), (right, left)):
        if isinstance(node, Call) and node.name == "now":
            clock = build("to_timestamp", (node,), other.type)
            return (clock, other) if node is left else (other, clock)
    if "ns" in (left.type.unit, right.type.unit):
        raise ExpressionError(f"{what} of {left.type} and {right.type}", "timestamps of one unit when one of them is ns")
    kind = DataType("timestamp", zone="UTC" if left.type.zone else None)
    return to_timestamp(left, kind), to_timestamp(right, kind)


def to_timestamp(node: Node, kind: DataType) -> Node:
    """Write a timestamp in another unit or zone; the instant stays."""
    if node.type == kind:
        return node
    return Literal(node.value, kind) if isinstance(node, Literal) else build("to_timestamp", (node,), kind)


def _exact(node: Literal, kind: DataType) -> bool:
    value = node.value
    if not isinstance(value, datetime):
        return value is None
    if kind.unit == "ns":
        instant = value if value.tzinfo else value.replace(tzinfo=UTC)
        return _NANOSECONDS[0] <= instant <= _NANOSECONDS[1]
    return value.microsecond % _STEPS[kind.unit] == 0
