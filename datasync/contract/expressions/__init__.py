"""Restricted SQL in, checked expressions for polars and four SQL dialects out."""

from datasync.contract.expressions.compiler import compile_expression
from datasync.contract.expressions.expression import Expression
from datasync.contract.expressions.nodes import expression_of
from datasync.contract.expressions.problems import ExpressionError

__all__ = ["Expression", "ExpressionError", "compile_expression", "expression_of"]
