"""A contract's SQLite target in, staging beside its table and one atomic publishing transaction out."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime

from datasync.connectors.locks import Locks
from datasync.connectors.paths import local_path
from datasync.connectors.patience import Patience, patiently
from datasync.connectors.refusals import no_staging
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.books import Books
from datasync.connectors.sql.compare import check_names
from datasync.connectors.sql.file_publication import FilePublication
from datasync.connectors.sql.modes import dml
from datasync.connectors.sql.modes import published as written
from datasync.connectors.sql.statements import Tables
from datasync.connectors.sql.storage import check_types, declared
from datasync.connectors.sqlite.catalog import check_table, found_columns
from datasync.connectors.sqlite.engine import Handle
from datasync.connectors.sqlite.staging import REGISTER, SqliteStaging, SqliteWriter, dropping, quoted, staging_ddl
from datasync.contract.endpoints import SqliteTarget as Endpoint
from datasync.errors import PermanentError
from datasync.failpoints import failpoint
from datasync.seams import Commit, Published, PublishRequest, Surroundings, TargetSpec, TargetState

PATIENCE = Patience(frozenset({"E_LOCKED"}), tries=4, first=0.4)
"""For publishing while another writer holds the file; each try waits for `engine.WAIT` by itself."""


class SqliteTarget:
    """See `seams.Target`. One writer at a time; readers are never blocked."""

    kind = "sqlite"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        self._table = endpoint.table.removeprefix("main.")
        # SQLite takes T and t for one table: commits to it are counted under one name.
        self._name = self._table.lower()
        self._path = local_path(endpoint.database, surroundings)
        self._handle = Handle(self._path)
        self._locks = Locks(surroundings.home)
        self._stop = threading.Event()

    def _tables(self, run_id: str) -> Tables:
        return Tables(quoted(self._table), quoted(book.staging_name(run_id)), "sqlite")

    def inspect(self, spec: TargetSpec) -> TargetState:
        """Look at the table and this sync's commits."""
        check_names(spec, "sqlite", self._table)
        check_types(spec.columns, "sqlite")
        if not self._path.exists():
            return TargetState(exists=False)
        with self._handle.statements() as connection:
            found, additions = check_table(connection, self._table, spec)
            if not found_columns(connection, book.COMMITS):
                return TargetState(bool(found), {name: spec.columns.get(name) for name in found}, changes=additions.words())
            books = self._books(connection)
            commits, sequence = books.of_sync(spec.sync), books.newest()
        return TargetState(bool(found), {name: spec.columns.get(name) for name in found}, commits, sequence, additions.words())

    def clock(self) -> datetime:
        """SQLite runs in this process: this machine's time."""
        return datetime.now(UTC)

    def acquire(self, spec: TargetSpec) -> int:
        """Lock the sync on this machine and take the next fencing token."""
        self._hold(spec.sync, f"the sync {spec.contract}")
        with self._handle.transaction() as connection:
            for statement in book.ddl("sqlite"):
                connection.execute(statement)
            found = connection.execute(
                f"INSERT INTO {book.FENCE} (sync, token) VALUES (?, 1) "
                "ON CONFLICT (sync) DO UPDATE SET token = token + 1 RETURNING token",
                [spec.sync],
            ).fetchall()
        return int(found[0][0])

    def _hold(self, name: str, what: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._locks.hold(f"{self._path}|{name}", what)

    def writer(self, spec: TargetSpec) -> SqliteWriter:
        """Create this run's staging table and open it for loading."""
        self._hold(f"stg:{spec.run_id}", f"the staging of run {spec.run_id}")
        return SqliteWriter(self._handle, spec, self._tables(spec.run_id).staging)

    def staging(self, spec: TargetSpec) -> SqliteStaging:
        """Give this run's committed staging table."""
        with self._handle.statements() as connection:
            if not found_columns(connection, book.staging_name(spec.run_id)):
                raise no_staging(spec.run_id)
            exists = bool(found_columns(connection, self._table))
        return SqliteStaging(self._handle, spec, self._tables(spec.run_id), exists)

    def publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        """Publish staging and write the commit row in one transaction; try again when another writer holds the file."""
        return patiently(lambda: self._publish(spec, request), PATIENCE, self._stop)

    def _publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        tables = self._tables(spec.run_id)
        failpoint("publish.begin")
        with self._handle.transaction() as connection:
            publication = FilePublication(self._books(connection), spec, request, tables)
            done = publication.done()
            if done is not None:
                return done
            _check_there(connection, tables)
            commit = publication.write(lambda: self._ddl(connection, spec, tables))
        failpoint("publish.after_commit")
        return commit

    def _books(self, connection: sqlite3.Connection) -> Books:
        return Books(lambda sql, values: connection.execute(sql, values or ()).fetchall(), self._name, mark="?")

    def _ddl(self, connection: sqlite3.Connection, spec: TargetSpec, tables: Tables) -> list[str]:
        found, additions = check_table(connection, self._table, spec)
        if not found:
            return [_create(spec, tables)]
        return additions.statements(tables.target, "sqlite")

    def published(self, spec: TargetSpec, commit: Commit) -> Published | None:
        """Find the rows that this run wrote."""
        with self._handle.statements() as connection:
            later = self._books(connection).newest() != commit.sequence
        return None if later else written(spec, self._tables(spec.run_id))

    def drop_staging(self, run_id: str) -> None:
        """Remove a run's staging table."""
        if self._path.exists():
            with self._handle.transaction() as connection:
                for statement in dropping(self._tables(run_id).staging, run_id):
                    connection.execute(statement)

    def orphans(self) -> list[str]:
        """Give the staging tables that no process of this machine holds."""
        return [book.staging_name(run_id) for run_id in self._registered() if self._locks.free(f"{self._path}|stg:{run_id}")]

    def _registered(self) -> list[str]:
        """The runs that have a staging table."""
        if not self._path.exists():
            return []
        with self._handle.statements() as connection:
            if not found_columns(connection, REGISTER):
                return []
            return [row[0] for row in connection.execute(f"SELECT run_id FROM {REGISTER} ORDER BY run_id")]

    def drop_orphan(self, name: str) -> None:
        """Remove a staging table."""
        for run_id in self._registered():
            if book.staging_name(run_id) == name:
                self.drop_staging(run_id)

    def explain(self, spec: TargetSpec) -> list[str]:
        """Give staging's DDL, the table's and the publishing statements."""
        tables = self._tables(spec.run_id)
        return [staging_ddl(spec, tables.staging)[1], f"-- when absent: {_create(spec, tables)}", *dml(spec, tables)]

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self._stop.set()
        self._handle.interrupt()

    def close(self) -> None:
        """Close the file and let go of the sync."""
        self._handle.close()
        self._locks.release()


def _create(spec: TargetSpec, tables: Tables) -> str:
    columns = declared(spec.stored, "sqlite", spec.stored_required | frozenset(spec.key))
    if spec.key:
        columns.append(f"PRIMARY KEY ({', '.join(quoted(name) for name in spec.stored_key)})")
    return f"CREATE TABLE {tables.target} ({', '.join(columns)})"


def _check_there(connection: sqlite3.Connection, tables: Tables) -> None:
    if not found_columns(connection, tables.staging.strip('"')):
        raise PermanentError("the run left no staging table", code="E_NO_STAGING", hint="run it again")
