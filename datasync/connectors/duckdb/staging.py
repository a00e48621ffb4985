"""A run's staging table in a DuckDB file in, what the audit and the loader need of it out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl

from datasync.connectors.duckdb.engine import Handle, first
from datasync.connectors.duckdb.rows import stream
from datasync.connectors.sql.modes import judged
from datasync.connectors.sql.statements import Tables
from datasync.connectors.sql.storage import declared
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import Dialect
from datasync.errors import PermanentError
from datasync.failpoints import failpoint
from datasync.seams import POSITION, GxAccess, TargetSpec


def quoted(name: str) -> str:
    """Quote an identifier for DuckDB."""
    return quote_identifier(name, "duckdb")


class DuckdbStaging:
    """See `seams.Staging`."""

    dialect: Dialect = "duckdb"

    def __init__(self, handle: Handle, spec: TargetSpec, tables: Tables, exists: bool) -> None:
        self._handle = handle
        self._spec = spec
        self._tables = tables
        self._exists = exists
        self.relation = tables.staging
        self.survivors, self.removals = judged(spec, tables, exists)

    def reference(self, name: str) -> str:
        """Give a table of the same file."""
        relation = qualified(name)
        with self._handle.statements() as connection:
            connection.execute(f"SELECT * FROM {relation} LIMIT 0")
        return relation

    def target_relation(self) -> str | None:
        """Give the published table."""
        return self._tables.target if self._exists else None

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one SELECT."""
        return self._handle.rows(sql)

    def frames(self, sql: str, batch_rows: int = 100_000) -> Iterator[pl.DataFrame]:
        """Run one SELECT and give its rows in the contract's types."""
        self._handle.lift()
        yield from stream(self._handle, sql, self._spec.columns, batch_rows)

    def delete(self, where: str) -> int:
        """Take rows out of staging."""
        self._handle.lift()
        with self._handle.transaction() as connection:
            found = first(connection, f"DELETE FROM {self.relation} WHERE {where}")
        return int(found[0]) if found else 0

    def keep(self, name: str, frames: list[pl.DataFrame]) -> None:
        """Keep copied rows as a table of this file (a check's copy of what the target holds)."""
        with self._handle.statements() as connection:
            for number, frame in enumerate(frames):
                connection.register("_datasync_copy", frame.to_arrow())
                head = f"CREATE OR REPLACE TABLE {name} AS" if number == 0 else f"INSERT INTO {name}"
                connection.execute(f"{head} SELECT * FROM _datasync_copy")
                connection.unregister("_datasync_copy")

    def prepare(self) -> None:
        """Nothing: publishing copies the rows to where their key is kept."""

    @contextmanager
    def gx(self) -> Iterator[GxAccess]:
        """Close our connection while another process reads the file: DuckDB lets one process in at a time."""
        self._handle.close()
        yield GxAccess(f"duckdb:///{self._handle.path}", self._tables.staging.strip('"'), "duckdb")


def qualified(name: str) -> str:
    """Quote `table` or `schema.table`."""
    parts = name.split(".")
    if len(parts) > 2:
        raise PermanentError(f"'{name[:80]}' is no table: write table or schema.table", code="E_NO_TABLE")
    return ".".join(quoted(part) for part in parts)


SHARE = 8
"""Batches per transaction: DuckDB keeps what a transaction wrote in memory."""


class DuckdbWriter:
    """Loads batches into a new staging table.

    A staging table that a crash left half full is replaced by the next try, and never published: rows are counted before.
    """

    def __init__(self, handle: Handle, spec: TargetSpec, table: str, ddl: list[str]) -> None:
        self._handle = handle
        self._spec = spec
        self._table = table
        self._batches = 0
        with handle.transaction() as connection:
            for statement in ddl:
                connection.execute(statement)
        failpoint("stage.after_create")

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows."""
        columns = ", ".join(self._value(name) for name in frame.columns)
        names = ", ".join(quoted(name) for name in frame.columns)
        with self._handle.statements() as connection:
            if self._batches % SHARE == 0:
                connection.execute("BEGIN")
            connection.register("_datasync_batch", frame.to_arrow())
            connection.execute(f"INSERT INTO {self._table} ({names}) SELECT {columns} FROM _datasync_batch")
            connection.unregister("_datasync_batch")
            self._batches += 1
            if self._batches % SHARE == 0:
                connection.execute("COMMIT")
        failpoint("stage.after_batch")

    def _value(self, name: str) -> str:
        kind = self._spec.columns.get(name)
        return f"CAST({quoted(name)} AS UUID)" if kind is not None and kind.name == "uuid" else quoted(name)

    def finish(self) -> int:
        """Commit."""
        failpoint("stage.before_commit")
        with self._handle.statements() as connection:
            if self._batches % SHARE:
                connection.execute("COMMIT")
            found = first(connection, f"SELECT count(*) FROM {self._table}")
        failpoint("stage.after_commit")
        return int(found[0]) if found else 0

    def abandon(self) -> None:
        """Remove what was staged."""
        self._handle.close()
        with self._handle.statements() as connection:
            connection.execute(f"DROP TABLE IF EXISTS {self._table}")
        self._handle.close()


def staging_ddl(spec: TargetSpec, table: str) -> list[str]:
    """Give the statements that make an empty staging table, replacing what an earlier try left."""
    columns = declared(spec.columns, "duckdb")
    if spec.position:
        columns.append(f"{quoted(POSITION)} BIGINT")
    return [f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} ({', '.join(columns)})"]
