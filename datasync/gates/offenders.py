"""A check and a staging relation in, SQL that says which staged rows break it out: one text for verdict, rows and move."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from datasync.contract.checks import Check
from datasync.contract.expressions import nodes
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType, Dialect


@dataclass(frozen=True, slots=True)
class Ground:
    """What SQL of key checks stands on.

    Attributes:
        relation: staged rows, after FROM.
        survivors: the target's rows that stay, after FROM; None: none.
        reference: for `references`, the table that must have the values, after FROM.
        types: of the staged columns.
        merge_key: the key that a merge upserts by: survivors never share it with staging.
        clock: the run's instant, aware, for `now()` and `today()`.
        history: key and cursor of a history, of which staging may hold several versions: what is current is the last of each key.
        deleted: the boolean of staged rows that publishing takes away.
    """

    dialect: Dialect
    relation: str
    types: dict[str, DataType]
    survivors: str | None = None
    reference: str | None = None
    merge_key: tuple[str, ...] = ()
    clock: datetime | None = None
    history: tuple[tuple[str, ...], str] | None = None
    deleted: str | None = None


def cells(check: Check, ground: Ground, qualifier: str = "") -> list[str]:
    """The check's columns as SQL; NaN is NULL."""
    found = []
    for name in check.columns:
        node = nodes.column(name, ground.types[name])
        plain = quote_identifier(name, ground.dialect)
        prefix = f"{qualifier}." if qualifier else ""
        if ground.types[name].is_float:
            missing = nodes.expression_of(nodes.is_null(node)).sql(ground.dialect, qualifier=qualifier)
            found.append(f"CASE WHEN {missing} THEN NULL ELSE {prefix}{plain} END")
        elif ground.types[name].name == "json" and ground.dialect == "postgres":
            found.append(f"{prefix}{plain}::text")
        elif ground.types[name].is_text and ground.dialect == "mysql":
            found.append(_mysql_text(prefix + plain))
        else:
            found.append(prefix + plain)
    return found


def _mysql_text(cell: str) -> str:
    """MySQL's collations take different texts for the same, and sorting sees no more than the first bytes of a long one."""
    return f"SHA2(CONVERT({cell} USING utf8mb4), 256)"


def selected(check: Check, ground: Ground, qualifier: str = "") -> str:
    """Rows the check applies to."""
    return check.where.sql(ground.dialect, ground.clock, qualifier) if check.where is not None else true(ground.dialect)


def judged(check: Check, ground: Ground) -> str:
    """Staged rows that a key check judges: those it applies to that the table will hold, and hold as current, after publish.

    The key itself is judged of all rows: two of one key contradict each other, whatever they say.
    """
    parts = [selected(check, ground)]
    versions = {*ground.merge_key, ground.history[1]} if ground.history is not None else set(ground.merge_key)
    if check.family == "key" and set(check.columns) != versions:
        if ground.deleted is not None:
            parts.append(f"{quote_identifier(ground.deleted, ground.dialect)} IS NOT TRUE")
        if ground.history is not None:
            key = ", ".join(quote_identifier(name, ground.dialect) for name in ground.history[0])
            cursor = quote_identifier(ground.history[1], ground.dialect)
            parts.append(f"({key}, {cursor}) IN (SELECT {key}, max({cursor}) FROM {ground.relation} GROUP BY {key})")
    return " AND ".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]


def true(dialect: Dialect) -> str:
    """The constant."""
    return "1 = 1" if dialect == "sqlite" else "TRUE"


def any_null(check: Check, ground: Ground) -> str:
    """Rows in which a column of the check is missing."""
    return "(" + " OR ".join(f"{cell} IS NULL" for cell in cells(check, ground)) + ")"


def offending(check: Check, ground: Ground) -> str:
    """Give a condition over staged rows, true for those that break the key check.

    `nulls: fail` counts a row with a missing column as breaking it.
    """
    broken = _repeated(check, ground) if check.kind == "unique" else _orphaned(check, ground)
    parts = f"{any_null(check, ground)} OR {broken}" if check.nulls == "fail" else broken
    return f"({judged(check, ground)}) AND ({parts})"


def repeated_keys(check: Check, ground: Ground) -> str:
    """Give a SELECT of the keys that more than one row has, one of them staged."""
    names = [f"k{number}" for number in range(len(check.columns))]
    listed = ", ".join(f"{cell} AS {name}" for cell, name in zip(cells(check, ground), names, strict=True))
    here = f"{judged(check, ground)} AND NOT {any_null(check, ground)}"
    there = f"{selected(check, ground)} AND NOT {any_null(check, ground)}"
    keys = ", ".join(names)
    if not _asks_survivors(check, ground):
        staged = f"(SELECT {listed} FROM {ground.relation} WHERE {here}) AS staged_keys"
        return f"SELECT {keys} FROM {staged} GROUP BY {keys} HAVING count(*) > 1"
    both = (
        f"SELECT {listed}, 1 AS staged FROM {ground.relation} WHERE {here} "
        f"UNION ALL SELECT {listed}, 0 AS staged FROM {ground.survivors} WHERE {there}"
    )
    return f"SELECT {keys} FROM ({both}) AS all_keys GROUP BY {keys} HAVING count(*) > 1 AND sum(staged) > 0"


def _asks_survivors(check: Check, ground: Ground) -> bool:
    """Rows that a merge leaves have other keys by definition, so a check that covers the key cannot meet them."""
    if ground.survivors is None:
        return False
    return not (ground.merge_key and set(ground.merge_key) <= set(check.columns))


def _repeated(check: Check, ground: Ground) -> str:
    columns = cells(check, ground)
    left = columns[0] if len(columns) == 1 else f"({', '.join(columns)})"
    return f"(NOT {any_null(check, ground)} AND {left} IN ({repeated_keys(check, ground)}))"


def _orphaned(check: Check, ground: Ground) -> str:
    assert ground.reference is not None
    to = [quote_identifier(name, ground.dialect) for name in check.arguments["to"]]
    columns = cells(check, ground)
    texts = [ground.dialect == "mysql" and ground.types[name].is_text for name in check.columns]
    wanted = [_mysql_text(f"r.{name}") if text else f"r.{name}" for name, text in zip(to, texts, strict=True)]
    if len(columns) == 1:
        # NOT EXISTS rather than NOT IN: a NULL among the referenced values must not hide orphans.
        found = f"{columns[0]} IN (SELECT {wanted[0]} FROM {ground.reference} AS r WHERE r.{to[0]} IS NOT NULL)"
    else:
        listed = ", ".join(wanted)
        present = " AND ".join(f"r.{name} IS NOT NULL" for name in to)
        found = f"({', '.join(columns)}) IN (SELECT {listed} FROM {ground.reference} AS r WHERE {present})"
    return f"(NOT {any_null(check, ground)} AND NOT ({found}))"


def breaking_rows(check: Check, ground: Ground) -> str:
    """Give a condition over staged rows, true for those that break a row check."""
    if ground.dialect == "sqlite":
        verdict = "IS NOT 1" if check.nulls == "fail" else "IS 0"
    else:
        verdict = "IS NOT TRUE" if check.nulls == "fail" else "IS FALSE"
    return f"({selected(check, ground)}) AND ({_predicate(check, ground)}) {verdict}"


def unknown_rows(check: Check, ground: Ground) -> str:
    """Give a condition over staged rows, true for those whose row check gives NULL and passes."""
    if check.nulls == "fail":
        return f"NOT ({true(ground.dialect)})"
    return f"({selected(check, ground)}) AND ({_predicate(check, ground)}) IS NULL"


def _predicate(check: Check, ground: Ground) -> str:
    assert check.predicate is not None
    return check.predicate.sql(ground.dialect, ground.clock)


_BIND = re.compile(r"(?<![:\w\\]):(?=\w)|(?<=:):(?=\w)")


def for_gx(sql: str) -> str:
    """Let SQL pass Great Expectations' formatting and SQLAlchemy's text unaltered: braces doubled, colons escaped."""
    return _BIND.sub(r"\\:", sql.replace("{", "{{").replace("}", "}}"))
