"""The typed tree of an expression: columns, literals and calls, each knowing its type."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeAlias

from datasync.contract.types import DataType

Value: TypeAlias = int | float | Decimal | str | bool | date | datetime | time | None
NULL = DataType("null")
"""The type of a bare NULL, before CASE, coalesce or nullif gives it one."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the row."""

    name: str
    type: DataType
    size: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the text; `value` has the Python type of `type`, zoned timestamps are aware and in UTC."""

    value: Value
    type: DataType
    size: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function over other nodes.

    Attributes:
        name: one of the names the emitters know (`add`, `le`, `case`, `lower`, …).
        arguments: operands, already of the types the operation needs.
        type: type of the result.
        size: how much text or how many engine expressions it becomes; some operations write an operand twice.
    """

    name: str
    arguments: tuple[Node, ...]
    type: DataType
    size: int = field(default=1, compare=False)


Node: TypeAlias = Column | Literal | Call

_TIMES_WRITTEN = {
    "mod": 2,
    "int_div": 3,
    "nullif": 2,
    "divide_decimal": 4,
    "round": 2,
    "shift": 2,
    "date_diff": 2,
    "is_json": 2,
    "coalesce": 2,
}
"""How often an operation's emitted form repeats its operands, at most."""


def build(name: str, arguments: tuple[Node, ...], kind: DataType) -> Call:
    """Make a call and account for its size."""
    if name == "in":
        # A list of plain values is cheap for every engine.
        return Call(name, arguments, kind, 1 + arguments[0].size + len(arguments) // 100)
    factor = _TIMES_WRITTEN.get(name, 1)
    return Call(name, arguments, kind, 1 + factor * sum(argument.size for argument in arguments))


def walk(node: Node) -> list[Node]:
    """Give the node and everything below it, parents first."""
    found: list[Node] = []
    waiting = [node]
    while waiting:
        current = waiting.pop()
        found.append(current)
        if isinstance(current, Call):
            waiting.extend(reversed(current.arguments))
    return found


def word_of(node: Node) -> str:
    """Give the text of an argument that the language fixes: a pattern, a unit."""
    value = node.value if isinstance(node, Literal) else None
    assert isinstance(value, str)
    return value


def integer_of(node: Node) -> int:
    """Give the number of an argument that the language fixes: a start, an interval."""
    value = node.value if isinstance(node, Literal) else None
    assert isinstance(value, int)
    return value
