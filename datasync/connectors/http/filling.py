"""Text of a contract with `{name}` in it and a run's variables in, what is sent out: a value never leaves its place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from datasync.contract.variables import placeholders, replaced
from datasync.errors import UsageError
from datasync.plan.local_time import held
from datasync.seams import ReadRequest

WINDOW = ("window_start", "window_end")


def variables(request: ReadRequest) -> dict[str, Any]:
    """Give the run's variables, the window's bounds as the cursor holds them; a bound that is not there is None."""
    values: dict[str, Any] = {**dict.fromkeys(WINDOW), **request.variables}
    window, kind = request.window, request.cursor_type
    if window is not None and kind is not None:
        values["window_start"] = None if window.start is None else held(window.start, kind, request.cursor_zone)
        values["window_end"] = held(window.end, kind, request.cursor_zone)
    return values


def in_path(text: str, values: Mapping[str, Any]) -> str:
    """Put values into a path, percent-encoded.

    Raises:
        UsageError: a variable without a value, or a value that would be another place (`..`).
    """

    def put(name: str, form: str | None) -> str:
        found = shown(name, form, values)
        if not found or set(found) <= {"."}:
            raise UsageError(f"the value of '{{{name}}}' cannot stand in a path", code="E_VARIABLE")
        return quote(found, safe="")

    return replaced(text, put)


def in_header(text: str, values: Mapping[str, Any]) -> str:
    """Put values into a header.

    Raises:
        UsageError: a variable without a value, or a value that would end the header.
    """

    def put(name: str, form: str | None) -> str:
        found = shown(name, form, values)
        if any(ord(letter) < 32 or ord(letter) == 127 or ord(letter) > 255 for letter in found):
            raise UsageError(f"the value of '{{{name}}}' cannot stand in a header", code="E_VARIABLE")
        return found

    return replaced(text, put)


def in_query(given: Mapping[str, Any], values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give the parameters of a query, to be escaped when sent; a parameter that is one variable without a value is left out.

    Raises:
        UsageError: a variable without a value within other text.
    """
    found: list[tuple[str, str]] = []
    for name, value in given.items():
        for item in value if isinstance(value, tuple) else (value,):
            made = in_value(item, values)
            if made is not None:
                found.append((name, text_of(made)))
    return found


def in_value(value: Any, values: Mapping[str, Any]) -> Any:
    """Put variables into nested values; text that is one `{name}` and nothing else becomes the value itself, type and all.

    Raises:
        UsageError: a variable without a value within other text.
    """
    if isinstance(value, Mapping):
        return {key: in_value(item, values) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [in_value(item, values) for item in value]
    if not isinstance(value, str):
        return value
    named = list(placeholders(value))
    if len(named) == 1 and value.startswith("{") and value.endswith("}") and value.count("{") == 1:
        name, form = named[0]
        found = _value(name, values)
        return found if found is None or form is None else shown(name, form, values)
    return replaced(value, lambda name, form: shown(name, form, values))


def _value(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise UsageError(f"'{{{name}}}' is no variable of this run", code="E_VARIABLE")
    return values[name]


def shown(name: str, form: str | None, values: Mapping[str, Any]) -> str:
    """Give a variable's text.

    Raises:
        UsageError: an unknown variable, or one without a value.
    """
    value = _value(name, values)
    if value is None:
        hint = "give source.cursor.start, or a window" if name in WINDOW else ""
        raise UsageError(f"'{{{name}}}' has no value in this run", code="E_VARIABLE", hint=hint)
    return value.strftime(form) if form and isinstance(value, date) else text_of(value)


def text_of(value: Any) -> str:
    """Write a value as APIs read it: ISO 8601 with Z, true and false, numbers plain."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)
