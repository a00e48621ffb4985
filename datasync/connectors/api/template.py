"""A template from a contract and a batch's records in, a request's body out; a value never becomes structure.

A template is any structure of a contract. Text that is `{records}` alone becomes the list of records, `{record}` the one record
of the request, `{name}` alone the run variable or param in its own type; within other text `{name}` becomes its text. The
structure is then written by one JSON writer, which escapes what was put in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from datasync.connectors.http.filling import in_path, in_value, text_of
from datasync.contract.variables import placeholders
from datasync.errors import PermanentError

RECORDS, RECORD = "records", "record"
_ALONE = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, slots=True)
class Written:
    """JSON that is written already."""

    text: str


@dataclass(frozen=True, slots=True)
class Filling:
    """What a template is filled with.

    Attributes:
        records: JSON text each, or mappings for SOAP.
        variables: run variables and params.
    """

    records: Sequence[Any]
    variables: Mapping[str, Any] = field(default_factory=dict)


def filled(template: Any, filling: Filling) -> Any:
    """Put records and variables into a template; keys stay as they are.

    Raises:
        UsageError: an unknown variable, or one without a value.
    """
    if isinstance(template, Mapping):
        return {key: filled(value, filling) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [filled(value, filling) for value in template]
    return _text(template, filling) if isinstance(template, str) else template


def _text(text: str, filling: Filling) -> Any:
    match = _ALONE.fullmatch(text)
    if match is not None and match[1] == RECORDS:
        return _list(filling.records)
    if match is not None and match[1] == RECORD:
        return _one(filling.records[0])
    return in_value(text, filling.variables)


def _list(records: Sequence[Any]) -> Any:
    if records and isinstance(records[0], str):
        return Written("[" + ", ".join(records) + "]")
    return list(records)


def _one(record: Any) -> Any:
    return Written(record) if isinstance(record, str) else record


def to_json(value: Any) -> str:
    """Write a filled template as JSON.

    Raises:
        PermanentError: a value of a type that JSON does not know.
    """
    if isinstance(value, Written):
        return value.text
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(str(key))}: {to_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(to_json(item) for item in value) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date | time):
        return _quoted(text_of(value))
    if value is None or isinstance(value, str | int | float):
        return _quoted(value)
    raise PermanentError(f"the payload holds a {type(value).__name__}, which has no JSON form", code="E_PAYLOAD")


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def path_of(endpoint: str, variables: Mapping[str, Any], row: Mapping[str, Any]) -> str | None:
    """Fill an endpoint; a value stays within its part of the path.

    Args:
        endpoint: with `{name}` of variables and, for requests of one record, of key columns.
        variables: run variables and params.
        row: the key columns of the one record; empty for requests of many.

    Returns:
        The path; None when a value of the row cannot be part of a path: empty, or dots alone.

    Raises:
        UsageError: a variable without a value, or one that cannot be part of a path.
    """
    named = {name for name, _ in placeholders(endpoint)}
    if any(set(text_of(value)) <= {"."} for name, value in row.items() if name in named):
        return None
    return in_path(endpoint, {**variables, **row})


def frozen(variables: Mapping[str, Any]) -> dict[str, list[str]]:
    """Give variables in a form that JSON keeps, types included."""
    kinds: dict[type, str] = {datetime: "datetime", date: "date"}
    return {
        name: [kinds[type(value)], value.isoformat()] if type(value) in kinds else ["json", to_json(value)]
        for name, value in variables.items()
    }


def thawed(kept: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Read what `frozen` gave."""
    readers: dict[str, Callable[[str], Any]] = {
        "datetime": datetime.fromisoformat, "date": date.fromisoformat, "json": json.loads,
    }  # fmt: skip
    return {name: readers[kind](text) for name, (kind, text) in kept.items()}
