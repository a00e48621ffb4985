"""Problems of rules, freshness, count and expectations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datasync.contract.checks import KINDS
from datasync.contract.endpoints.api import API_KINDS
from datasync.contract.lint.finding import FILE_KINDS, HTTP_KINDS, SQL_KINDS, TEXT_KINDS, Finder
from datasync.contract.rules import Rule
from datasync.contract.yaml_tree import Path


def find(finder: Finder) -> None:
    """Look at every promise that is not one column's."""
    _rules(finder)
    _references(finder)
    _freshness(finder)
    _count(finder)
    _expectations(finder)
    _names(finder)
    _something_is_checked(finder)


def _rules(finder: Finder) -> None:
    for number, rule in enumerate(finder.contract.rules):
        path: Path = ("rules", number)
        given = [word for word in ("rule", "unique", "references") if getattr(rule, word) is not None]
        if len(given) != 1:
            finder.add(path, f"{' and '.join(given) or 'nothing'} in one rule", "exactly one of rule, unique and references")
        if rule.rule is not None:
            finder.expression((*path, "rule"), rule.rule, finder.types)
        if rule.where is not None:
            finder.expression((*path, "where"), rule.where, finder.types)
        _rule_columns(finder, path, rule)


def _rule_columns(finder: Finder, path: Path, rule: Rule) -> None:
    for place, name in enumerate(rule.unique or ()):
        if name not in finder.types:
            finder.unknown((*path, "unique", place), name, "column", finder.types)
    if rule.references is None:
        return
    for place, name in enumerate(rule.references.columns):
        if name not in finder.types:
            finder.unknown((*path, "references", "columns", place), name, "column", finder.types)
    if len(rule.references.columns) != len(rule.references.to):
        finder.add(
            (*path, "references"), f"{len(rule.references.columns)} columns and {len(rule.references.to)} to", "as many of each"
        )


def _references(finder: Finder) -> None:
    """SQL targets look in tables, file targets in other contracts' files."""
    target = finder.contract.target
    for path, table, contract in _all_references(finder):
        if (table is None) == (contract is None):
            finder.add(path, "table and contract together" if table else "neither table nor contract", "exactly one of them")
        elif target is None:
            finder.add(path, "references without a target", "a target, in whose system the values are looked up")
        elif target.type in API_KINDS:
            finder.add(
                path, f"references, and the target is {target.type}", "SQL and file targets", "an API cannot be looked into"
            )
        elif table is not None and target.type not in SQL_KINDS:
            finder.add(path, f"a table, and the target is {target.type}", "contract: NAME")
        elif contract is not None and target.type not in (*FILE_KINDS, "delta"):
            finder.add(path, f"a contract, and the target is {target.type}", "table: NAME")


def _all_references(finder: Finder) -> Iterator[tuple[Path, str | None, str | None]]:
    for name, column in finder.contract.columns.items():
        if column.references is not None:
            yield ("columns", name, "references"), column.references.table, column.references.contract
        for number, extra in enumerate(column.checks):
            if extra.references is not None:
                yield ("columns", name, "checks", number, "references"), extra.references.table, extra.references.contract
    for number, rule in enumerate(finder.contract.rules):
        if rule.references is not None:
            yield ("rules", number, "references"), rule.references.table, rule.references.contract


def _freshness(finder: Finder) -> None:
    contract = finder.contract
    promise = contract.freshness
    if promise is None:
        dated = any(kind.is_temporal and kind.name != "time" for kind in finder.types.values())
        if contract.source.cursor is not None and contract.target is not None and dated:
            finder.advise(
                ("source", "cursor"), "reads by cursor and promises no freshness", "add freshness: {column: …, max_age: …}"
            )
        return
    column = contract.columns.get(promise.column)
    if column is None:
        finder.unknown(("freshness", "column"), promise.column, "column", contract.columns)
    elif column.type.name not in ("date", "timestamp"):
        finder.add(("freshness", "column"), f"{promise.column} is {column.type}", "a date or a timestamp")
    elif column.type.name == "timestamp" and column.type.zone is None and column.timezone is None:
        finder.add(
            ("freshness", "column"),
            f"{promise.column} has no zone",
            "timezone: on the column",
            "say which zone its values are in",
        )
    if promise.of == "target" and contract.target is None:
        finder.add(("freshness", "of"), "target, and there is none", "staging")
    elif promise.of == "target" and contract.target is not None and contract.target.type in API_KINDS:
        finder.add(("freshness", "of"), f"target, and what a {contract.target.type} target holds cannot be read", "staging")


def _count(finder: Finder) -> None:
    count = finder.contract.count
    if count is None:
        return
    if count.min is not None and count.max is not None and count.min > count.max:
        finder.add(("count", "min"), f"min {count.min} is greater than max {count.max}", "min at most max")
    pagination = getattr(finder.contract.source, "pagination", None)
    counted = finder.contract.source.type not in (*TEXT_KINDS, *HTTP_KINDS) or getattr(pagination, "total", None)
    if count.tolerance is not None and not counted:
        finder.add(("count", "tolerance"), f"a tolerance, and {finder.contract.source.type} cannot be counted by its source",
                   "SQL and Parquet sources, rest with pagination.total")  # fmt: skip


def _expectations(finder: Finder) -> None:
    for number, expectation in enumerate(finder.contract.expectations):
        path: Path = ("expectations", number)
        if (expectation.type is None) == (expectation.suite is None):
            finder.add(path, "type and suite together" if expectation.type else "neither type nor suite", "exactly one of them")
            continue
        if "tolerance" in expectation.arguments:
            finder.add((*path, "tolerance"), "tolerance on an expectation", "mostly", "Great Expectations' own word for a share")
        if expectation.type is not None:
            _expectation(finder, path, expectation.type, expectation.arguments)
        else:
            _suite(finder, path, str(expectation.suite))


def _expectation(finder: Finder, path: Path, kind: str, arguments: dict[str, object]) -> None:
    from datasync.contract.known_expectations import EXPECTATIONS, REFUSED
    from datasync.errors import did_you_mean

    if kind in REFUSED:
        finder.add((*path, "type"), f"'{kind}': {REFUSED[kind]}", "an expectation that works on SQL")
    elif kind not in EXPECTATIONS:
        finder.add(
            (*path, "type"),
            f"there is no expectation '{kind}'",
            "Great Expectations' own names",
            did_you_mean(kind, EXPECTATIONS),
        )
    else:
        missing = [name for name in EXPECTATIONS[kind] if name not in arguments]
        if missing:
            finder.add(path, f"{kind} lacks {', '.join(missing)}", ", ".join(EXPECTATIONS[kind]))
    for word in ("column", "column_A", "column_B"):
        name = arguments.get(word)
        if isinstance(name, str) and name not in finder.types:
            finder.unknown((*path, word), name, "column", finder.types)


def _suite(finder: Finder, path: Path, name: str) -> None:
    from datasync.contract.lint.surroundings import project_root

    if not re.match(r"^[A-Za-z0-9_-]+$", name):
        finder.add((*path, "suite"), f"'{name[:60]}'", "a name of letters, digits, _ and -")
    elif not (project_root(finder.file) / "expectations" / f"{name}.json").is_file():
        finder.add((*path, "suite"), f"there is no expectations/{name}.json", "a suite of Great Expectations' JSON")


def _names(finder: Finder) -> None:
    """Check names are keys of results and incidents: each once."""
    seen: dict[str, Path] = {}
    taken = {"freshness", "columns", "window"}
    for number, rule in enumerate(finder.contract.rules):
        path: Path = ("rules", number, "name")
        if rule.name in seen or rule.name in taken:
            finder.add(path, f"a second check called '{rule.name}'", "each name once")
        seen[rule.name] = path
    for number, expectation in enumerate(finder.contract.expectations):
        name = expectation.name
        if name is None and expectation.type is not None:
            column = expectation.arguments.get("column")
            name = f"{expectation.type}.{column}" if column else expectation.type
        if name is None:
            continue
        if name in seen or name in taken:
            finder.add(("expectations", number), f"a second check called '{name}'", "each name once", "give it a name")
        seen[name] = ("expectations", number)


def _something_is_checked(finder: Finder) -> None:
    """A contract that promises nothing but types is said so: green would mean little."""
    contract = finder.contract
    promises = any(
        getattr(checks, kind) not in (None, False)
        for column in contract.columns.values()
        for checks in (column, *column.checks)
        for kind in KINDS
    )
    if not (promises or contract.key or contract.rules or contract.freshness or contract.count or contract.expectations):
        finder.advise(("columns",), "nothing but types is promised", "add key, required, min, pattern, rules, freshness or count")
