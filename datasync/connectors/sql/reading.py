"""A source's table or query and a read request in, the statement that reads it and the values it binds out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.contract.types import DataType, Dialect
from datasync.contract.variables import bind_names, bound_names, render_identifiers
from datasync.errors import UsageError
from datasync.seams import ReadRequest, WindowValue

Style = Literal["named", "dollar", "pyformat", "qmark"]


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


def quote_table(name: str, dialect: Dialect) -> str:
    """Quote `table` or `schema.table`.

    Raises:
        UsageError: more than two parts.
    """
    parts = name.split(".")
    if len(parts) > 2:
        raise UsageError(f"'{name[:80]}' is no table: write table or schema.table")
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
    sql, names = bind_names(text, selection.style)
    missing = [name for name in names if name not in variables]
    if missing:
        raise UsageError(f"the query binds :{missing[0]}, which this run has no value for", code="E_VARIABLE")
    return Statement(f"(\n{sql}\n) AS q", tuple(names), variables)


def own_window(selection: Selection) -> bool:
    """Tell whether the author's query bounds its window itself."""
    if selection.query is None:
        return False
    return {"window_start", "window_end"} <= {bound.name for bound in bound_names(selection.query)}


def condition(request: ReadRequest, selection: Selection) -> str:
    """Give the WHERE clause of the request's window; empty when there is none."""
    if request.window is None or request.cursor is None or own_window(selection):
        return ""
    column = quote_identifier(request.cursor, selection.dialect)
    parts = [f"{column} < {bound(request.window.end, request, selection.dialect)}"]
    if request.window.start is not None:
        parts.insert(0, f"{column} >= {bound(request.window.start, request, selection.dialect)}")
    return " WHERE " + " AND ".join(parts)


def bound(value: WindowValue, request: ReadRequest, dialect: Dialect) -> str:
    """Write a window's bound as a literal of the cursor's type."""
    kind = request.cursor_type
    assert kind is not None
    return literal_sql(local(value, kind, request.cursor_zone), kind, dialect)


def local(value: WindowValue, kind: DataType, zone: str | None) -> WindowValue:
    """Bring a bound to how the column holds it: naive timestamps stand in the cursor's zone."""
    if isinstance(value, datetime) and kind.zone is None:
        return value.astimezone(ZoneInfo(zone or "UTC")).replace(tzinfo=None)
    return value


def window_variables(request: ReadRequest) -> dict[str, Any]:
    """Give the run's variables, the window's bounds as the cursor's column holds them.

    A window without a start begins before every value, so that the author's own `>= :window_start` selects everything.
    """
    values = dict(request.variables)
    window, kind = request.window, request.cursor_type
    if window is not None and kind is not None:
        start = window.start if window.start is not None else _beginning(kind)
        values["window_start"] = local(start, kind, request.cursor_zone)
        values["window_end"] = local(window.end, kind, request.cursor_zone)
    return values


def _beginning(kind: DataType) -> WindowValue:
    from datetime import UTC, date

    if kind.is_integer:
        return -(2**63)
    return date(1, 1, 1) if kind.name == "date" else datetime(1, 1, 2, tzinfo=UTC)
