"""A published run in, the relations that must agree out: the rows it wrote and the rows it staged."""

from __future__ import annotations

from datasync.connectors.sql.statements import Tables, newer, same_key, staged_key, window_condition
from datasync.seams import Published, TargetSpec


def written(spec: TargetSpec, tables: Tables) -> Published | None:
    """Give the relations to compare after a publish; None for append, whose rows can't be told from others."""
    if spec.write == "append":
        return None
    if spec.write == "replace":
        return Published(tables.target)
    if spec.write == "replace_window":
        return Published(f"(SELECT * FROM {tables.target} WHERE {window_condition(spec, tables)}) AS written")
    if spec.cursor is None:
        # Nothing keeps a staged row out: what the audit left is what must be there.
        return Published(f"(SELECT t.* FROM {tables.target} AS t WHERE {staged_key(spec, tables)}) AS written")
    older = f"SELECT 1 FROM {tables.target} AS t WHERE {same_key(spec, tables)} AND {newer(spec, tables)}"
    staged = f"SELECT 1 FROM {tables.staging} AS s WHERE {same_key(spec, tables)} AND NOT ({newer(spec, tables)})"
    return Published(
        f"(SELECT t.* FROM {tables.target} AS t WHERE EXISTS ({staged})) AS written",
        f"(SELECT s.* FROM {tables.staging} AS s WHERE NOT EXISTS ({older})) AS expected",
    )
