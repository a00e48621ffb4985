"""Problems of `target.scd2` and `target.deletes`: names that collide, and keys that do nothing where they stand."""

from __future__ import annotations

from datasync.contract.endpoints import Deletes, Scd2, SqlTarget
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.lint.finding import Finder


def find(finder: Finder) -> None:
    """Look at what a SQL target keeps of rows that change or go."""
    target = finder.contract.target
    if not isinstance(target, SqlTarget):
        return
    if target.write == "scd2":
        _history(finder, target.scd2 or Scd2())
    elif target.scd2 is not None:
        finder.add(("target", "scd2"), f"scd2 with write: {target.write}", "write: scd2")
    if target.deletes is not None:
        _deletes(finder, target, target.deletes)


def _history(finder: Finder, names: Scd2) -> None:
    seen = {name.lower(): "the contract's columns" for name in finder.contract.columns}
    for key in ("valid_from", "valid_to", "current"):
        name = getattr(names, key)
        _own_name(finder, ("target", "scd2", key), name, seen)
        seen[name.lower()] = f"scd2.{key}"


def _own_name(finder: Finder, path: tuple[str | int, ...], name: str, taken: dict[str, str]) -> None:
    """A column that datasync fills by itself must be one that nobody else does."""
    if name.lower() in taken:
        finder.add(path, f"'{name}' is one of {taken[name.lower()]}", "another name", "datasync fills this column by itself")
        return
    try:
        quote_identifier(name, "mysql")
    except ExpressionError as error:
        finder.add(path, error.found, error.allowed)
    if name.startswith(("_datasync", "__")):
        finder.add(path, f"'{name}'", "a name that is not one of datasync's own")


def _deletes(finder: Finder, target: SqlTarget, deletes: Deletes) -> None:
    path = ("target", "deletes")
    if target.write not in ("merge", "scd2"):
        finder.add(path, f"deletes with write: {target.write}", "write: merge or scd2")
        return
    if target.write == "scd2" and deletes.missing is not None:
        finder.add((*path, "missing"), f"{deletes.missing} with write: scd2", "column and limit",
                   "a full read closes missing keys by itself")  # fmt: skip
    elif target.write == "merge" and deletes.column is None and deletes.missing is None:
        finder.add(path, "neither column nor missing", "column: COLUMN, missing: delete, or missing: mark with a column")
    elif deletes.missing == "mark":
        _mark(finder, deletes)
    elif deletes.column is not None:
        _column(finder, deletes.column)
    if deletes.missing is not None and finder.contract.source.cursor is not None and target.write == "merge":
        finder.advise((*path, "missing"), "this source is read by windows", "only runs with --full find what is missing")


def _mark(finder: Finder, deletes: Deletes) -> None:
    path = ("target", "deletes", "column")
    if deletes.column is None:
        finder.add(
            ("target", "deletes", "missing"), "mark without a column", "column: is_deleted, which datasync keeps in the target"
        )
        return
    _own_name(finder, path, deletes.column, {name.lower(): "the contract's columns" for name in finder.contract.columns})


def _column(finder: Finder, name: str) -> None:
    path = ("target", "deletes", "column")
    column = finder.contract.columns.get(name)
    if column is None:
        finder.unknown(path, name, "column", finder.contract.columns)
    elif column.type.name != "bool":
        finder.add(path, f"{name} is {column.type}", "a bool column", "derive one: {derive: {is_deleted: …}}")
    elif column.key:
        finder.add(path, f"{name} is part of the key", "a column that is not")
