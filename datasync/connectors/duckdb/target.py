"""A contract's DuckDB target in, staging beside its table and one atomic publishing transaction out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasync.connectors.duckdb.engine import Handle, first
from datasync.connectors.duckdb.staging import DuckdbStaging, DuckdbWriter, qualified, quoted, staging_ddl
from datasync.connectors.locks import Locks
from datasync.connectors.paths import local_path
from datasync.connectors.refusals import no_staging
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.books import Books
from datasync.connectors.sql.compare import FoundColumn, check_names, compare
from datasync.connectors.sql.file_publication import FilePublication
from datasync.connectors.sql.modes import dml
from datasync.connectors.sql.modes import published as written
from datasync.connectors.sql.statements import Tables
from datasync.connectors.sql.storage import check_types, declared
from datasync.contract.endpoints import DuckdbTarget as Endpoint
from datasync.contract.types import parse_type
from datasync.errors import TargetMismatch
from datasync.failpoints import failpoint
from datasync.seams import Commit, Published, PublishRequest, Surroundings, TargetSpec, TargetState

if TYPE_CHECKING:
    import duckdb


class DuckdbTarget:
    """See `seams.Target`. DuckDB lets one process in at a time, so the file is open no longer than needed.

    Args:
        endpoint: the contract's.
        surroundings: where paths count from.
        memory: see `engine.Handle`.
    """

    kind = "duckdb"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings, memory: str = "") -> None:
        self._table = endpoint.table
        self._path: Path = local_path(endpoint.database, surroundings)
        self._handle = Handle(self._path, memory=memory)
        self._locks = Locks(surroundings.home)

    def _tables(self, run_id: str) -> Tables:
        return Tables(qualified(self._table), quoted(book.staging_name(run_id)), "duckdb")

    def inspect(self, spec: TargetSpec) -> TargetState:
        """Look at the table and this sync's commits."""
        check_names(spec, "duckdb", self._table)
        check_types(spec.columns, "duckdb")
        if not self._path.exists():
            return TargetState(exists=False)
        with self._handle.statements() as connection:
            found = self._columns(connection)
            commits, sequence = self._commits(connection, spec)
        if not found:
            return TargetState(False, {}, commits, sequence)
        additions = compare(spec, found, "duckdb", self._table)
        return TargetState(
            True, {name: _kind(column.type) for name, column in found.items()}, commits, sequence, additions.words()
        )

    def _columns(self, connection: duckdb.DuckDBPyConnection) -> dict[str, FoundColumn]:
        schema, _, table = self._table.rpartition(".")
        where = "table_name = ? AND schema_name = ?"
        place = [table, schema or "main"]
        if first(connection, f"SELECT 1 FROM duckdb_views() WHERE {where.replace('table_name', 'view_name')}", place):
            raise TargetMismatch(f"{self._table} is a view; a target is a table")
        rows = connection.execute(
            f"SELECT column_name, data_type, is_nullable, column_default IS NOT NULL FROM duckdb_columns() WHERE {where} "
            "AND database_name = current_database() ORDER BY column_index",
            place,
        ).fetchall()
        return {name: FoundColumn(kind, bool(nullable), bool(default)) for name, kind, nullable, default in rows}

    def _commits(self, connection: duckdb.DuckDBPyConnection, spec: TargetSpec) -> tuple[tuple[Commit, ...], int]:
        known = {
            row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'").fetchall()
        }
        if book.COMMITS not in known:
            return (), 0
        books = self._books(connection)
        return books.of_sync(spec.sync), books.newest()

    def _books(self, connection: duckdb.DuckDBPyConnection) -> Books:
        return Books(lambda sql, values: connection.execute(sql, values or []).fetchall(), self._table, mark="?")

    def clock(self) -> datetime:
        """DuckDB runs in this process: this machine's time."""
        return datetime.now(UTC)

    def acquire(self, spec: TargetSpec) -> int:
        """Lock the sync on this machine and take the next fencing token."""
        self._locks.hold(f"{self._path}|{spec.sync}", f"the sync {spec.contract}")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._handle.transaction() as connection:
            for statement in book.ddl("duckdb"):
                connection.execute(statement)
            known = first(connection, f"SELECT token FROM {book.FENCE} WHERE sync = ?", [spec.sync])
            token = int(known[0]) + 1 if known else 1
            if known:
                connection.execute(f"UPDATE {book.FENCE} SET token = ? WHERE sync = ?", [token, spec.sync])
            else:
                connection.execute(f"INSERT INTO {book.FENCE} VALUES (?, ?)", [spec.sync, token])
        return token

    def writer(self, spec: TargetSpec) -> DuckdbWriter:
        """Create this run's staging table and open it for loading."""
        table = self._tables(spec.run_id).staging
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return DuckdbWriter(self._handle, spec, table, staging_ddl(spec, table))

    def staging(self, spec: TargetSpec) -> DuckdbStaging:
        """Give this run's committed staging table."""
        with self._handle.statements() as connection:
            name = book.staging_name(spec.run_id)
            if first(connection, "SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [name]) is None:
                raise no_staging(spec.run_id)
            exists = bool(self._columns(connection))
        return DuckdbStaging(self._handle, spec, self._tables(spec.run_id), exists)

    def publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        """Publish staging and write the commit row in one transaction."""
        tables = self._tables(spec.run_id)
        failpoint("publish.begin")
        with self._handle.transaction() as connection:
            publication = FilePublication(self._books(connection), spec, request, tables)
            done = publication.done()
            if done is not None:
                return done
            commit = publication.write(lambda: self._ddl(connection, spec, tables))
        failpoint("publish.after_commit")
        return commit

    def _ddl(self, connection: duckdb.DuckDBPyConnection, spec: TargetSpec, tables: Tables) -> list[str]:
        found = self._columns(connection)
        if not found:
            return self._create(spec, tables)
        return compare(spec, found, "duckdb", self._table).statements(tables.target, "duckdb")

    def _create(self, spec: TargetSpec, tables: Tables) -> list[str]:
        columns = declared(spec.stored, "duckdb", spec.stored_required)
        schema, _, _ = self._table.rpartition(".")
        first = [f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"] if schema else []
        return [*first, f"CREATE TABLE {tables.target} ({', '.join(columns)})"]

    def published(self, spec: TargetSpec, commit: Commit) -> Published | None:
        """Find the rows that this run wrote."""
        tables = self._tables(spec.run_id)
        with self._handle.statements() as connection:
            later = self._books(connection).newest() != commit.sequence
        if later:
            return None
        return written(spec, tables)

    def drop_staging(self, run_id: str) -> None:
        """Remove a run's staging table."""
        if self._path.exists():
            with self._handle.statements() as connection:
                connection.execute(f"DROP TABLE IF EXISTS {self._tables(run_id).staging}")

    def orphans(self) -> list[str]:
        """Give the staging tables in the file; a run that lives holds the file, so what we can see nobody uses."""
        if not self._path.exists():
            return []
        with self._handle.statements() as connection:
            rows = connection.execute(
                "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, ?)", [book.STAGING_PREFIX]
            ).fetchall()
        return [row[0] for row in rows]

    def drop_orphan(self, name: str) -> None:
        """Remove a staging table."""
        with self._handle.statements() as connection:
            connection.execute(f"DROP TABLE IF EXISTS {quoted(name)}")

    def explain(self, spec: TargetSpec) -> list[str]:
        """Give staging's DDL, the table's and the publishing statements."""
        tables = self._tables(spec.run_id)
        return [*staging_ddl(spec, tables.staging)[1:], *self._create(spec, tables), *dml(spec, tables)]

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self._handle.interrupt()

    def close(self) -> None:
        """Close the file and let go of the sync."""
        self._handle.close()
        self._locks.release()


def _kind(spelled: str) -> Any:
    try:
        return parse_type(spelled)
    except ValueError:
        return None
