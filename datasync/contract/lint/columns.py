"""Problems of `columns:`: checks and literals that do not fit the column's type."""

from __future__ import annotations

from datasync.contract.columns import Column, ColumnChecks
from datasync.contract.lint.finding import Finder
from datasync.contract.literals import literal_value
from datasync.contract.types import DataType
from datasync.contract.yaml_tree import Path

LITERALS = ("min", "max", "greater_than", "less_than")
TEXT_ONLY = ("pattern", "min_length", "max_length", "format")
RESERVED = ("__position", "__row")


def find(finder: Finder) -> None:
    """Look at every column of the contract and of the source."""
    if not finder.contract.columns:
        finder.add(("columns",) if ("columns",) in finder.tree.places else (), "no columns", "at least one column with a type")
    for name, column in finder.contract.columns.items():
        _column(finder, ("columns", name), name, column)
    for name, column in (finder.contract.source.columns or {}).items():
        _column(finder, ("source", "columns", name), name, column)


def _column(finder: Finder, path: Path, name: str, column: Column) -> None:
    if name in RESERVED or name.startswith("_datasync"):
        finder.add(path, f"the name '{name}'", "a name that datasync does not use itself")
    if not name or any(ord(character) < 32 for character in name):
        finder.add(path, "an empty name or one with control characters", "a name of printable characters")
    elif len(name.encode()) > 63:
        finder.add(path, f"a name of {len(name.encode())} bytes", "at most 63 bytes")
    _reading(finder, path, column)
    _checks(finder, path, column, column.type, _types(finder, path))
    names: set[str] = set()
    for number, extra in enumerate(column.checks):
        here = (*path, "checks", number)
        if extra.name in names or getattr(column, extra.name, None) not in (None, False):
            finder.add((*here, "name"), f"a second check called '{extra.name}'", "each name once")
        names.add(extra.name)
        _checks(finder, here, extra, column.type, _types(finder, path))
        if not any(getattr(extra, kind) not in (None, False) for kind in (*LITERALS, *TEXT_ONLY, *_OTHERS)):
            finder.add(here, f"'{extra.name}' checks nothing", "a check such as min, pattern or one_of")


_OTHERS = ("required", "unique", "one_of", "references", "null_share", "distinct")


def _types(finder: Finder, path: Path) -> dict[str, DataType]:
    source = finder.contract.source.columns or {}
    return {name: column.type for name, column in source.items()} if path[0] == "source" else finder.types


def _reading(finder: Finder, path: Path, column: Column) -> None:
    kind = column.type
    if column.parse is not None and not kind.is_temporal:
        finder.add((*path, "parse"), f"parse on {kind}", "dates, times and timestamps")
    if column.parse is not None and "%" not in column.parse:
        finder.add((*path, "parse"), f"'{column.parse}'", "strptime's letters, such as %d/%m/%Y")
    if column.timezone is not None:
        if kind.name != "timestamp":
            finder.add((*path, "timezone"), f"timezone on {kind}", "timestamps")
        finder.zone((*path, "timezone"), column.timezone)
    if column.key and column.required is False:
        finder.add(
            (*path, "required"),
            "required: false on a key",
            "true, or nothing",
            "a row without its key cannot be told from others",
        )
    if column.key and (kind.name == "list" or kind.is_float):
        finder.add((*path, "key"), f"a key of {kind}", "integers, text, decimals, dates and timestamps")


def _checks(finder: Finder, path: Path, checks: ColumnChecks, kind: DataType, types: dict[str, DataType]) -> None:
    for word in LITERALS:
        bound = getattr(checks, word)
        if bound is None:
            continue
        if not kind.is_ordered:
            finder.add((*path, word), f"{word} on {kind}", "numbers, text, dates and times")
        else:
            _literal(finder, (*path, word), bound, kind)
    for number, value in enumerate(checks.one_of or ()):
        _literal(finder, (*path, "one_of", number), value, kind)
    for word in TEXT_ONLY:
        if getattr(checks, word) is not None and not kind.is_text:
            finder.add((*path, word), f"{word} on {kind}", "text columns")
    if checks.pattern is not None and kind.is_text:
        finder.pattern((*path, "pattern"), checks.pattern)
    _ranges(finder, path, checks, kind)
    if checks.where is not None:
        finder.expression((*path, "where"), checks.where, types)
    if (checks.unique or checks.references is not None) and kind.name == "list":
        finder.add(path, f"unique or references on {kind}", "single values")


def _literal(finder: Finder, path: Path, value: object, kind: DataType) -> None:
    try:
        literal_value(value, kind)
    except ValueError as error:
        finder.add(path, str(error), f"a value of {kind}", code="E_LITERAL")


def _ranges(finder: Finder, path: Path, checks: ColumnChecks, kind: DataType) -> None:
    pairs = [("min", "max"), ("min_length", "max_length")]
    for low, high in pairs:
        least, most = getattr(checks, low), getattr(checks, high)
        if least is None or most is None:
            continue
        try:
            lower, upper = (least, most) if low == "min_length" else (literal_value(least, kind), literal_value(most, kind))
        except ValueError:
            continue
        if lower > upper:
            finder.add((*path, low), f"{low} {least} is greater than {high} {most}", f"{low} at most {high}")
    distinct = checks.distinct
    if distinct is not None and distinct.min is None and distinct.max is None:
        finder.add((*path, "distinct"), "neither min nor max", "min, max or both")
    if distinct is not None and distinct.min is not None and distinct.max is not None and distinct.min > distinct.max:
        finder.add((*path, "distinct"), f"min {distinct.min} is greater than max {distinct.max}", "min at most max")
