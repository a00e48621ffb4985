"""Parts of an expression in, typed nodes out: how other code builds expressions without writing SQL text."""

from __future__ import annotations

from collections.abc import Iterable

from datasync.contract.expressions import comparing, functions, literals
from datasync.contract.expressions.arithmetic import operate
from datasync.contract.expressions.expression import Expression
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.expressions.tree import NULL, Call, Column, Literal, Node, Value, build, walk
from datasync.contract.types import BOOL, DataType

__all__ = [
    "Call", "Column", "Literal", "Node", "all_of", "any_of", "arithmetic", "call", "case", "column", "compare", "expression_of",
    "is_in", "is_null", "is_true", "like", "literal", "negate",
]  # fmt: skip

MAX_SIZE = 5_000
"""Operations of an expression once operands that are written twice are counted twice."""
SYMBOLS = {"=": "eq", "<>": "ne", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "is distinct from": "distinct"}


def column(name: str, kind: DataType) -> Column:
    """Name a column of the row."""
    return Column(name, kind)


def literal(value: Value, kind: DataType) -> Literal:
    """Write a value of a type.

    Args:
        value: int, Decimal, float, str, bool, date, time, datetime, or None for a typed NULL.
        kind: its type; an int or a text of digits fits a decimal too.

    Raises:
        ExpressionError: the value does not fit the type exactly.
    """
    return literals.typed(value, kind)


def call(name: str, *arguments: Node) -> Node:
    """Call a function of the language, such as `call("length", column("sku", STRING))`.

    Raises:
        ExpressionError: unknown function, or arguments of the wrong number or type.
    """
    return functions.apply(name, *arguments)


def compare(symbol: str, left: Node, right: Node) -> Node:
    """Compare two nodes with `=`, `<>`, `<`, `<=`, `>`, `>=` or `is distinct from`.

    Raises:
        ExpressionError: the types cannot be compared without a cast.
    """
    return comparing.compare(SYMBOLS.get(symbol.lower(), symbol), left, right)


def arithmetic(symbol: str, left: Node, right: Node) -> Node:
    """Calculate with `+`, `-`, `*`, `/` or `%`.

    Raises:
        ExpressionError: the operation is not defined for these types.
    """
    return operate(symbol, left, right)


def all_of(*parts: Node) -> Node:
    """True when every part is; NULL when none is false but one is NULL. Of nothing: true."""
    return _logic("and", parts, True)


def any_of(*parts: Node) -> Node:
    """True when one part is; NULL when none is true but one is NULL. Of nothing: false."""
    return _logic("or", parts, False)


def _logic(name: str, parts: tuple[Node, ...], empty: bool) -> Node:
    for part in parts:
        require_bool(part, name.upper())
    if not parts:
        return Literal(empty, BOOL)
    level = [_known(part) for part in parts]
    while len(level) > 1:
        # Pairs of pairs: a contract of hundreds of columns must not become a chain as deep.
        level = [build(name, (left, right), BOOL) for left, right in zip(level[::2], level[1::2], strict=False)] + (
            level[-1:] if len(level) % 2 else []
        )
    return level[0]


def _known(node: Node) -> Node:
    return Literal(None, BOOL) if node.type == NULL else node


def require_bool(node: Node, what: str) -> None:
    """Refuse a node that is not boolean.

    Raises:
        ExpressionError: it is of another type.
    """
    if node.type not in (BOOL, NULL):
        raise ExpressionError(f"{what} of {node.type}", "true or false", "compare the value with something")


def negate(node: Node) -> Node:
    """NOT: NULL stays NULL."""
    require_bool(node, "NOT")
    return build("not", (_known(node),), BOOL)


def is_null(node: Node) -> Node:
    """True when the value is missing (NaN counts as missing), else false."""
    return Literal(True, BOOL) if node.type == NULL else build("is_null", (node,), BOOL)


def is_true(node: Node, wanted: bool = True) -> Node:
    """IS TRUE or IS FALSE: never NULL."""
    require_bool(node, "IS TRUE")
    return build("is_true" if wanted else "is_false", (_known(node),), BOOL)


def is_in(node: Node, values: Iterable[Node | Value]) -> Node:
    """True when the value is one of a list; NULL when the value is NULL.

    Args:
        node: what is looked for.
        values: literals, or plain values of the node's type; at least one.

    Raises:
        ExpressionError: an empty list, a NULL in it, a value that is no literal or of another type.
    """
    options = []
    for value in values:
        option = value if isinstance(value, Column | Literal | Call) else literals.plain(value, node.type)
        if not isinstance(option, Literal):
            raise ExpressionError("a list of IN that holds more than fixed values", "numbers, texts and dates")
        if option.value is None:
            raise ExpressionError("NULL in the list of IN", hint="systems disagree about it: write OR … IS NULL")
        options.append(option)
    if not options:
        raise ExpressionError("an empty list of IN", "at least one value")
    if node.type == NULL:
        raise ExpressionError("NULL IN (…)", "a column or value")
    unified = functions.unify([node, *options], "IN")
    return build("in", tuple(unified), BOOL)


def like(node: Node, pattern: str, escape: str = "") -> Node:
    """LIKE: case-sensitive, `%` any text, `_` one code point.

    Raises:
        ExpressionError: not text, or a pattern that ends in its escape.
    """
    return functions.like(node, pattern, escape)


def case(branches: Iterable[tuple[Node, Node]], default: Node | None = None) -> Node:
    """CASE: the value of the first branch whose condition is true, else the default, else NULL.

    Raises:
        ExpressionError: a condition that is not boolean, or values without a common type.
    """
    pairs = list(branches)
    for condition, _ in pairs:
        require_bool(condition, "WHEN")
    values = functions.unify([value for _, value in pairs] + [default or Literal(None, NULL)], "CASE")
    arguments = [part for (condition, _), value in zip(pairs, values, strict=False) for part in (_known(condition), value)]
    return build("case", (*arguments, values[-1]), functions.branch_type(values))


def expression_of(node: Node, text: str = "") -> Expression:
    """Wrap a node; `text` is what reports show.

    Raises:
        ExpressionError: too large to be emitted.
    """
    if node.type == NULL:
        raise ExpressionError("an expression that is only NULL", "a typed value")
    if node.size > MAX_SIZE:
        raise ExpressionError(
            "an expression that is too large", f"{MAX_SIZE} operations once it is spelled out", "derive a column for a part of it"
        )
    names = dict.fromkeys(part.name for part in walk(node) if isinstance(part, Column))
    clock = any(isinstance(part, Call) and part.name in ("now", "today") for part in walk(node))
    return Expression(text, node, node.type, tuple(names), clock)
