"""A run's staging for an Oracle target: a DuckDB file of the project, with copies of what the audit asks of Oracle's tables.

Neither expressions nor Great Expectations are compiled for Oracle. So the audit judges in DuckDB, as for an API, and sees of the
published table the columns that its checks ask.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace

import polars as pl

from datasync.connectors.duckdb.engine import Handle
from datasync.connectors.duckdb.staging import DuckdbStaging
from datasync.connectors.duckdb.staging import quoted as local_name
from datasync.connectors.files.staging import PUBLISHED, FileWriter, tables_of
from datasync.connectors.oracle.catalog import Limit, Place
from datasync.connectors.oracle.loading import refuse
from datasync.connectors.oracle.tables import quoted
from datasync.connectors.sql.modes import judged
from datasync.connectors.sql.storage import declared, storage_type
from datasync.contract.types import DataType, Dialect
from datasync.seams import TargetSpec

Fetch = Callable[[str, Mapping[str, DataType]], Iterator[pl.DataFrame]]
"""Runs a SELECT in Oracle, and gives its rows in the contract's types."""


class OracleStaging(DuckdbStaging):
    """See `seams.Staging`: DuckDB's; what is published is not beside it, so columns of it are copied.

    Args:
        handle: the staging file.
        spec: what is staged.
        copied: columns of the published table that the file has a copy of; empty: none.
        reference: copies the columns of another table that `references` asks, and gives the copy's relation.
    """

    dialect: Dialect = "duckdb"

    def __init__(self, handle: Handle, spec: TargetSpec, copied: Iterable[str], reference: Callable[[str], str]) -> None:
        super().__init__(handle, spec, tables_of(spec), exists=False)
        held = {name: kind for name, kind in spec.columns.items() if name in set(copied)}
        self._exists = bool(held)
        self._reference = reference
        self.survivors, self.removals = judged(replace(spec, columns=held), self._tables, self._exists)

    def reference(self, name: str) -> str:
        """Give a copy of the columns that are looked up."""
        return self._reference(name)


class OracleWriter(FileWriter):
    """Loads batches into the file; refuses at once what Oracle would refuse, or alter, at the end."""

    def __init__(self, handle: Handle, spec: TargetSpec, limits: Mapping[str, Limit]) -> None:
        super().__init__(handle, spec)
        self._limits = limits

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows."""
        refuse(frame, self._spec, self._limits)
        super().write(frame)


def wanted(spec: TargetSpec) -> dict[str, DataType]:
    """Columns of the published table that the audit needs: what its checks ask, and what tells which rows stay or go."""
    takes = spec.history is not None or spec.deletes is not None
    names = set(spec.asked)
    if takes or (names and spec.write in ("merge", "replace_window")):
        names |= {*spec.key, *((spec.cursor,) if spec.cursor is not None else ())}
    own = {name: kind for name, kind in spec.stored.items() if name not in spec.columns} if takes else {}
    return {**{name: kind for name, kind in spec.columns.items() if name in names}, **own}


def copying(spec: TargetSpec, place: Place, held: Container[str]) -> str:
    """Give the SELECT that copies them: of a history the versions that hold, for nothing else is judged.

    Args:
        spec: what is staged.
        place: of the published table.
        held: its columns; those that publishing will add are NULL.
    """
    listed = ", ".join(quoted(name) if name in held else f"NULL AS {quoted(name)}" for name in wanted(spec))
    holding = f" WHERE {quoted(spec.history.current)} = 1" if spec.history is not None else ""
    return f"SELECT {listed} FROM {place.quoted}{holding}"


def keep(handle: Handle, name: str, kinds: Mapping[str, DataType], rows: Iterable[pl.DataFrame]) -> None:
    """Keep rows as a table of the file, streamed."""
    columns = ", ".join(declared(kinds, "duckdb"))
    listed = ", ".join(f"CAST({local_name(column)} AS {storage_type(kind, 'duckdb')})" for column, kind in kinds.items())
    with handle.transaction() as connection:
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
        for frame in rows:
            connection.register("_datasync_copy", frame.to_arrow())
            connection.execute(f"INSERT INTO {name} SELECT {listed} FROM _datasync_copy")
            connection.unregister("_datasync_copy")


__all__ = [
    "PUBLISHED", "Fetch", "OracleStaging", "OracleWriter", "copying", "keep", "wanted",
]  # fmt: skip
