"""A table's name in, what SQLite knows about it out."""

from __future__ import annotations

import sqlite3

from datasync.connectors.sql.compare import Additions, FoundColumn, compare
from datasync.errors import TargetMismatch
from datasync.seams import TargetSpec

_DECLARED = {
    "BOOLEAN": "BOOLEAN_INTEGER", "BOOL": "BOOLEAN_INTEGER", "DATE": "DATE_TEXT", "TIME": "TIME_TEXT",
    "DATETIME": "TIMESTAMP_TEXT", "TIMESTAMP": "TIMESTAMP_TEXT",
}  # fmt: skip
_KEPT = ("BOOLEAN_INTEGER", "DATE_TEXT", "TIME_TEXT", "TIMESTAMP_TEXT", "TIMESTAMPTZ_TEXT", "JSON_TEXT", "UUID_TEXT", "LIST_TEXT")


def stored_as(declared: str) -> str:
    """Say which of our storage types a declared one is: SQLite has no types but five affinities, and takes any name.

    Names that let SQLite alter a value (NUMERIC, DECIMAL) stay as they are, and fit no type of ours.
    """
    name = " ".join(declared.upper().split())
    base = name.partition("(")[0].strip()
    if base in _KEPT or base == "DECIMAL_TEXT":
        return name
    if base in _DECLARED:
        return _DECLARED[base]
    if "INT" in base:
        return "INTEGER"
    if any(word in base for word in ("CHAR", "CLOB", "TEXT", "STRING")):
        return "TEXT" if base != "STRING" else name
    return "REAL" if base in ("REAL", "DOUBLE", "FLOAT", "DOUBLE PRECISION") else name


def found_columns(connection: sqlite3.Connection, table: str) -> dict[str, FoundColumn]:
    """Give a table's columns in order; none when it is absent.

    Raises:
        TargetMismatch: the name is a view's.
    """
    kinds = connection.execute("SELECT type FROM sqlite_schema WHERE name = ? COLLATE NOCASE", [table]).fetchall()
    if kinds and kinds[0][0] != "table":
        raise TargetMismatch(f"{table} is {'a view' if kinds[0][0] == 'view' else 'no table'}; a target is a table")
    rows = connection.execute(
        'SELECT name, type, "notnull", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid', [table]
    ).fetchall()
    single = sum(bool(row[4]) for row in rows) == 1
    return {
        name: FoundColumn(
            stored_as(kind), not notnull, bool(default) or (bool(key) and single and kind.upper() == "INTEGER"), hidden in (2, 3)
        )
        for name, kind, notnull, default, key, hidden in rows
    }


def check_table(connection: sqlite3.Connection, table: str, spec: TargetSpec) -> tuple[dict[str, FoundColumn], Additions]:
    """Compare an existing table with a spec.

    Returns:
        Its columns, none when it is absent, and the columns to add.

    Raises:
        TargetMismatch: it differs in a way that is not additive, or merge finds no unique constraint on the key.
    """
    found = found_columns(connection, table)
    if not found:
        return {}, Additions({})
    additions = compare(spec, found, "sqlite", table)
    if spec.write == "merge" and set(spec.key) not in _unique_sets(connection, table):
        key = ", ".join(spec.key)
        raise TargetMismatch(
            f"{table} has no unique constraint on its key ({key}), which merge needs",
            hint=f"add one: datasync makes it only with a table of its own: CREATE UNIQUE INDEX … ({key})",
        )
    return found, additions


def _unique_sets(connection: sqlite3.Connection, table: str) -> list[set[str]]:
    """Give the sets of columns that are unique together: by the primary key, or by an index without condition."""
    primary = {row[0] for row in connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0", [table])}
    found = [primary]
    indexes = connection.execute('SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial', [table]).fetchall()
    for (name,) in indexes:
        found.append({row[0] for row in connection.execute("SELECT name FROM pragma_index_info(?)", [name])})
    return found
