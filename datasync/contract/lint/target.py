"""Problems of `target:`: keys, windows and what a write mode needs."""

from __future__ import annotations

from datasync.contract.lint.finding import FILE_KINDS, Finder, is_table
from datasync.contract.lint.http import named_variables
from datasync.contract.variables import RUN_VARIABLES, bound_names, placeholders

REPLACED_BY = {"postgres": ("rows", "swap", "truncate"), "mysql": ("rows", "swap")}
"""Ways to replace that a kind of target has besides rows; TRUNCATE commits by itself in MySQL."""
_WHY_ROWS = {"oracle": "every DDL statement commits by itself: between two renames there is no table, after TRUNCATE no rows"}


def find(finder: Finder) -> None:
    """Look at the target, its write mode and what the source must have for it."""
    contract = finder.contract
    target = contract.target
    if target is None:
        if contract.on_violation == "hold":
            finder.add(("on_violation",), "hold without a target", "block", "nothing is published, so nothing can wait")
        return
    if target.write in ("merge", "scd2") and not contract.key:
        finder.add(("target", "write"), f"{target.write} without a key", "key: true on at least one column")
    if target.write == "replace_window" and contract.source.cursor is None:
        finder.add(("target", "write"), "replace_window without a cursor", "source.cursor")
    _append(finder)
    _cursor_survives(finder)
    _lag(finder)
    if target.replace_by != "rows" and target.write != "replace":
        finder.add(("target", "replace_by"), f"{target.replace_by} with write: {target.write}", "write: replace")
    able = REPLACED_BY.get(target.type, ("rows",))
    if target.replace_by not in able:
        finder.add(
            ("target", "replace_by"), f"{target.replace_by} on {target.type}", ", ".join(able), _WHY_ROWS.get(target.type, "")
        )
    _erased_params(finder)
    _json_keys(finder)
    table = getattr(target, "table", None)
    if table is not None and (not is_table(table) or table.rpartition(".")[2].startswith("_datasync")):
        finder.add(("target", "table"), f"'{table}'", "table or schema.table, not a name of datasync's own")


def _json_keys(finder: Finder) -> None:
    """A key is an index of the target, and PostgreSQL has none over its json."""
    target = finder.contract.target
    if target is None or target.type != "postgres":
        return
    for name, column in finder.contract.columns.items():
        if column.key and column.type.name == "json":
            finder.add(("columns", name, "key"), "a key of json, and the target is postgres", "a text column",
                       "its json has no equality, so it cannot be indexed")  # fmt: skip


def _append(finder: Finder) -> None:
    contract = finder.contract
    assert contract.target is not None
    if contract.target.write != "append" or contract.source.cursor is not None or contract.source.type in FILE_KINDS:
        return
    names = {bound.name for bound in bound_names(getattr(contract.source, "query", None) or "")} | named_variables(
        contract.source
    )
    if not names & set(RUN_VARIABLES):
        finder.add(
            ("target", "write"),
            "append with neither window nor files nor run variable",
            "source.cursor, files, or :ds in the query ({ds} in a request)",
            "every run would add the same rows again: use replace or merge",
        )


def _cursor_survives(finder: Finder) -> None:
    """Windows are replaced, and newer rows kept, by the cursor as the target holds it."""
    contract = finder.contract
    assert contract.target is not None
    cursor = contract.source.cursor
    if cursor is None or contract.target.write not in ("merge", "replace_window", "scd2"):
        return
    if cursor.column not in contract.columns:
        finder.add(("source", "cursor", "column"), f"'{cursor.column}' is not among the columns",
                   "a column that survives the transforms", f"{contract.target.write} needs it in the target")  # fmt: skip
        return
    for item in contract.transform:
        renamed = item.rename or {}
        dropped = item.drop or ()
        if cursor.column in renamed or cursor.column in dropped or (item.derive and cursor.column in item.derive):
            finder.add(("source", "cursor", "column"), f"'{cursor.column}' does not survive the transforms unchanged",
                       "a column that does")  # fmt: skip
            return


def _lag(finder: Finder) -> None:
    contract = finder.contract
    assert contract.target is not None
    cursor = contract.source.cursor
    if cursor is not None and cursor.lag is not None and contract.target.write not in ("merge", "replace_window", "scd2"):
        finder.add(("source", "cursor", "lag"), f"lag with write: {contract.target.write}", "merge, scd2 or replace_window",
                   "rows read again would be added again")  # fmt: skip


def _erased_params(finder: Finder) -> None:
    """One param value's run must not erase another's rows."""
    contract = finder.contract
    assert contract.target is not None
    deletes = getattr(contract.target, "deletes", None)
    takes_missing = contract.target.write == "scd2" or (deletes is not None and deletes.missing is not None)
    if contract.target.write not in ("replace", "replace_window") and not takes_missing:
        return
    source = contract.source
    text = " ".join(str(getattr(source, key, None) or "") for key in ("query", "path", "table", "database"))
    used = (
        named_variables(source)
        | {bound.name for bound in bound_names(getattr(source, "query", None) or "")}
        | {name for name, _ in placeholders(text)}
    )
    place = " ".join(str(getattr(contract.target, key, None) or "") for key in ("table", "path", "database"))
    named = {name for name, _ in placeholders(place)}
    for name in contract.params:
        if name in used and name not in named:
            finder.add(("target", "write"), f"{contract.target.write}, and the param '{name}' selects what is read",
                       f"{{{name}}} in the target's name", "one value's run would erase the other's rows")  # fmt: skip
