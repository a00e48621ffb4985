"""A run's staging table in a SQLite file in, what the audit and the loader need of it out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl

from datasync.connectors.sql.modes import judged
from datasync.connectors.sql.statements import Tables
from datasync.connectors.sql.storage import declared
from datasync.connectors.sqlite.engine import Handle
from datasync.connectors.sqlite.values import stored_frame, typed_frame
from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.contract.types import STRING, Dialect
from datasync.errors import PermanentError
from datasync.failpoints import failpoint
from datasync.seams import POSITION, GxAccess, TargetSpec

REGISTER = "_datasync_staging"
"""Which run each staging table is of: SQLite's tables have no comments."""


def quoted(name: str) -> str:
    """Quote an identifier for SQLite."""
    return quote_identifier(name, "sqlite")


class SqliteStaging:
    """See `seams.Staging`."""

    dialect: Dialect = "sqlite"

    def __init__(self, handle: Handle, spec: TargetSpec, tables: Tables, exists: bool) -> None:
        self._handle = handle
        self._spec = spec
        self._tables = tables
        self._exists = exists
        self.relation = tables.staging
        self.survivors, self.removals = judged(spec, tables, exists)

    def reference(self, name: str) -> str:
        """Give a table of the same file."""
        bare = name.removeprefix("main.")
        if not self._handle.rows("SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE", [bare]):
            raise PermanentError(f"there is no table {name[:80]} beside the target", code="E_NO_TABLE")
        return quoted(bare)

    def target_relation(self) -> str | None:
        """Give the published table."""
        return self._tables.target if self._exists else None

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one SELECT."""
        return self._handle.rows(sql)

    def frames(self, sql: str, batch_rows: int = 100_000) -> Iterator[pl.DataFrame]:
        """Run one SELECT and give its rows in the contract's types."""
        with self._handle.statements() as connection:
            cursor = connection.execute(sql)
            try:
                names = [column[0] for column in cursor.description]
                while rows := cursor.fetchmany(batch_rows):
                    yield typed_frame(names, rows, self._spec.columns)
            finally:
                cursor.close()

    def delete(self, where: str) -> int:
        """Take rows out of staging."""
        with self._handle.transaction() as connection:
            return connection.execute(f"DELETE FROM {self.relation} WHERE {where}").rowcount

    def prepare(self) -> None:
        """Nothing: the rows are copied into a table that has its key."""

    @contextmanager
    def gx(self) -> Iterator[GxAccess]:
        """Give the URL: SQLite lets other processes read."""
        from sqlalchemy import URL

        url = URL.create("sqlite", database=str(self._handle.path)).render_as_string(hide_password=False)
        yield GxAccess(url, self._tables.staging.strip('"'), "sqlite")


class SqliteWriter:
    """Loads batches into a new staging table, one transaction each: other writers of the file wait for a batch, not for the run.

    A staging table that a crash left half full is replaced by the next try, and never published: rows are counted before.
    """

    def __init__(self, handle: Handle, spec: TargetSpec, table: str) -> None:
        self._handle = handle
        self._spec = spec
        self._table = table
        with handle.transaction() as connection:
            for statement in staging_ddl(spec, table):
                connection.execute(statement)
        failpoint("stage.after_create")

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows.

        Raises:
            PermanentError: a column is not of the contract's type, or has a value that SQLite would alter.
        """
        stored = stored_frame(frame, self._spec.columns)
        names = ", ".join(quoted(name) for name in stored.columns)
        marks = ", ".join("?" * stored.width)
        with self._handle.transaction() as connection:
            connection.executemany(f"INSERT INTO {self._table} ({names}) VALUES ({marks})", stored.iter_rows())
        failpoint("stage.after_batch")

    def finish(self) -> int:
        """Give the number of rows staged; they are committed already."""
        failpoint("stage.before_commit")
        if self._spec.key:
            # What asks for each row of the target whether its key is staged would read all of staging each time.
            key = ", ".join(quoted(name) for name in self._spec.key)
            index = quoted(f"{self._table.strip(chr(34))}_key")
            with self._handle.transaction() as connection:
                connection.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {self._table} ({key})")
        rows = int(self._handle.rows(f"SELECT count(*) FROM {self._table}")[0][0])
        failpoint("stage.after_commit")
        return rows

    def abandon(self) -> None:
        """Remove what was staged."""
        with self._handle.transaction() as connection:
            for statement in dropping(self._table, self._spec.run_id):
                connection.execute(statement)


def staging_ddl(spec: TargetSpec, table: str) -> list[str]:
    """Give the statements that make an empty staging table, replacing what an earlier try left."""
    columns = declared(spec.columns, "sqlite")
    if spec.position:
        columns.append(f"{quoted(POSITION)} INTEGER")
    run, name = (literal_sql(text, STRING, "sqlite") for text in (spec.run_id, table.strip('"')))
    return [
        f"DROP TABLE IF EXISTS {table}",
        f"CREATE TABLE {table} ({', '.join(columns)})",
        f"CREATE TABLE IF NOT EXISTS {REGISTER} (run_id TEXT PRIMARY KEY, name TEXT NOT NULL)",
        f"INSERT OR REPLACE INTO {REGISTER} VALUES ({run}, {name})",
    ]


def dropping(table: str, run_id: str) -> list[str]:
    """Give the statements that remove a staging table and its entry."""
    return [
        f"DROP TABLE IF EXISTS {table}",
        f"CREATE TABLE IF NOT EXISTS {REGISTER} (run_id TEXT PRIMARY KEY, name TEXT NOT NULL)",
        f"DELETE FROM {REGISTER} WHERE run_id = {literal_sql(run_id, STRING, 'sqlite')}",
    ]
