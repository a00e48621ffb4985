"""A contract that names hand-written suites in, the same contract with their expectations in their place out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasync.contract.model import Contract
from datasync.contract.rules import Expectation
from datasync.errors import ContractError, Problem

SEVERITY = {"critical": "error", "warning": "warn", "info": "warn"}


def with_suites(contract: Contract, root: Path, file: str) -> Contract:
    """Replace each `{suite: NAME}` by the expectations of `expectations/NAME.json`, in their order.

    Args:
        contract: linted, so that the files are there.
        root: the project root.
        file: the contract's name, for problems.

    Raises:
        ContractError: a suite is no JSON of Great Expectations, or has an expectation that cannot be used.
    """
    if all(item.suite is None for item in contract.expectations):
        return contract
    problems: list[Problem] = []
    found: list[Expectation] = []
    for item in contract.expectations:
        found += [item] if item.suite is None else _of_suite(item.suite, root, (file, problems))
    if problems:
        raise ContractError(problems)
    return contract.model_copy(update={"expectations": tuple(found)})


def _of_suite(name: str, root: Path, where: tuple[str, list[Problem]]) -> Iterator[Expectation]:
    file, problems = where
    path = root / "expectations" / f"{name}.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["expectations"]
    except (OSError, ValueError, KeyError, TypeError):
        problems.append(Problem(f"expectations/{name}.json", "this is no suite of Great Expectations", "its own JSON", file=file))
        return
    for number, entry in enumerate(entries):
        problem = _problem(entry)
        if problem:
            problems.append(Problem(f"expectations/{name}.json[{number}]", problem, file=file))
            continue
        yield _expectation(name, entry)


def _problem(entry: Any) -> str:
    from datasync.contract.known_expectations import EXPECTATIONS, REFUSED

    kind = entry.get("type") or entry.get("expectation_type") if isinstance(entry, dict) else None
    if kind in REFUSED:
        return f"'{kind}': {REFUSED[kind]}"
    return "" if kind in EXPECTATIONS else f"there is no expectation '{kind}'"


def _expectation(suite: str, entry: dict[str, Any]) -> Expectation:
    kind = entry.get("type") or entry["expectation_type"]
    kwargs = dict(entry.get("kwargs", {}))
    column = kwargs.get("column")
    own = (entry.get("meta") or {}).get("name")
    name = f"{suite}.{own or (f'{kind}.{column}' if column else kind)}"
    values: dict[str, Any] = {"type": kind, "suite": None, "name": name, "description": None, **kwargs}
    values["severity"] = SEVERITY.get(str(entry.get("severity", "critical")), "error")
    return Expectation.model_construct(_fields_set=set(values), **values)
