"""The text of an expression in, a checked Expression out."""

from __future__ import annotations

from collections.abc import Mapping

from datasync.contract.expressions.expression import Expression
from datasync.contract.expressions.nodes import expression_of
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.types import BOOL, DataType

MAX_CHARACTERS = 2_000


def compile_expression(text: str, columns: Mapping[str, DataType], *, boolean: bool = False) -> Expression:
    """Parse and type-check an expression.

    Meaning: SQL in the PostgreSQL spelling, three-valued; NaN counts as NULL. What systems disagree about is refused here.

    Args:
        text: one expression, at most 2,000 characters and 200 operations.
        columns: every name that may stand in it, with its type: the columns of a row, or a run's metrics.
        boolean: refuse a result that is not true or false.

    Returns:
        The expression, ready to be emitted.

    Raises:
        ExpressionError: with what was found, what is allowed, a hint and the position in `text`.
    """
    if not isinstance(text, str) or not text.strip():
        raise ExpressionError("an empty expression", "one expression, such as price > 0", position=0)
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(
            f"an expression of {len(text)} characters",
            f"{MAX_CHARACTERS} characters",
            "split it into several rules",
            MAX_CHARACTERS,
        )
    from datasync.contract.expressions.parser import parse

    node = parse(text, columns)
    if boolean and node.type != BOOL:
        raise ExpressionError(f"an expression of type {node.type}", "true or false", "compare the value with something", 0)
    return expression_of(node, text)
