"""A source's table or query and a read request in, the statement that reads it and the values it binds out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.contract.types import DataType, Dialect
from datasync.contract.variables import bind_names, bound_names, render_identifiers
from datasync.errors import PermanentError, UsageError
from datasync.plan.local_time import held
from datasync.plan.window import latest
from datasync.seams import ReadRequest, WindowValue

Style = Literal["named", "dollar", "pyformat", "qmark", "literal"]
"""How a driver takes values; `literal`: it takes none where rows are streamed, so they are written as typed literals."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL in a driver's style, and the values of its placeholders in order."""

    sql: str
    names: tuple[str, ...] = ()
    values: Mapping[str, Any] | None = None

    def ordered(self) -> list[Any]:
        """The values, one per placeholder."""
        known = self.values or {}
        return [known[name] for name in self.names]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a source reads: exactly one of table and query."""

    table: str | None
    query: str | None
    dialect: Dialect
    style: Style


def refuse_parts(kind: str, endpoint: Any) -> None:
    """Refuse `partition` where a database in this process gains nothing by it; a key that does nothing would mislead.

    Raises:
        UsageError: the endpoint has it.
    """
    if endpoint.partition is not None:
        raise UsageError(f"source.partition: {kind} is read in one stream", hint="leave it out; postgres reads in parts")


def check_file(path: Path, written: str) -> None:
    """See that a database file is there.

    Args:
        path: where.
        written: as the contract names it.

    Raises:
        PermanentError: it is not.
    """
    if not path.exists():
        raise PermanentError(f"there is no file {written}", code="E_SOURCE_MISSING", hint="check source.database")


def quote_table(name: str, dialect: Dialect) -> str:
    """Quote `table` or `schema.table`.

    Raises:
        UsageError: more than two parts.
    """
    parts = name.split(".")
    if len(parts) > 2:
        raise UsageError(f"'{name[:80]}' is no table: write table or schema.table", code="E_NO_TABLE")
    return ".".join(quote_identifier(part, dialect) for part in parts)


def relation(selection: Selection, variables: Mapping[str, Any]) -> Statement:
    """Give SQL that stands after FROM, with its bound values.

    Raises:
        UsageError: the query names a variable that the run does not have.
    """
    if selection.table is not None:
        return Statement(quote_table(selection.table, selection.dialect))
    assert selection.query is not None
    query = selection.query.strip().rstrip(";")
    text = render_identifiers(query, variables, lambda name: quote_identifier(name, selection.dialect))
    missing = [bound.name for bound in bound_names(text) if bound.name not in variables]
    if missing:
        raise UsageError(f"the query binds :{missing[0]}, which this run has no value for", code="E_VARIABLE")
    if selection.style == "literal":
        alias = "q" if selection.dialect == "oracle" else "AS q"
        return Statement(f"(\n{_with_literals(text, variables, selection.dialect)}\n) {alias}")
    sql, names = bind_names(text, selection.style)
    return Statement(f"(\n{sql}\n) AS q", tuple(names), variables)


def _with_literals(query: str, variables: Mapping[str, Any], dialect: Dialect) -> str:
    """Replace every `:name` by a literal of its value's own type."""
    parts: list[str] = []
    last = 0
    for bound in bound_names(query):
        value = variables[bound.name]
        parts += [query[last : bound.start], literal_sql(value, kind_of(value), dialect)]
        last = bound.end
    return "".join([*parts, query[last:]])


def kind_of(value: Any) -> DataType:
    """Give the type of a variable's value.

    Raises:
        UsageError: a value that no variable has.
    """
    if isinstance(value, Decimal):
        _, digits, exponent = value.as_tuple()
        scale = max(0, -exponent) if isinstance(exponent, int) else 0
        return DataType("decimal", precision=max(len(digits) + max(0, int(exponent)), scale, 1), scale=scale)
    if isinstance(value, datetime):
        return DataType("timestamp", zone="UTC" if value.tzinfo else None)
    # bool before int: it is one.
    kinds: dict[type, str] = {bool: "bool", int: "int64", float: "float64", date: "date", time: "time", str: "string"}
    for known, name in kinds.items():
        if isinstance(value, known):
            return DataType(name)
    if value is None:
        return DataType("string")
    raise UsageError(f"a variable cannot be a {type(value).__name__}", code="E_VARIABLE")


def own_window(selection: Selection) -> bool:
    """Tell whether the author's query bounds its window itself."""
    if selection.query is None:
        return False
    return {"window_start", "window_end"} <= {bound.name for bound in bound_names(selection.query)}


def condition(request: ReadRequest, selection: Selection, expression: str = "") -> str:
    """Give the WHERE clause of the request's window; empty when there is none.

    Args:
        request: window and cursor.
        selection: what is read.
        expression: SQL that compares as the cursor means, where its column does not by itself.
    """
    if request.window is None or request.cursor is None or own_window(selection):
        return ""
    column = expression or quote_identifier(request.cursor, selection.dialect)
    parts = [f"{column} < {bound(request.window.end, request, selection.dialect)}"]
    if request.window.start is not None:
        parts.insert(0, f"{column} >= {bound(request.window.start, request, selection.dialect)}")
    return " WHERE " + " AND ".join(parts)


def bound(value: WindowValue, request: ReadRequest, dialect: Dialect) -> str:
    """Write a window's bound as a literal of the cursor's type."""
    kind = request.cursor_type
    assert kind is not None
    return literal_sql(held(value, kind, request.cursor_zone), kind, dialect)


def grained(kind: DataType | None, digits: int) -> DataType | None:
    """Give a cursor's type with the unit that so many digits of a second surely are; other types as they are."""
    if kind is None or kind.name != "timestamp":
        return kind
    return replace(kind, unit="s" if digits < 3 else "ms" if digits < 6 else "us")


def window_variables(request: ReadRequest) -> dict[str, Any]:
    """Give the run's variables, the window's bounds as the cursor's column holds them.

    A window without a start begins before every value, so that the author's own `>= :window_start` selects everything.
    """
    values = dict(request.variables)
    window, kind = request.window, request.cursor_type
    if window is not None and kind is not None:
        start = window.start if window.start is not None else _beginning(kind)
        values["window_start"] = held(start, kind, request.cursor_zone)
        values["window_end"] = held(window.end, kind, request.cursor_zone)
    return values


def whole_window(variables: Mapping[str, Any], kind: DataType | None = None) -> dict[str, Any]:
    """Give variables for a question about all rows: a query that bounds its own window gets bounds around every value.

    Args:
        variables: the run's.
        kind: the cursor's type; None: it is just being asked for, and the bounds are NULL.
    """
    around: dict[str, Any] = {"window_start": None, "window_end": None}
    if kind is not None:
        around = {"window_start": held(_beginning(kind), kind, None), "window_end": held(latest(kind), kind, None)}
    return {"last_run_time": around["window_start"], **variables, **around}


def bounding(kind: DataType | None) -> DataType | None:
    """Give the type that bounds of a cursor have; None: it is of none that compares as a window does."""
    return kind if kind is not None and (kind.is_integer or kind.name in ("date", "timestamp")) else None


def _beginning(kind: DataType) -> WindowValue:
    if kind.is_integer:
        return -(2**63)
    return date(1, 1, 1) if kind.name == "date" else datetime(1, 1, 2, tzinfo=UTC)
