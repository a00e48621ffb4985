"""A spec that takes rows away in, what a merge does to them out: marked rows deleted, missing ones deleted or marked."""

from __future__ import annotations

from dataclasses import replace

from datasync.connectors.sql import statements
from datasync.connectors.sql.statements import Tables, bound, names, newer, same_key, staged_key
from datasync.contract.types import BOOL
from datasync.seams import Deletes, Published, Removals, TargetSpec


def gone(spec: TargetSpec, tables: Tables, side: str = "s") -> str:
    """Tell staged rows that the source has deleted; nothing (empty) where it does not say."""
    if spec.deletes is None or spec.deletes.column is None:
        return ""
    return f"{side}.{tables.name(spec.deletes.column)} IS TRUE"


def delete_from(tables: Tables, condition: str) -> str:
    """Delete rows of the target, called `t` in the condition."""
    if tables.dialect == "mysql":
        return f"DELETE t FROM {tables.target} AS t WHERE {condition}"
    return f"DELETE FROM {tables.target} AS t WHERE {condition}"


def not_staged(spec: TargetSpec, tables: Tables) -> str:
    """Tell rows `t` of the target whose key staging lacks."""
    return f"NOT {staged_key(spec, tables)}"


def merging(spec: TargetSpec, tables: Tables) -> list[str]:
    """Give the statements of a merge that takes rows away: deletions, the upsert of the others, then what is missing."""
    found = []
    if gone(spec, tables):
        found.append(delete_from(tables, _source_deleted(spec, tables)))
    found += statements.dml(*_living(spec, tables))
    deletes = _deletes(spec)
    if spec.complete and deletes.mark is not None:
        mark = tables.name(deletes.mark)
        found.append(f"UPDATE {tables.target} AS t SET {mark} = TRUE WHERE {_missing(spec, tables)}")
    elif spec.complete and deletes.missing == "delete":
        found.append(delete_from(tables, _missing(spec, tables)))
    return found


def _deletes(spec: TargetSpec) -> Deletes:
    assert spec.deletes is not None
    return spec.deletes


def _living(spec: TargetSpec, tables: Tables) -> tuple[TargetSpec, Tables]:
    """A plain merge of the staged rows that are not deleted; a mark is one more column, false for all of them."""
    deletes = _deletes(spec)
    listed = names(spec, tables)
    where = f" WHERE NOT ({gone(spec, tables, 'a')})" if gone(spec, tables) else ""
    columns = spec.columns
    if deletes.mark is not None:
        listed += f", FALSE AS {tables.name(deletes.mark)}"
        columns = {**columns, deletes.mark: BOOL}
    staged = f"(SELECT {listed} FROM {tables.staging} AS a{where})"
    return replace(spec, columns=columns, deletes=None), replace(tables, staging=staged)


def _source_deleted(spec: TargetSpec, tables: Tables) -> str:
    older = f" AND NOT ({newer(spec, tables)})" if spec.cursor is not None else ""
    return f"EXISTS (SELECT 1 FROM {tables.staging} AS s WHERE {same_key(spec, tables)} AND {gone(spec, tables)}{older})"


def _missing(spec: TargetSpec, tables: Tables) -> str:
    """Rows `t` that a complete read should have held and did not."""
    return " AND ".join((not_staged(spec, tables), *_asked_for(spec, tables)))


def _asked_for(spec: TargetSpec, tables: Tables) -> list[str]:
    """What tells rows `t` that a complete read should hold: not those before its beginning, nor those marked as gone."""
    parts = []
    if spec.window is not None and spec.window.start is not None and spec.cursor is not None:
        parts.append(f"t.{tables.name(spec.cursor)} >= {bound(spec, spec.window.start, tables.dialect)}")
    if _deletes(spec).mark is not None:
        parts.append(f"t.{tables.name(str(_deletes(spec).mark))} IS NOT TRUE")
    return parts


def removals(spec: TargetSpec, tables: Tables) -> Removals | None:
    """Say which rows a merge takes away."""
    if spec.deletes is None:
        return None
    parts = [_source_deleted(spec, tables)] if gone(spec, tables) else []
    if spec.complete and spec.deletes.missing is not None:
        parts.append(_missing(spec, tables))
    listed = names(spec, tables, "t.")
    mark = f" WHERE t.{tables.name(spec.deletes.mark)} IS NOT TRUE" if spec.deletes.mark is not None else ""
    going = " OR ".join(f"({part})" for part in parts) or "1 = 0"
    return Removals(
        f"(SELECT {listed} FROM {tables.target} AS t WHERE {going}) AS going",
        f"(SELECT {listed} FROM {tables.target} AS t{mark}) AS living",
    )


def survivors(spec: TargetSpec, tables: Tables) -> str | None:
    """Give the target's rows that stay as they are."""
    taken = spec.complete and _deletes(spec).missing == "delete"
    # Of those that are not staged; staging is asked once, for PostgreSQL makes no join of it behind an IS NOT TRUE.
    stay = f"({' AND '.join(_asked_for(spec, tables)) or '1 = 1'}) IS NOT TRUE AND " if taken else ""
    listed = names(spec, tables, "t.")
    return f"(SELECT {listed} FROM {tables.target} AS t WHERE {stay}{not_staged(spec, tables)}) AS survivors"


def written(spec: TargetSpec, tables: Tables) -> Published:
    """Give what must agree after the merge: the living staged rows, and the target's rows of staged keys."""
    old = f" AND NOT ({newer(spec, tables)})" if spec.cursor is not None else ""
    staged = f"EXISTS (SELECT 1 FROM {tables.staging} AS s WHERE {same_key(spec, tables)}{old})"
    found = f"SELECT t.* FROM {tables.target} AS t WHERE {staged}"
    if spec.complete and _deletes(spec).missing is not None:
        # Their keys are not staged: no row is in both. PostgreSQL makes no join of what stands behind an OR.
        found += f" UNION ALL SELECT t.* FROM {tables.target} AS t WHERE {_missing(spec, tables)}"
    parts = [f"NOT ({gone(spec, tables)})"] if gone(spec, tables) else []
    if spec.cursor is not None:
        newest = f"SELECT 1 FROM {tables.target} AS t WHERE {same_key(spec, tables)} AND {newer(spec, tables)}"
        parts.append(f"NOT EXISTS ({newest})")
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    return Published(
        f"({found}) AS written",
        f"(SELECT s.* FROM {tables.staging} AS s{where}) AS expected",
    )
