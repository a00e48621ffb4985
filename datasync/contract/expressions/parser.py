"""The text of an expression and its columns in, a typed tree out: sqlglot reads, an allow-list of nodes and arguments decides.

Every function call is read as an anonymous one, so that no rewriting of sqlglot's own stands between the author and `FUNCTIONS`.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from datasync.contract.expressions import functions, literals, nodes
from datasync.contract.expressions.arithmetic import INTERVAL, UNITS, negate_number
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.expressions.tree import NULL, Literal, Node
from datasync.contract.types import BOOL, STRING, DataType
from datasync.errors import did_you_mean, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot import exp

MAX_NODES = 200
_WORDS = {
    "current_date": "write today()", "current_timestamp": "write now()", "current_time": "write now()",
    "localtimestamp": "write now()",
    "current_user": "an expression sees the row only", "session_user": "an expression sees the row only",
}  # fmt: skip
_REFUSED = {
    "DPipe": ("||", "write concat(a, b)"),
    "Cast": ("a cast", "give the column the type it needs in the contract; dates are written DATE '2024-01-31'"),
    "TryCast": ("a cast", "give the column the type it needs in the contract"),
    "Subquery": ("a subquery", "an expression sees one row; use references: for other tables"),
    "Select": ("a query", "an expression sees one row"),
    "Exists": ("a subquery", "an expression sees one row; use references: for other tables"),
    "ILike": ("ILIKE", "write lower(text) LIKE '…'"),
    "SimilarTo": ("SIMILAR TO", "write matches(text, 'regex')"),
    "RegexpLike": ("the operator ~", "write matches(text, 'regex')"),
    "RegexpILike": ("the operator ~*", "write matches(lower(text), 'regex')"),
    "Window": ("OVER", "an expression sees one row"),
    "Filter": ("FILTER", "an expression sees one row"),
    "Parameter": ("a parameter", "write the value itself"),
    "Placeholder": ("a parameter", "write the value itself"),
    "Collate": ("COLLATE", "text is always compared by code point"),
    "Pow": ("the operator ^", "multiply"),
    "Star": ("*", "name the columns"),
    "Distinct": ("DISTINCT", "an expression sees one row"),
    "Block": ("more than one statement", "write one expression"),
    "Alias": ("a name or cast (AS)", "nothing is cast in an expression"),
    "AtTimeZone": ("AT TIME ZONE", "derive the column with convert_timezone"),
}
"""sqlglot's nodes that authors may write, with the words for them and what to do instead."""


@functools.cache
def _dialect() -> Any:
    from sqlglot.dialects.postgres import Postgres

    class RestrictedSQL(Postgres):
        class Parser(Postgres.Parser):  # type: ignore[misc,valid-type]
            FUNCTIONS: dict[str, Any] = {}  # noqa: RUF012
            FUNCTION_PARSERS: dict[str, Any] = {}  # noqa: RUF012
            NO_PAREN_FUNCTIONS: dict[Any, Any] = {}  # noqa: RUF012
            NO_PAREN_FUNCTION_PARSERS = {"CASE": Postgres.Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]}  # noqa: RUF012

    return RestrictedSQL()


def parse(text: str, columns: Mapping[str, DataType]) -> Node:
    """Read one expression.

    Args:
        text: restricted SQL.
        columns: the names that may stand in it, with their types.

    Raises:
        ExpressionError: any text that is not of the language.
    """
    import sqlglot.errors

    dialect = _dialect()
    try:
        tokens = dialect.tokenize(text)
        for token in tokens:
            if token.comments:
                raise ExpressionError("a comment", hint="put it into description:", position=token.start)
        with _quiet():
            statements = dialect.parser().parse(tokens, text)
    except sqlglot.errors.TokenError:
        raise ExpressionError("a text or name whose quote is not closed", "quotes in pairs", position=_last_quote(text)) from None
    except sqlglot.errors.ParseError as error:
        raise ExpressionError(
            "not an expression", "restricted SQL such as price > 0 AND sku IS NOT NULL", position=_place(error, text)
        ) from None
    except RecursionError:
        raise ExpressionError("an expression that is nested too deeply", "some 30 levels of brackets", position=0) from None
    if len(statements) != 1 or statements[0] is None:
        raise ExpressionError("more than one statement", "one expression", "write one expression", _find(text, ";"))
    return _read(statements[0], _Scope(text, columns))


@contextmanager
def _quiet() -> Iterator[None]:
    # sqlglot logs what it falls back on; such a fallback is refused below anyway.
    logger = logging.getLogger("sqlglot")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _read(tree: exp.Expression, scope: _Scope) -> Node:
    count = sum(1 for _ in tree.walk())
    if count > 2 * MAX_NODES:
        raise ExpressionError(
            "an expression of too many parts", f"{MAX_NODES} operations and values", "split it into several rules", 0
        )
    try:
        return scope.read(tree)
    except RecursionError:
        raise ExpressionError("an expression that is nested too deeply", "some 30 levels of brackets", position=0) from None


def _place(error: Any, text: str) -> int:
    found = error.errors[0] if error.errors else {}
    lines = text.split("\n")
    line, column = int(found.get("line") or 1), int(found.get("col") or 1)
    highlight = len(found.get("highlight") or "")
    return min(sum(len(part) + 1 for part in lines[: line - 1]) + max(column - highlight, 0), len(text))


def _last_quote(text: str) -> int:
    return max(text.rfind("'"), text.rfind('"'), 0)


def _find(text: str, word: str) -> int:
    match = re.search(rf"(?<!\w){re.escape(word)}(?!\w)" if word[:1].isalnum() else re.escape(word), text)
    return match.start() if match else 0


class _Scope:
    """Reads sqlglot's nodes of one text; counts them on the way."""

    def __init__(self, text: str, columns: Mapping[str, DataType]) -> None:
        self.text = text
        self.columns = columns
        self.count = 0

    def read(self, tree: Any) -> Node:
        kind = type(tree).__name__
        if kind == "Paren":
            self._only(tree, "this")
            return self.read(tree.this)
        self.count += 1
        if self.count > MAX_NODES:
            raise ExpressionError(
                "an expression of too many parts", f"{MAX_NODES} operations and values", "split it into several rules", 0
            )
        reader = _READERS.get(kind)
        if reader is None:
            raise self._refuse(tree, kind)
        try:
            return reader(self, tree)
        except ExpressionError as error:
            if error.position < 0:
                error.position = self.position(tree)
            raise

    def position(self, tree: Any) -> int:
        """Give the offset of the first word of the node."""
        places = [int(part.meta["start"]) for part in tree.walk() if "start" in part.meta]
        places += [_find(self.text, part.name) for part in tree.walk() if type(part).__name__ == "Identifier"]
        return min(places, default=0)

    def _refuse(self, tree: Any, kind: str) -> ExpressionError:
        words, hint = _REFUSED.get(kind, (f"{kind.upper()} is not part of the language", ""))
        return ExpressionError(
            words, "+ - * / %, comparisons, BETWEEN, IN, LIKE, IS, CASE, AND, OR, NOT and functions", hint, self.position(tree)
        )

    def _only(self, tree: Any, *known: str) -> None:
        """Refuse a node with an argument that we would ignore: ignoring `negate`, say, would turn a rule around."""
        for key, value in tree.args.items():
            if key not in known and value not in (None, False, [], ""):
                raise ExpressionError(f"{type(tree).__name__.upper()} with {key}", "its plain form", position=self.position(tree))

    def column(self, tree: Any) -> Node:
        self._only(tree, "this")
        if type(tree.this).__name__ != "Identifier":
            raise self._refuse(tree.this, type(tree.this).__name__)
        self._only(tree.this, "this", "quoted")
        name = tree.this.name
        if name in self.columns:
            return nodes.column(name, self.columns[name])
        allowed = shorten(", ".join(self.columns), 200)
        hint = "" if tree.this.args.get("quoted") else _WORDS.get(name.lower(), "")
        raise ExpressionError(
            f"unknown column '{shorten(name, 60)}'", allowed, hint or did_you_mean(name, self.columns), _find(self.text, name)
        )

    def literal(self, tree: Any) -> Node:
        self._only(tree, "this", "is_string")
        return Literal(tree.this, STRING) if tree.is_string else literals.number(tree.this)

    def boolean(self, tree: Any) -> Node:
        self._only(tree, "this")
        return Literal(bool(tree.this), BOOL)

    def null(self, tree: Any) -> Node:
        self._only(tree)
        return Literal(None, NULL)

    def function(self, tree: Any) -> Node:
        self._only(tree, "this", "expressions")
        if not isinstance(tree.this, str):
            raise ExpressionError("a function name in quotes", "a name such as length")
        name = tree.this.lower()
        if name not in functions.FUNCTIONS:
            return functions.apply(name)
        return functions.apply(name, *(self.read(argument) for argument in tree.expressions))

    def operate(self, symbol: str, tree: Any) -> Node:
        self._only(tree, "this", "expression", "typed", "safe") if symbol == "/" else self._only(tree, "this", "expression")
        return nodes.arithmetic(symbol, self.read(tree.this), self.read(tree.expression))

    def compare(self, symbol: str, tree: Any) -> Node:
        self._only(tree, "this", "expression")
        return nodes.compare(symbol, self.read(tree.this), self.read(tree.expression))

    def logic(self, join: Callable[..., Node], tree: Any) -> Node:
        self._only(tree, "this", "expression")
        return join(self.read(tree.this), self.read(tree.expression))

    def negate(self, tree: Any) -> Node:
        self._only(tree, "this")
        return nodes.negate(self.read(tree.this))

    def minus(self, tree: Any) -> Node:
        self._only(tree, "this")
        return negate_number(self.read(tree.this))

    def same(self, tree: Any) -> Node:
        return nodes.negate(self.compare("is distinct from", tree))

    def is_(self, tree: Any) -> Node:
        self._only(tree, "this", "expression", "negate")
        kind = type(tree.expression).__name__
        if kind == "Null":
            answer = nodes.is_null(self.read(tree.this))
        elif kind == "Boolean":
            answer = nodes.is_true(self.read(tree.this), bool(tree.expression.this))
        else:
            raise ExpressionError(
                f"IS {kind.upper()}",
                "IS NULL, IS TRUE, IS FALSE, IS DISTINCT FROM",
                "for JSON write is_json(text)" if kind == "JSON" else "",
            )
        return nodes.negate(answer) if tree.args.get("negate") else answer

    def between(self, tree: Any) -> Node:
        self._only(tree, "this", "low", "high")
        value = self.read(tree.this)
        return nodes.all_of(
            nodes.compare(">=", value, self.read(tree.args["low"])), nodes.compare("<=", value, self.read(tree.args["high"]))
        )

    def in_(self, tree: Any) -> Node:
        if tree.args.get("query") is not None:
            raise ExpressionError("a subquery", hint="use references: for other tables")
        self._only(tree, "this", "expressions")
        return nodes.is_in(self.read(tree.this), [self.read(value) for value in tree.expressions])

    def like(self, tree: Any, escape: str = "") -> Node:
        self._only(tree, "this", "expression", "negate")
        pattern = tree.expression
        if not (type(pattern).__name__ == "Literal" and pattern.is_string):
            raise ExpressionError("a LIKE pattern that is not a fixed text", "a text in single quotes")
        self.count += 1
        found = nodes.like(self.read(tree.this), pattern.this, escape)
        return nodes.negate(found) if tree.args.get("negate") else found

    def escape(self, tree: Any) -> Node:
        self._only(tree, "this", "expression")
        if type(tree.this).__name__ != "Like" or not getattr(tree.expression, "is_string", False) or not tree.expression.this:
            raise ExpressionError("ESCAPE", "LIKE 'pattern' ESCAPE 'character'")
        return self.like(tree.this, tree.expression.this)

    def case(self, tree: Any) -> Node:
        self._only(tree, "this", "ifs", "default")
        subject = self.read(tree.this) if tree.this is not None else None
        branches = []
        for branch in tree.args["ifs"]:
            self._only(branch, "this", "true")
            condition = self.read(branch.this)
            branches.append(
                (condition if subject is None else nodes.compare("=", subject, condition), self.read(branch.args["true"]))
            )
        default = tree.args.get("default")
        return nodes.case(branches, self.read(default) if default is not None else None)

    def typed_literal(self, tree: Any) -> Node:
        self._only(tree, "this", "to")
        target = str(tree.args["to"].this.value)
        readers = {
            "DATE": literals.day,
            "TIMESTAMP": literals.timestamp,
            "TIMESTAMPTZ": literals.timestamp,
            "TIME": literals.clock_time,
        }
        if target not in readers or not getattr(tree.this, "is_string", False) or tree.args["to"].expressions:
            raise self._refuse(tree, "Cast")
        made = readers[target](tree.this.this)
        if target == "TIMESTAMPTZ" and made.type.zone is None:
            raise ExpressionError("a TIMESTAMPTZ without an offset", "TIMESTAMP '2024-01-31 12:00:00+00'")
        return made

    def interval(self, tree: Any) -> Node:
        self._only(tree, "this", "unit")
        unit = str(getattr(tree.args.get("unit"), "name", "") or "").lower().removesuffix("s")
        amount = getattr(tree.this, "this", "")
        if unit not in UNITS or not isinstance(amount, str) or not amount.isdecimal() or len(amount) > 9:
            hint = "months and years have no fixed length" if unit in ("month", "year") else ""
            raise ExpressionError(f"INTERVAL of {shorten(unit or '?', 20)}", "INTERVAL 'n' DAY, HOUR, MINUTE or SECOND", hint)
        return Literal(int(amount) * UNITS[unit], INTERVAL)


_READERS: dict[str, Callable[[_Scope, Any], Node]] = {
    "Column": _Scope.column, "Literal": _Scope.literal, "Boolean": _Scope.boolean, "Null": _Scope.null,
    "Anonymous": _Scope.function,
    "Not": _Scope.negate, "Neg": _Scope.minus, "Is": _Scope.is_, "Between": _Scope.between, "In": _Scope.in_, "Like": _Scope.like,
    "Escape": _Scope.escape, "Case": _Scope.case, "Cast": _Scope.typed_literal, "Interval": _Scope.interval,
    "And": lambda scope, tree: scope.logic(nodes.all_of, tree), "Or": lambda scope, tree: scope.logic(nodes.any_of, tree),
    "NullSafeNEQ": lambda scope, tree: scope.compare("is distinct from", tree), "NullSafeEQ": _Scope.same,
    **{kind: functools.partial(lambda scope, tree, symbol: scope.operate(symbol, tree), symbol=symbol)
       for kind, symbol in {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "Mod": "%"}.items()},
    **{kind: functools.partial(lambda scope, tree, symbol: scope.compare(symbol, tree), symbol=symbol)
       for kind, symbol in {"EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}.items()},
}  # fmt: skip
"""Every node of sqlglot that the language knows."""
