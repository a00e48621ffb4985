"""A JSONPath of a contract and a document in, what it finds out; a path that leads nowhere is an error and never no rows."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache
from typing import Any

from datasync.contract.json_path import parse_any
from datasync.errors import PermanentError, shorten

SHOWN_KEYS = 12
_NEAR = 0.8
"""How alike two keys are to be taken for one: `nxt` and `next` are, `text` and `next` are not."""


@cache
def compiled(text: str) -> tuple[Any, ...]:
    """Give a path's steps, behind its root.

    Raises:
        ValueError: it is no JSONPath.
    """
    from jsonpath_ng.jsonpath import Child, Root

    found = parse_any(text)
    steps: list[Any] = []
    while isinstance(found, Child):
        steps.insert(0, found.right)
        found = found.left
    if not isinstance(found, Root):
        steps.insert(0, found)
    return tuple(steps)


def records_at(path: str, document: Any, name: str) -> list[Any]:
    """Give the records that a path finds.

    An empty list has no records. Anything that the path does not fit is an error, null among it: `{"data": null, "message":
    …}` is how many APIs say with 200 that they failed. Behind a `[*]`, single objects may lack a key or have null there.

    Args:
        path: such as `$.data[*]`.
        document: of `json_text.tree_of`.
        name: the request, for messages.

    Raises:
        PermanentError: a step leads nowhere; the message names keys, never values.
    """
    from jsonpath_ng.jsonpath import Fields

    values, spread = [document], False
    steps = compiled(path)
    for step in steps:
        if _every(step):
            values = [item for value in values for item in _elements(value, spread, name, path)]
            spread = True
        elif isinstance(step, Fields) and "*" not in step.fields:
            values = _members(values, step.fields, spread, (name, path))
        else:
            values = [match.value for value in values if value is not None for match in step.find(value)]
    if not (steps and _every(steps[-1])):
        if not spread and None in values:
            raise _leads_nowhere(name, path, "it finds null")
        values = [value for value in values if value is not None]
        if any(isinstance(value, list) for value in values):
            raise _leads_nowhere(name, path, "it finds a list", f"write {path}[*] for its elements")
        if not spread and values and not any(isinstance(value, dict) for value in values):
            raise _leads_nowhere(name, path, "it finds a single value, and a record is an object")
    return values


def value_at(path: str, document: Any) -> tuple[Any, bool]:
    """Give the one value that a path finds (None: none), and whether the object that should hold it is there."""
    steps = compiled(path)
    holders = _followed([document], steps[:-1])
    if not holders:
        return None, False
    found = _followed(holders, steps[-1:])
    return (found[0] if found else None), True


def nearly(path: str, document: Any) -> str:
    """Name the key that a path which finds nothing may have meant: one that is spelt nearly as its last, and has a value."""
    from jsonpath_ng.jsonpath import Fields

    *before, last = compiled(path) or (None,)
    holders = _followed([document], before)
    if not isinstance(last, Fields) or not holders or not isinstance(holders[0], dict):
        return ""
    keys = [key for key, value in holders[0].items() if value not in ("", None) and not isinstance(value, dict | list | bool)]
    return next(iter(difflib.get_close_matches(str(last.fields[0]), keys, n=1, cutoff=_NEAR)), "")


def _followed(values: list[Any], steps: Sequence[Any]) -> list[Any]:
    for step in steps:
        values = [match.value for value in values if isinstance(value, dict | list) for match in step.find(value)]
    return values


def _every(step: Any) -> bool:
    from jsonpath_ng.jsonpath import Slice, Wildcard

    return isinstance(step, Wildcard) or (isinstance(step, Slice) and step.start is step.end is step.step is None)


def _elements(value: Any, spread: bool, name: str, path: str) -> list[Any]:
    if value is None and spread:
        return []
    if isinstance(value, list):
        return value
    what = "an object" if isinstance(value, dict) else "null" if value is None else "a single value"
    raise _leads_nowhere(name, path, f"{what} stands where its list should be{_keys(value)}")


def _members(values: list[Any], names: tuple[str, ...], spread: bool, where: tuple[str, str]) -> list[Any]:
    """Follow keys. Behind a `[*]` some objects may lack the key, but not all of them."""
    name, path = where
    found = []
    for value in values:
        if isinstance(value, list):
            raise _leads_nowhere(name, path, f"a list stands where an object with '{names[0]}' should be")
        if isinstance(value, dict):
            found += [value[key] for key in names if key in value]
        elif not spread:
            what = "null" if value is None else "a single value"
            raise _leads_nowhere(name, path, f"{what} stands where an object with '{names[0]}' should be")
    if not found and any(value is not None for value in values):
        raise _leads_nowhere(name, path, f"there is no '{shorten(names[0], 60)}'{_keys(values[0])}")
    return found


def _keys(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    shown = ", ".join(shorten(str(key), 40) for key in list(value)[:SHOWN_KEYS])
    return f"; the answer has there {shown}" if shown else "; the answer has nothing there"


def _leads_nowhere(name: str, path: str, what: str, hint: str = "") -> PermanentError:
    return PermanentError(
        f"{name}: source.records {path} does not fit the answer: {what}", code="E_RECORDS",
        hint=hint or "an error that is answered with 200 looks like this; else correct the path",
    )  # fmt: skip
