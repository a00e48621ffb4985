"""A template from a contract and a batch's records in, a request's body out; a value never becomes structure.

A template is any structure of a contract. Text that is `{records}` alone becomes the list of records, `{record}` the one record
of the request, `{name}` alone the run variable or param in its own type; within other text `{name}` becomes its text. The
structure is then written by one JSON writer, which escapes what was put in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from datasync.contract.variables import placeholders
from datasync.errors import PermanentError, UsageError, did_you_mean

RECORDS, RECORD = "records", "record"
_PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)(?::([^{}]*))?\}")


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


def names_of(template: Any) -> Iterator[str]:
    """Give the names of a template's placeholders."""
    if isinstance(template, Mapping):
        for value in template.values():
            yield from names_of(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from names_of(value)
    elif isinstance(template, str):
        yield from (name for name, _ in placeholders(template))


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
    match = _PLACE.fullmatch(text)
    if match is None or match[2] is not None:
        return rendered(text, filling.variables)
    if match[1] == RECORDS:
        return _list(filling.records)
    if match[1] == RECORD:
        return _one(filling.records[0])
    return _value(match[1], filling.variables)


def rendered(text: str, variables: Mapping[str, Any], within: Callable[[str], str] = str) -> str:
    """Put variables into text.

    Args:
        text: with `{name}` and `{name:format}`.
        variables: run variables and params.
        within: escapes a value's text for the place it stands in.

    Raises:
        UsageError: an unknown variable, or one without a value.
    """

    def put(match: re.Match[str]) -> str:
        value = _value(match[1], variables)
        if value is None:
            raise UsageError(f"'{{{match[1]}}}' has no value in this run", code="E_VARIABLE")
        if match[2] and isinstance(value, date | datetime):
            return within(value.strftime(match[2]))
        return within(value.isoformat() if isinstance(value, date | datetime) else str(value))

    return _PLACE.sub(put, text)


def _value(name: str, variables: Mapping[str, Any]) -> Any:
    if name not in variables:
        raise UsageError(f"'{{{name}}}' is no variable of this run", code="E_VARIABLE", hint=did_you_mean(name, variables))
    return variables[name]


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
        return _quoted(value.isoformat())
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
        The path; None when a value cannot be part of a path: empty, `.` or `..`.

    Raises:
        UsageError: an unknown variable, or one without a value.
    """
    strange: list[str] = []

    def within(text: str) -> str:
        if text in ("", ".", ".."):
            strange.append(text)
        return quote(text, safe="")

    path = rendered(endpoint, {**variables, **row}, within)
    return None if strange else path


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
