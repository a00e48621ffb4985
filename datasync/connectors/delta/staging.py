"""A run's staging for a Delta target: a DuckDB file of the project, with copies of what the audit asks of published tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from datasync.connectors.delta.types import columns_of
from datasync.connectors.duckdb.engine import Handle
from datasync.connectors.duckdb.staging import DuckdbStaging, quoted
from datasync.connectors.files.parquet_form import cast_list
from datasync.connectors.files.staging import PUBLISHED, tables_of
from datasync.connectors.sql.statements import survivors
from datasync.contract.types import DataType
from datasync.seams import TargetSpec

if TYPE_CHECKING:
    from deltalake import DeltaTable

ROWS = "_datasync_rows"


class DeltaStaging(DuckdbStaging):
    """See `seams.Staging`: DuckDB's; the published table is not beside it, so columns of it are copied.

    Args:
        handle: the staging file.
        spec: what is staged.
        copied: columns of the published table that `PUBLISHED` holds; empty: none was asked for.
        reference: copies another contract's table and gives its relation.
    """

    def __init__(self, handle: Handle, spec: TargetSpec, copied: Iterable[str], reference: Callable[[str], str]) -> None:
        super().__init__(handle, spec, tables_of(spec), exists=False)
        held = {name: kind for name, kind in spec.columns.items() if name in set(copied)}
        self._exists = bool(held)
        self.survivors = survivors(replace(spec, columns=held), self._tables) if held else None
        self._reference = reference

    def reference(self, name: str) -> str:
        """Give a copy of another contract's table."""
        return self._reference(name)


def asked(spec: TargetSpec) -> tuple[str, ...]:
    """Columns of the published table that the audit needs: what its checks ask, and what tells which rows stay."""
    if not spec.asked:
        return ()
    cursor = (spec.cursor,) if spec.write == "replace_window" and spec.cursor is not None else ()
    merged = spec.key if spec.write == "merge" else ()
    return tuple(name for name in spec.columns if name in {*spec.asked, *cursor, *merged})


def copy(handle: Handle, table: DeltaTable, name: str, columns: Mapping[str, DataType]) -> None:
    """Copy columns of a table into the staging file, streamed; those that it lacks are NULL."""
    found = columns_of(table)
    with handle.statements() as connection:
        connection.register(ROWS, table.to_pyarrow_dataset())
        try:
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT {cast_list(columns, found)} FROM {ROWS}")
        finally:
            connection.unregister(ROWS)


def see(handle: Handle, table: DeltaTable, columns: Mapping[str, DataType]) -> str:
    """Let this process's statements read a table in place; give its relation."""
    view = quoted("_datasync_now")
    with handle.statements() as connection:
        connection.register(ROWS, table.to_pyarrow_dataset())
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT {cast_list(columns, columns_of(table))} FROM {ROWS}")
    return view


__all__ = ["PUBLISHED", "DeltaStaging", "asked", "copy", "see"]
