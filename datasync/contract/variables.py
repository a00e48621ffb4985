"""Params and run variables in, bound values and escaped text out: nothing of a value ever becomes SQL or a path's structure."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from datasync.contract.literals import literal_value
from datasync.contract.model import Contract, Parameter
from datasync.contract.types import parse_type
from datasync.errors import UsageError, did_you_mean

RUN_VARIABLES = (
    "run_id", "ds", "next_ds", "data_interval_start", "data_interval_end", "window_start", "window_end", "last_run_time",
)  # fmt: skip
"""Names that every run gives a value."""

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)(?::([^{}]*))?\}")
_SKIPPED = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/|::|:(?P<name>[A-Za-z_][A-Za-z0-9_]*)""",
    re.DOTALL,
)


def resolve_params(contract: Contract, given: Mapping[str, str]) -> dict[str, Any]:
    """Give every declared param its value: given, else default.

    Args:
        contract: declares them.
        given: text from outside; a param that has neither this nor a default is looked up as AIRFLOW_VAR_NAME.

    Raises:
        UsageError: an undeclared param, one without a value, of the wrong type, or not in `one_of`.
    """
    for name in given:
        if name not in contract.params:
            known = ", ".join(contract.params) or "none"
            raise UsageError(f"no param '{name}'; declared: {known}", code="E_PARAM", hint=did_you_mean(name, contract.params))
    return {name: _param(name, declared, _given(name, declared, given)) for name, declared in contract.params.items()}


def _given(name: str, declared: Parameter, given: Mapping[str, str]) -> str | None:
    """Text from outside; a param without default that nobody gives is an Airflow variable in the environment."""
    if name in given or declared.default is not None:
        return given.get(name)
    return os.environ.get(f"AIRFLOW_VAR_{name.upper()}")


def _param(name: str, declared: Parameter, text: str | None) -> Any:
    raw: Any = declared.default if text is None else _raw(text, declared.type)
    if raw is None:
        raise UsageError(
            f"param '{name}' has no value", code="E_PARAM", hint=f"give --param {name}=… or set AIRFLOW_VAR_{name.upper()}"
        )
    try:
        value = literal_value(raw, parse_type("timestamp[us, UTC]" if declared.type == "timestamp" else declared.type))
    except ValueError as error:
        raise UsageError(f"param '{name}': {error}", code="E_PARAM") from error
    if declared.one_of is not None and raw not in declared.one_of:
        raise UsageError(f"param '{name}' is none of {', '.join(map(str, declared.one_of))}", code="E_PARAM",
                         hint=did_you_mean(str(raw), map(str, declared.one_of)))  # fmt: skip
    return value


def _raw(text: str, kind: str) -> Any:
    """Text from the command line as YAML would have read it for this type."""
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind in ("int64", "float64"):
        try:
            return Decimal(text)
        except ArithmeticError:
            return text
    return text


@dataclass(frozen=True, slots=True)
class Bound:
    """A variable's place in SQL."""

    name: str
    start: int
    end: int


def bound_names(sql: str) -> list[Bound]:
    """Find `:name` in SQL, outside quotes, comments and `::`, in order."""
    return [Bound(match["name"], match.start(), match.end()) for match in _SKIPPED.finditer(sql) if match["name"]]


def bind_names(sql: str, style: Literal["named", "dollar", "pyformat", "qmark"]) -> tuple[str, list[str]]:
    """Rewrite `:name` as a driver's own placeholders.

    Args:
        sql: the author's query.
        style: named `:name`, dollar `$1`, pyformat `%(name)s` (other `%` doubled), qmark `?`.

    Returns:
        The SQL, and the names in the order of placeholders (`dollar` numbers each name once).
    """
    parts: list[str] = []
    names: list[str] = []
    last = 0
    for bound in bound_names(sql):
        parts.append(_text(sql[last : bound.start], style))
        parts.append(_mark(bound.name, names, style))
        last = bound.end
    parts.append(_text(sql[last:], style))
    return "".join(parts), names


def _text(sql: str, style: str) -> str:
    return sql.replace("%", "%%") if style == "pyformat" else sql


def _mark(name: str, names: list[str], style: str) -> str:
    if style == "dollar":
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"
    names.append(name)
    return {"named": f":{name}", "pyformat": f"%({name})s", "qmark": "?"}[style]


def placeholders(text: str) -> Iterator[tuple[str, str | None]]:
    """Find `{name}` and `{name:format}` in a path, endpoint or message."""
    for match in _PLACEHOLDER.finditer(text):
        yield match[1], match[2]


def replaced(text: str, put: Callable[[str, str | None], str]) -> str:
    """Replace every `{name}` and `{name:format}` by what `put` makes of name and format."""
    return _PLACEHOLDER.sub(lambda match: put(match[1], match[2]), text)


def render_path(text: str, values: Mapping[str, Any]) -> str:
    """Put values into a path; a value can never leave its place in it.

    Raises:
        UsageError: an unknown variable, one without a value, or a value with a separator or `..`.
    """

    def put(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise UsageError(
                f"'{{{name}}}' in a path is no variable of this run", code="E_VARIABLE", hint=did_you_mean(name, values)
            )
        value = values[name]
        shown = value.strftime(match[2]) if match[2] and isinstance(value, date | datetime) else _plain(value)
        if "/" in shown or "\\" in shown or "\0" in shown or shown in ("", ".", ".."):
            raise UsageError(f"the value of '{{{name}}}' cannot stand in a path", code="E_VARIABLE")
        return shown

    return _PLACEHOLDER.sub(put, text)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y%m%dT%H%M%S")
    return value.isoformat() if isinstance(value, date) else str(value)


def render_identifiers(sql: str, values: Mapping[str, Any], quote: Any) -> str:
    """Replace `{name}` in identifier position by its quoted value; `quote` refuses what is no identifier.

    Raises:
        UsageError: an unknown variable, or a value that is no identifier.
    """

    def put(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise UsageError(
                f"'{{{name}}}' in a query is no variable of this run", code="E_VARIABLE", hint=did_you_mean(name, values)
            )
        try:
            return str(quote(str(values[name])))
        except ValueError as error:
            raise UsageError(f"the value of '{{{name}}}' is no identifier", code="E_VARIABLE") from error

    return _PLACEHOLDER.sub(put, sql)
