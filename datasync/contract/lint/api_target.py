"""Problems of a `target:` that is an API: write modes it cannot have, templates, endpoints and how answers are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from datasync.contract.endpoints import ApiTarget, Response
from datasync.contract.json_path import parse_any
from datasync.contract.lint.finding import Finder
from datasync.contract.lint.surroundings import SECRET
from datasync.contract.variables import RUN_VARIABLES, placeholders
from datasync.contract.yaml_tree import Path

_WHY = {
    "replace": "an API cannot be emptied and filled in one step: readers would see it half empty",
    "replace_window": "an API cannot delete an interval and fill it in one step",
}
_SIGNING = re.compile(r"^(authorization|proxy-authorization|cookie)$", re.IGNORECASE)
_HEADER = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")


def find(finder: Finder) -> None:
    """Look at the target, if it is an API."""
    target = finder.contract.target
    if not isinstance(target, ApiTarget):
        return
    if target.write not in ("append", "merge"):
        reason = _WHY.get(target.write, "an API keeps no versions of rows that datasync could close")
        finder.add(
            ("target", "write"),
            f"{target.write} on {target.type}",
            "append (each row is new), merge (the API upserts by key)",
            reason,
        )
    _headers(finder, target)
    _endpoint(finder, target)
    for name in ("payload", "variables", "arguments"):
        if getattr(target, name, None) is not None:
            _template(finder, target, ("target", name), getattr(target, name))
    if target.response is not None:
        _response(finder, target, target.response)


def _known(finder: Finder) -> tuple[str, ...]:
    return (*RUN_VARIABLES, *finder.contract.params)


def _headers(finder: Finder, target: ApiTarget) -> None:
    names = [(("target", "headers", name), name) for name in target.headers]
    for path, name in [*names, (("target", "idempotency_header"), target.idempotency_header or "X")]:
        if not _HEADER.match(name):
            finder.add(path, f"'{name[:60]}'", "a header's name of letters, digits and -")
        elif _SIGNING.match(name) or SECRET.search(name.replace("-", "_")):
            finder.add(path, "a header that signs in", "a connection's id", "put it into the connection", "E_SECRET")
    for name, text in target.headers.items():
        _variables(finder, ("target", "headers", name), text, _known(finder))
        if any(ord(character) < 32 for character in text):
            finder.add(("target", "headers", name), "a header with control characters", "one line of text")


def _endpoint(finder: Finder, target: ApiTarget) -> None:
    text = getattr(target, "endpoint", None)
    if text is None:
        return
    path: Path = ("target", "endpoint")
    if "://" in text or text.startswith("//"):
        finder.add(path, "a URL", "a path below the connection's host", "put scheme and host into the connection")
    key = finder.contract.key if target.batch_rows == 1 else ()
    _variables(finder, path, text, (*_known(finder), *key), "" if target.batch_rows == 1 else "a column needs batch_rows: 1")
    for name, _ in placeholders(text):
        if name in key and name in _known(finder):
            finder.add(path, f"'{name}' is a key column and a variable", "a name that is one of them")


def _variables(finder: Finder, path: Path, text: str, known: tuple[str, ...], hint: str = "") -> None:
    for name, _ in placeholders(text):
        if name not in known:
            if hint and name in finder.contract.columns:
                finder.add(path, f"the column '{name}'", ", ".join(known), hint)
            else:
                finder.unknown(path, name, "variable", known)


def _template(finder: Finder, target: ApiTarget, path: Path, template: Any) -> None:
    """A template names known variables and holds the records once."""
    rows = 0
    for place, text in _texts(path, template):
        alone = text in ("{records}", "{record}")
        rows += alone
        if text == "{record}" and target.batch_rows != 1:
            finder.add(place, "{record} with many records in a request", "{records}", "or batch_rows: 1")
        names = {name for name, _ in placeholders(text)}
        if names & {"records", "record"} and not alone:
            finder.add(place, "{records} within other text", "{records} alone: it becomes a list")
        elif not alone:
            _variables(finder, place, text, (*_known(finder), "records", "record"))
    if rows == 0:
        finder.add(path, "a template without {records}", "{records} where the rows go", "nothing of the rows would be sent")


def _texts(path: Path, template: Any) -> Iterator[tuple[Path, str]]:
    if isinstance(template, dict):
        for key, value in template.items():
            yield from _texts((*path, key), value)
    elif isinstance(template, list | tuple):
        for number, value in enumerate(template):
            yield from _texts((*path, number), value)
    elif isinstance(template, str):
        yield path, template


def _response(finder: Finder, target: ApiTarget, response: Response) -> None:
    paths = {name: getattr(response, name) for name in ("accepted", "rejected", "index", "reason")}
    for name, text in [*paths.items(), *(response.key or {}).items()]:
        where: Path = ("target", "response", name) if name in paths else ("target", "response", "key", name)
        if text is not None:
            _json_path(finder, where, text)
    for name in response.key or {}:
        if name not in finder.contract.columns:
            finder.unknown(("target", "response", "key", name), name, "column", finder.contract.columns)
    if response.reject_on and target.batch_rows != 1:
        finder.add(("target", "response", "reject_on"), "reject_on with many records in a request", "batch_rows: 1",
                   "a status speaks of the whole request: rejected names single records")  # fmt: skip
    for number, status in enumerate(response.reject_on):
        place: Path = ("target", "response", "reject_on", number)
        if status == "fault" and target.type != "soap":  # type: ignore[attr-defined]
            finder.add(place, "fault on an API that is not SOAP", "statuses")
        elif isinstance(status, int) and (not 400 <= status < 500 or status in (401, 403, 408, 425, 429)):
            finder.add(place, f"the status {status}", "a status of 400 to 499 that speaks of the record")


def _json_path(finder: Finder, where: Path, text: str) -> None:
    try:
        parse_any(text)
    except ImportError:
        finder.advise(where, "JSONPath cannot be read here", "pip install 'datasync[rest]'")
    except ValueError as error:
        finder.add(where, f"'{text[:80]}' is {error}", "a JSONPath such as $.errors[*]")
