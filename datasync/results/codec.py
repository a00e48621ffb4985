"""Results in, JSON documents out, and back: the public face of `--json` and what the workspace and history keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from datasync.results.model import RunResult


def plain(value: Any) -> Any:
    """Turn dataclasses and the values in them into what JSON can say; decimals and dates become text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value / timedelta(seconds=1)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Fraction):
        return float(value)
    return value


def document(result: RunResult) -> dict[str, Any]:
    """Give the JSON document of a run, in the documented order of fields."""
    found: dict[str, Any] = plain(result)
    first = ("contract", "version", "run_id", "status", "window", "started_at", "seconds", "rows", "stages", "checks",
             "quarantine", "report", "alerts", "error")  # fmt: skip
    return {name: found.pop(name) for name in first} | found


def to_json(result: RunResult, indent: int | None = 2) -> str:
    """Write a run as JSON text."""
    return json.dumps(document(result), indent=indent, ensure_ascii=False)


def from_json(text: str) -> RunResult:
    """Read what `to_json` wrote.

    Raises:
        ValueError: the text is not such a document.
    """
    try:
        found: RunResult = rebuild(RunResult, json.loads(text))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("this is not a result document") from error
    return found


def rebuild(kind: Any, value: Any) -> Any:
    """Build a dataclass of results from its plain form; unknown fields are left out, so that older readers go on working."""
    if value is None:
        return None
    if is_dataclass(kind):
        assert isinstance(kind, type)
        hints = _hints(kind)
        known = {item.name for item in fields(kind)}
        return kind(**{name: rebuild(hints[name], item) for name, item in value.items() if name in known})
    if kind is datetime:
        return datetime.fromisoformat(value)
    if isinstance(value, list):
        inner = [argument for argument in get_args(kind) if argument is not Ellipsis]
        return tuple(rebuild(inner[0] if inner else Any, item) for item in value)
    return _rebuild_union(kind, value)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _rebuild_union(kind: Any, value: Any) -> Any:
    arguments = get_args(kind)
    if datetime in arguments and isinstance(value, str):
        return datetime.fromisoformat(value)
    if isinstance(value, dict) and get_origin(kind) is Mapping:
        return {name: rebuild(arguments[1], item) for name, item in value.items()}
    nested = next((argument for argument in arguments if is_dataclass(argument)), None)
    return rebuild(nested, value) if nested is not None and isinstance(value, dict) else value
