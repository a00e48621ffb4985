"""A typed tree in, the SQL of one dialect out; where dialects differ, each one's own words for the one meaning.

SQLite holds decimals as text of fixed scale, so it calculates with whole numbers of their smallest unit, at most 18 digits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from datasync.contract.expressions import numbers, regex
from datasync.contract.expressions.dialects import SQLITE_DIGITS, literal_sql, quote_identifier, scaled
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.expressions.sql_text import TEXT_CALLS, comparable
from datasync.contract.expressions.sql_time import TIME_CALLS
from datasync.contract.expressions.tree import Call, Column, Literal, Node
from datasync.contract.types import Dialect

_SMALLEST = "(-9223372036854775808)"
_BEYOND = "9223372036854775808"
_SIGNS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "add": "+", "sub": "-", "mul": "*", "divide": "/"}


def emit(node: Node, dialect: Dialect, clock: datetime | None, qualifier: str = "") -> str:
    """Give the SQL of a tree.

    Args:
        node: the tree.
        dialect: the SQL it is for.
        clock: the instant of now(); with a zone.
        qualifier: a table alias put before every column.

    Returns:
        One operand: a name, a literal, a call or something in brackets.

    Raises:
        ExpressionError: a type, name or text that the dialect cannot hold.
    """
    if isinstance(node, Column) and node.type.name in ("decimal", "json", "binary", "list"):
        return Writer(dialect, clock, qualifier).name(node)
    made = Writer(dialect, clock, qualifier).of(node)
    return _stored_decimal(made, node.type.scale) if dialect == "sqlite" and node.type.name == "decimal" else made


def _stored_decimal(units: str, scale: int) -> str:
    # An expression's value is written the way SQLite's columns hold decimals.
    step = 10**scale
    digits = f"printf('%d.%0{scale}d', abs({units})/{step}, abs({units})%{step})" if scale else f"printf('%d', abs({units}))"
    return f"(CASE WHEN {units} IS NOT NULL THEN CASE WHEN {units} < 0 THEN '-' ELSE '' END || {digits} END)"


class Writer:
    """Writes the nodes of one expression in one dialect."""

    def __init__(self, dialect: Dialect, clock: datetime | None, qualifier: str) -> None:
        self.dialect = dialect
        self.clock = clock
        self.prefix = quote_identifier(qualifier, dialect) + "." if qualifier else ""

    def of(self, node: Node) -> str:
        """Write one node as an operand."""
        if self.dialect == "sqlite" and node.type.name == "decimal" and node.type.precision > SQLITE_DIGITS:
            raise ExpressionError(
                f"{node.type} in SQLite", f"decimals of up to {SQLITE_DIGITS} digits there", "use columns of fewer digits"
            )
        if isinstance(node, Column):
            return self._column(node)
        if isinstance(node, Literal):
            return self._literal(node)
        if node.name in ("now", "today"):
            return self._clock(node)
        return _CALLS[node.name](self, node)

    def name(self, node: Column) -> str:
        """Write a column's name as it is stored."""
        return self.prefix + quote_identifier(node.name, self.dialect)

    def _column(self, node: Column) -> str:
        name, kind = self.name(node), node.type
        if kind.is_float and self.dialect in ("postgres", "duckdb"):
            return not_nan(f"CAST({name} AS {_double(self.dialect)})")
        if kind.name == "decimal" and self.dialect == "sqlite":
            return f"CAST(replace({name}, '.', '') AS INTEGER)"
        if kind.name == "uuid":
            return (
                f"CAST({name} AS {'text' if self.dialect == 'postgres' else 'VARCHAR'})"
                if self.dialect in ("postgres", "duckdb")
                else f"lower({name})"
            )
        return f"CAST({name} AS text)" if kind.name == "json" and self.dialect == "postgres" else name

    def _literal(self, node: Literal) -> str:
        if self.dialect == "sqlite" and isinstance(node.value, Decimal):
            return f"({scaled(node.value, node.type.scale)})"
        return literal_sql(node.value, node.type, self.dialect)

    def _clock(self, node: Call) -> str:
        assert self.clock is not None
        now = self.clock.astimezone(UTC)
        return literal_sql(now.date() if node.name == "today" else now, node.type, self.dialect)

    def operands(self, node: Call) -> list[str]:
        """Write all arguments."""
        return [self.of(argument) for argument in node.arguments]

    def texts(self, node: Call) -> list[str]:
        """Write all arguments so that they compare by code point, if they are texts."""
        return [
            comparable(self.of(argument), self.dialect) if argument.type.is_text else self.of(argument)
            for argument in node.arguments
        ]

    def compare(self, node: Call) -> str:
        left, right = self.texts(node)
        return f"({left} {_SIGNS[node.name]} {right})"

    def distinct(self, node: Call) -> str:
        left, right = self.texts(node)
        if self.dialect == "mysql":
            return f"(NOT ({left} <=> {right}))"
        return f"({left} {'IS NOT' if self.dialect == 'sqlite' else 'IS DISTINCT FROM'} {right})"

    def is_in(self, node: Call) -> str:
        value, *options = self.texts(node)
        return f"({value} IN ({', '.join(options)}))"

    def case(self, node: Call) -> str:
        *parts, default = self.operands(node)
        branches = " ".join(f"WHEN {condition} THEN {value}" for condition, value in zip(parts[::2], parts[1::2], strict=True))
        return f"(CASE {branches} ELSE {default} END)"

    def nullif(self, node: Call) -> str:
        left, right = self.texts(node)
        return f"(CASE WHEN {left} = {right} THEN NULL ELSE {self.of(node.arguments[0])} END)"

    def arithmetic(self, node: Call) -> str:
        if node.arguments[0].type.is_integer:
            return self._integer(node)
        left, right = self.operands(node)
        made = f"({left} {_SIGNS[node.name]} {right})"
        return not_nan(made) if node.type.is_float and self.dialect in ("postgres", "duckdb") else made

    def _integer(self, node: Call) -> str:
        left, right = (self._operand(argument) for argument in node.arguments)
        sign = _SIGNS[node.name]
        if not numbers.may_leave(numbers.raw_range(node)):
            return f"({left} {sign} {right})"
        wide = {"duckdb": "HUGEINT", "postgres": "numeric", "mysql": "DECIMAL(40,0)"}.get(self.dialect)
        return self._checked(f"(CAST({left} AS {wide}) {sign} {right})" if wide else f"({left} {sign} {right})")

    def _operand(self, node: Node) -> str:
        """Write an integer in 64 bits, with what has no negation turned to NULL."""
        made = self.of(node)
        if isinstance(node, Literal) and self.dialect == "sqlite":
            return made
        if node.type.name == "uint64" and not isinstance(node, Literal):
            made = self._checked(made)
        elif numbers.may_leave(numbers.integer_range(node)):
            made = f"NULLIF({made}, {_SMALLEST})"
        cast = {"duckdb": "BIGINT", "postgres": "bigint", "mysql": "SIGNED"}.get(self.dialect)
        return f"CAST({made} AS {cast})" if cast else made

    def _checked(self, wide: str) -> str:
        """Turn an integer beyond ±(2**63-1) to NULL without writing it twice."""
        if self.dialect == "duckdb":
            return f"NULLIF(TRY_CAST({wide} AS BIGINT), {_SMALLEST})"
        if self.dialect == "sqlite":
            # Addition and multiplication beyond 64 bits give a float there.
            inside = f"CASE WHEN typeof(__value)='integer' THEN NULLIF(__value, {_SMALLEST}) END"
            return f"(SELECT {inside} FROM (SELECT {wide} AS __value))"
        clamped = f"NULLIF(NULLIF(LEAST(GREATEST({wide}, {_SMALLEST}), {_BEYOND}), {_SMALLEST}), {_BEYOND})"
        return f"CAST({clamped} AS {'bigint' if self.dialect == 'postgres' else 'SIGNED'})"

    def whole(self, node: Call) -> str:
        left, right = (self._operand(argument) for argument in node.arguments)
        division = {"duckdb": "//", "mysql": "DIV"}.get(self.dialect, "/")
        return f"({left} {'%' if node.name == 'mod' else division} {right})"

    def unary(self, node: Call) -> str:
        argument = node.arguments[0]
        made = self._operand(argument) if argument.type.is_integer else self.of(argument)
        return f"(- {made})" if node.name == "neg" else f"abs({made})"

    def to_decimal(self, node: Call) -> str:
        inner, kind = node.arguments[0], node.type
        made = self.of(inner)
        if self.dialect == "sqlite":
            return f"({made} * {10 ** (kind.scale - inner.type.scale)})"
        return f"CAST({made} AS {'numeric' if self.dialect == 'postgres' else 'DECIMAL'}({kind.precision},{kind.scale}))"

    def to_float(self, node: Call) -> str:
        made = self.of(node.arguments[0])
        # MariaDB cannot cast a signed integer of more than 53 bits any other way than by calculating with a double.
        return f"({made} + 0e0)" if self.dialect == "mysql" else f"CAST({made} AS {_double(self.dialect)})"

    def round(self, node: Call) -> str:
        value, kind = self.of(node.arguments[0]), node.type
        if self.dialect != "sqlite":
            return f"round({value}, {kind.scale})"
        step = 10 ** (node.arguments[0].type.scale - kind.scale)
        return f"(CASE WHEN {value} < 0 THEN -1 ELSE 1 END * ((abs({value}) + {step // 2}) / {step}))"

    def divide_decimal(self, node: Call) -> str:
        """Write round half away from zero of l / r as (2|l| + |r|) / 2|r| in whole numbers."""
        left, right = self.operands(node)
        scale, shift = node.arguments[0].type.scale, 10**node.type.scale
        sign = f"(CASE WHEN ({left} < 0) <> ({right} < 0) THEN -1 ELSE 1 END)"
        if self.dialect == "duckdb":
            left, right = (f"CAST({side} * {10**scale} AS HUGEINT)" for side in (left, right))
        numerator, divisor = f"(2 * abs({left}) * {shift} + abs({right}))", f"(2 * abs({right}))"
        step = f"{Decimal(1).scaleb(-node.type.scale):f}"
        if self.dialect == "postgres":
            return f"({sign} * div({numerator}, {divisor}) * {step})"
        if self.dialect == "mysql":
            return f"({sign} * (({numerator} - {numerator} % {divisor}) / {divisor}) * {step})"
        if self.dialect == "sqlite":
            return f"({sign} * ({numerator} / {divisor}))"
        kind = f"DECIMAL({node.type.precision},{node.type.scale})"
        return f"CAST({sign} * CAST({numerator} // {divisor} AS DECIMAL(38,0)) * {step} AS {kind})"


def not_nan(sql: str) -> str:
    """Turn NaN to NULL."""
    return f"NULLIF({sql}, CAST('NaN' AS double precision))"


def _double(dialect: Dialect) -> str:
    return "REAL" if dialect == "sqlite" else "double precision"


_CALLS: dict[str, Callable[[Writer, Call], str]] = {
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), Writer.compare),
    **dict.fromkeys(("add", "sub", "mul", "divide"), Writer.arithmetic),
    **dict.fromkeys(("mod", "int_div"), Writer.whole),
    **dict.fromkeys(("neg", "abs"), Writer.unary),
    **TEXT_CALLS,
    **TIME_CALLS,
    "distinct": Writer.distinct,
    "in": Writer.is_in,
    "case": Writer.case,
    "coalesce": lambda writer, node: f"coalesce({', '.join(writer.operands(node))})",
    "nullif": Writer.nullif,
    "to_decimal": Writer.to_decimal,
    "to_float": Writer.to_float,
    "round": Writer.round,
    "divide_decimal": Writer.divide_decimal,
    "and": lambda writer, node: "({} AND {})".format(*writer.operands(node)),
    "or": lambda writer, node: "({} OR {})".format(*writer.operands(node)),
    "not": lambda writer, node: f"(NOT {writer.of(node.arguments[0])})",
    "is_null": lambda writer, node: f"({writer.of(node.arguments[0])} IS NULL)",
    "is_true": lambda writer, node: f"({writer.of(node.arguments[0])} IS TRUE)",
    "is_false": lambda writer, node: f"({writer.of(node.arguments[0])} IS FALSE)",
}  # fmt: skip
"""How each operation is said in SQL."""


def register_sqlite(connection: object) -> None:
    """Give a `sqlite3.Connection` the functions that our SQL calls there: `regexp`, for matches().

    Args:
        connection: an open `sqlite3.Connection`.
    """
    connection.create_function("regexp", 2, regex.search, deterministic=True)  # type: ignore[attr-defined]
