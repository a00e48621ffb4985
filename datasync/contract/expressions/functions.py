"""A function's name and arguments in, a typed call out: the table of every function an expression may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datasync.contract.expressions import numbers, regex
from datasync.contract.expressions.arithmetic import UNITS, need, whole_division
from datasync.contract.expressions.comparing import alike, compare
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.expressions.tree import NULL, Literal, Node, build
from datasync.contract.types import BOOL, DATE, FLOAT64, INT64, STRING, TIMESTAMP_UTC, DataType
from datasync.errors import did_you_mean

MAX_PARTS = 50


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language.

    Attributes:
        usage: how it is written, for messages.
        least: fewest arguments.
        most: most arguments.
        make: arguments in, typed node out; raises ExpressionError.
    """

    usage: str
    least: int
    most: int
    make: Callable[..., Node]


def apply(name: str, *arguments: Node) -> Node:
    """Make the call of a function.

    Args:
        name: a name of `FUNCTIONS`.
        arguments: its typed arguments.

    Raises:
        ExpressionError: unknown function, wrong number or types of arguments.
    """
    function = FUNCTIONS.get(name)
    if function is None:
        raise ExpressionError(
            f"unknown function {name[:60]}()", ", ".join(FUNCTIONS), REFUSED.get(name) or did_you_mean(name, FUNCTIONS)
        )
    if not function.least <= len(arguments) <= function.most:
        raise ExpressionError(f"{name}() with {len(arguments)} arguments", function.usage)
    return function.make(*arguments)


def _text(node: Node, usage: str) -> None:
    need(node, node.type.name == "string", usage, "text")


def _of_text(name: str, kind: DataType) -> Callable[[Node], Node]:
    def make(text: Node) -> Node:
        _text(text, f"{name}()")
        return build(name, (text,), kind)

    return make


def _abs(number: Node) -> Node:
    need(number, number.type.is_numeric, "abs()", "a number")
    if number.type.is_float:
        return build("abs", (numbers.to_float(number),), FLOAT64)
    return build("abs", (number,), INT64 if number.type.is_integer else number.type)


def _round(number: Node, places: Node | None = None) -> Node:
    need(number, number.type.name == "decimal" or number.type.is_integer, "round()", "a decimal")
    digits = 0 if places is None else _integer(places, "round(number, digits)", 0, 38)
    if number.type.is_integer or digits >= number.type.scale:
        return number
    whole = number.type.precision - number.type.scale
    kind = numbers.decimal_of(whole + 1 + digits, digits)
    return build("round", (number,), kind)


def _integer(node: Node, usage: str, least: int, most: int) -> int:
    if not (isinstance(node, Literal) and node.type.is_integer and isinstance(node.value, int) and least <= node.value <= most):
        raise ExpressionError(f"an argument of {usage} that is not a fixed number", f"a whole number from {least} to {most}")
    return node.value


def _word(node: Node, usage: str) -> str:
    if not (isinstance(node, Literal) and isinstance(node.value, str)):
        raise ExpressionError(f"an argument of {usage} that is not a fixed text", "a text in single quotes")
    return node.value


def _nullif(value: Node, other: Node) -> Node:
    need(value, value.type != NULL, "nullif()", "a typed value")
    left, right = compare("eq", value, other).arguments  # type: ignore[union-attr]
    return build("nullif", (left, right), left.type)


def unify(nodes: list[Node], what: str) -> list[Node]:
    """Bring all branches of a CASE or coalesce to one type.

    Raises:
        ExpressionError: they have no common type, or all are NULL.
    """
    typed = [node for node in nodes if node.type != NULL]
    if not typed:
        raise ExpressionError(f"{what} with nothing but NULL", "at least one typed value")
    widest = typed[0]
    for node in typed[1:]:
        widest = alike(widest, node, what)[0]
    return [alike(node, widest, what)[0] for node in nodes]


def _coalesce(*parts: Node) -> Node:
    unified = unify(list(parts), "coalesce()")
    return build("coalesce", tuple(unified), branch_type(unified))


def branch_type(nodes: list[Node]) -> DataType:
    """Give the type of a CASE or coalesce over unified branches: the widest integer, else the common type."""
    kinds = {node.type for node in nodes}
    if len(kinds) == 1:
        return kinds.pop()
    if DataType("uint64") in kinds:
        raise ExpressionError("uint64 and a signed integer as one value", "one of them", "declare the column as decimal(20,0)")
    return INT64 if all(kind.is_integer for kind in kinds) else STRING


def _concat(*parts: Node) -> Node:
    for part in parts:
        _text(part, "concat()")
    return build("concat", parts, STRING)


def _substr(text: Node, start: Node, length: Node | None = None) -> Node:
    _text(text, "substr()")
    _integer(start, "substr(text, start, length)", 1, 2**31 - 1)
    if length is None:
        return build("substr", (text, start), STRING)
    _integer(length, "substr(text, start, length)", 0, 2**31 - 1)
    return build("substr", (text, start, length), STRING)


def like(text: Node, pattern: str, escape: str = "") -> Node:
    """Make a LIKE: case-sensitive, `%` any text, `_` one code point.

    The literal kept is a pattern in one spelling: `%`, `_`, and `~` before a character that stands for itself.

    Raises:
        ExpressionError: not text, an escape of more than one character, or a pattern that ends in its escape.
    """
    _text(text, "LIKE")
    if len(escape) > 1:
        raise ExpressionError("an ESCAPE of more than one character", "one character")
    if "\\" in pattern and not escape:
        raise ExpressionError(
            "a backslash in a LIKE pattern", hint=r"its meaning differs between systems: write ESCAPE '\' or another escape"
        )
    normal, rest = "", iter(pattern)
    for character in rest:
        if escape and character == escape:
            following = next(rest, None)
            if following is None:
                raise ExpressionError("a LIKE pattern that ends in its escape character")
            normal += _literal_like(following)
        else:
            normal += character if character in "%_" else _literal_like(character)
    return build("like", (text, Literal(normal, STRING)), BOOL)


def _literal_like(text: str) -> str:
    return "".join("~" + character if character in "%_~" else character for character in text)


def _starts(text: Node, part: Node) -> Node:
    return _part("starts_with", text, part)


def _ends(text: Node, part: Node) -> Node:
    return _part("ends_with", text, part)


def _contains(text: Node, part: Node) -> Node:
    return _part("contains", text, part)


def _part(name: str, text: Node, part: Node) -> Node:
    _text(text, f"{name}()")
    word = _literal_like(_word(part, f"{name}(text, 'part')"))
    pattern = {"starts_with": f"{word}%", "ends_with": f"%{word}", "contains": f"%{word}%"}[name]
    return build("like", (text, Literal(pattern, STRING)), BOOL)


def _matches(text: Node, pattern: Node) -> Node:
    need(text, text.type.is_text, "matches()", "text")
    try:
        regex.compile_regex(_word(pattern, "matches(text, 'regex')"))
    except ExpressionError as error:
        # Its position counts within the regex; the parser puts the function's place here instead.
        raise ExpressionError(error.found, error.allowed, error.hint) from None
    return build("matches", (text, pattern), BOOL)


def _is_json(text: Node) -> Node:
    need(text, text.type.name in ("string", "json"), "is_json()", "text")
    return build("is_json", (text,), BOOL)


def _date_diff(unit: Node, start: Node, end: Node) -> Node:
    word = _word(unit, "date_diff('day', a, b)")
    if word not in UNITS:
        raise ExpressionError(f"unit '{word[:20]}'", ", ".join(UNITS), did_you_mean(word, UNITS))
    left, right = alike(start, end, "date_diff()")
    need(left, left.type.name in ("date", "timestamp"), "date_diff()", "two dates or two timestamps")
    if left.type.name == "date" and word != "day":
        raise ExpressionError(f"date_diff('{word}') of dates", "'day' for dates")
    return build("date_diff", (Literal(word, STRING), left, right), INT64)


def _field(name: str) -> Callable[[Node], Node]:
    def make(value: Node) -> Node:
        fits = value.type.name == "timestamp" or (value.type.name == "date" and name != "hour")
        need(value, fits, f"{name}()", "a timestamp" if name == "hour" else "a date or timestamp")
        if value.type.zone not in (None, "UTC"):
            raise ExpressionError(
                f"{name}() of {value.type}",
                "a timestamp without a zone, or in UTC",
                "systems disagree about zones: derive a local column first",
            )
        return build(name, (value,), INT64)

    return make


def _reference(name: str, kind: DataType) -> Callable[[], Node]:
    return lambda: build(name, (), kind)


FUNCTIONS: dict[str, Function] = {
    "abs": Function("abs(number)", 1, 1, _abs),
    "round": Function("round(decimal, digits)", 1, 2, _round),
    "div": Function("div(a, b)", 2, 2, lambda left, right: whole_division("int_div", left, right)),
    "mod": Function("mod(a, b)", 2, 2, lambda left, right: whole_division("mod", left, right)),
    "nullif": Function("nullif(value, other)", 2, 2, _nullif),
    "coalesce": Function("coalesce(a, b, …)", 2, MAX_PARTS, _coalesce),
    "length": Function("length(text)", 1, 1, _of_text("length", INT64)),
    "lower": Function("lower(text)", 1, 1, _of_text("lower", STRING)),
    "upper": Function("upper(text)", 1, 1, _of_text("upper", STRING)),
    "trim": Function("trim(text)", 1, 1, _of_text("trim", STRING)),
    "concat": Function("concat(a, b, …)", 2, MAX_PARTS, _concat),
    "substr": Function("substr(text, start, length)", 2, 3, _substr),
    "starts_with": Function("starts_with(text, 'part')", 2, 2, _starts),
    "ends_with": Function("ends_with(text, 'part')", 2, 2, _ends),
    "contains": Function("contains(text, 'part')", 2, 2, _contains),
    "matches": Function("matches(text, 'regex')", 2, 2, _matches),
    "is_json": Function("is_json(text)", 1, 1, _is_json),
    "date_diff": Function("date_diff('day', start, end)", 3, 3, _date_diff),
    "year": Function("year(date)", 1, 1, _field("year")),
    "month": Function("month(date)", 1, 1, _field("month")),
    "day": Function("day(date)", 1, 1, _field("day")),
    "hour": Function("hour(timestamp)", 1, 1, _field("hour")),
    "now": Function("now()", 0, 0, _reference("now", TIMESTAMP_UTC)),
    "today": Function("today()", 0, 0, _reference("today", DATE)),
}
"""Every function: lower and upper change ASCII letters only, trim removes spaces, length counts code points, concat is NULL if a
part is, date_diff is the elapsed time cut off to whole units, now() and today() are the run's clock in UTC."""

_AGGREGATE = "an expression sees one row; use count, null_share, distinct or an expectation"
_CHANCE = "an expression gives the same result every time"
REFUSED = {
    **dict.fromkeys(
        (
            "count",
            "sum",
            "avg",
            "min",
            "max",
            "stddev",
            "variance",
            "array_agg",
            "string_agg",
            "row_number",
            "rank",
            "lag",
            "lead",
        ),
        _AGGREGATE,
    ),
    **dict.fromkeys(("random", "rand", "uuid", "gen_random_uuid", "nextval"), _CHANCE),
    **dict.fromkeys(
        ("cast", "try_cast", "to_char", "to_date", "to_timestamp", "to_number"),
        "nothing is cast: give the column the type it needs",
    ),
    **dict.fromkeys(("least", "greatest"), "systems disagree about NULL: write CASE"),
    **dict.fromkeys(("ceil", "ceiling", "floor", "trunc"), "use round() of a decimal, or div()"),
    **dict.fromkeys(("current_date", "curdate"), "write today()"),
    **dict.fromkeys(("current_timestamp", "localtimestamp", "clock_timestamp", "getdate"), "write now()"),
    **dict.fromkeys(("regexp_matches", "regexp_like", "regexp"), "write matches(text, 'regex')"),
    **dict.fromkeys(("char_length", "len", "character_length"), "write length()"),
    **dict.fromkeys(("ifnull", "nvl", "isnull"), "write coalesce()"),
    **dict.fromkeys(("substring", "left", "right", "mid"), "write substr(text, start, length)"),
    **dict.fromkeys(("extract", "date_part"), "write year(), month(), day() or hour()"),
}
"""Functions that authors may try, with what to do instead."""
