"""A contract's Oracle target in, staging in a DuckDB file of the project and one atomic publishing step in Oracle out."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property

import polars as pl

from datasync.connectors.duckdb.engine import Handle, first
from datasync.connectors.duckdb.rows import stream
from datasync.connectors.files import staging as staged
from datasync.connectors.files.staging_files import StagingFiles
from datasync.connectors.oracle import commits, fetching
from datasync.connectors.oracle.catalog import Place, Table, check_table, exists, find_place, find_table
from datasync.connectors.oracle.engine import Session
from datasync.connectors.oracle.guard import Guard
from datasync.connectors.oracle.publishing import Local, Publication
from datasync.connectors.oracle.staging import (
    PUBLISHED,
    OracleStaging,
    OracleWriter,
    copying,
    keep,
    wanted,
)
from datasync.connectors.oracle.tables import drop_table, events_ddl, events_name, quoted, shape_of, staging_ddl, target_ddl
from datasync.connectors.oracle.wording import Wording
from datasync.connectors.patience import SERVER_PATIENCE, patiently
from datasync.connectors.refusals import busy, fenced
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql import modes
from datasync.connectors.sql.compare import check_names
from datasync.connectors.sql.on_use import OnUse
from datasync.connectors.sql.reading import quote_table
from datasync.connectors.sql.statements import Tables, same_key, window_condition
from datasync.connectors.sql.storage import check_types
from datasync.contract.endpoints import OracleTarget as Endpoint
from datasync.contract.expressions.dialects import literal_sql
from datasync.contract.types import STRING, DataType
from datasync.errors import PermanentError, Refused
from datasync.failpoints import failpoint
from datasync.seams import Commit, Connection, Published, PublishRequest, Surroundings, TargetSpec, TargetState

OWN_WAIT = 10
"""Seconds to wait for our own lost connection to be noticed by the server."""
_WRITTEN = '"_datasync_written"'


class OracleTarget:
    """See `seams.Target`.

    A session for questions, one that holds the sync's lock, and one that loads and publishes.
    """

    kind = "oracle"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        self._table = endpoint.table
        self._connection_id = endpoint.connection
        self._surroundings = surroundings
        self._asking = OnUse(lambda: Session(self._connection))
        self._writing = OnUse(lambda: Session(self._connection))
        self._guarding = OnUse(lambda: Guard(self._connection))
        self._staged_by = OnUse(lambda: Guard(self._connection))
        name = hashlib.sha256(f"{self._connection_id}|{self._table}".encode()).hexdigest()[:16]
        self._folder = surroundings.home / "staging" / f"oracle-{name}"
        self._files = StagingFiles(self._folder, self._folder)
        self._copied: tuple[str, tuple[str, ...]] | None = None
        self._stop = threading.Event()

    @cached_property
    def _connection(self) -> Connection:
        return self._surroundings.connection(self._connection_id)

    @cached_property
    def _place(self) -> Place:
        return find_place(self._session, self._table)

    @property
    def _session(self) -> Session:
        return self._asking()

    @property
    def _guard(self) -> Guard:
        return self._guarding()

    # --- before a run

    def inspect(self, spec: TargetSpec) -> TargetState:
        """Look at the table and this sync's commits."""
        check_names(spec, "oracle", self._table)
        check_types(spec.columns, "duckdb")
        shape_of(spec, Table())
        table, additions = check_table(self._session, self._place, spec)
        done, sequence = self._commits(spec)
        known = {name: spec.columns.get(name) for name in table.columns}
        return TargetState(bool(table.columns), known, done, sequence, additions.words())

    def _commits(self, spec: TargetSpec) -> tuple[tuple[Commit, ...], int]:
        if not exists(self._session, self._place.beside(book.FILES)):
            return (), 0
        books = commits.books(self._session, self._place)
        return books.of_sync(spec.sync), books.newest()

    def clock(self) -> datetime:
        """Give the server's time."""
        return self._session.clock()

    def acquire(self, spec: TargetSpec) -> int:
        """Lock the sync in a session of its own and take the next fencing token."""
        self._make_rows(spec)
        if not self._guard.hold(self._place, f"sync:{spec.sync}"):
            raise busy(f"the sync {spec.contract}")
        return commits.next_token(self._session, self._place, spec.sync)

    def _make_rows(self, spec: TargetSpec) -> None:
        """See that the tables of the books, and the rows that are locked, are there."""
        commits.make_books(self._session, self._place)
        for what in (f"sync:{spec.sync}", f"table:{self._place.table}"):
            commits.make_lock(self._session, self._place, self._place.lock(what))

    # --- staging

    def writer(self, spec: TargetSpec) -> OracleWriter:
        """Create this run's staging file and open it for loading."""
        limits = shape_of(spec, find_table(self._session, self._place, spec)).limits
        self._copied = None
        return OracleWriter(self._files.opened(spec.run_id), spec, limits)

    def staging(self, spec: TargetSpec) -> OracleStaging:
        """Give this run's committed staging, with copies of what is asked of the published table."""
        handle = self._files.left(spec.run_id)
        columns = tuple(wanted(spec))
        if self._copied != (spec.run_id, columns):
            self._copy(handle, spec)
        return OracleStaging(handle, spec, columns if self._is_copied(handle) else (), lambda name: self._referenced(spec, name))

    def _is_copied(self, handle: Handle) -> bool:
        name = literal_sql(PUBLISHED.strip('"'), STRING, "duckdb")
        sql = f"SELECT count(*) FROM duckdb_tables() WHERE table_name = {name}"
        with handle.statements() as connection:
            found = first(connection, sql)
        return found is not None and bool(found[0])

    def _copy(self, handle: Handle, spec: TargetSpec) -> None:
        """Copy what the audit asks of the published table."""
        columns = wanted(spec)
        if columns and exists(self._session, self._place):
            held = find_table(self._session, self._place, spec).columns
            keep(handle, PUBLISHED, columns, self._fetched(copying(spec, self._place, held), columns))
        self._copied = (spec.run_id, tuple(columns))

    def _fetched(self, sql: str, kinds: Mapping[str, DataType]) -> Iterator[pl.DataFrame]:
        return fetching.frames(self._session, sql, kinds)

    def _referenced(self, spec: TargetSpec, name: str) -> str:
        """Copy the values that `references` looks up; without a schema, the target's is meant."""
        schema, _, table = name.rpartition(".")
        place = Place(schema or self._place.schema, table)
        if not exists(self._session, place):
            raise PermanentError(f"there is no table {name[:80]} beside the target", code="E_NO_TABLE")
        kinds = {theirs: spec.columns[own] for own, theirs in spec.looked_up.get(name, ()) if own in spec.columns}
        listed = ", ".join(quoted(column) for column in kinds)
        relation = staged.reference_name(name)
        keep(
            self._files.opened(spec.run_id),
            relation,
            kinds,
            self._fetched(f"SELECT DISTINCT {listed} FROM {place.quoted}", kinds),
        )
        return relation

    # --- publishing

    def publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        """Publish the staged rows and write the commit row; try again when a lock or the connection fails.

        A COMMIT whose answer was lost is settled by the next try: it waits for the locks of the first, then reads the commit row.
        """
        failpoint("publish.begin")
        return patiently(lambda: self._publish(spec, request), SERVER_PATIENCE, self._stop)

    def _publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        self._make_rows(spec)
        if not self._guard.hold(self._place, f"sync:{spec.sync}", OWN_WAIT):
            raise fenced()
        if not self._hold_staging(book.staging_name(spec.run_id)):
            raise Refused(f"run {spec.run_id} is being published by someone else", code="E_BUSY")
        return Publication(self._writing(), self._place, spec, request, self._local(spec)).carry_out()

    def _local(self, spec: TargetSpec) -> Local:
        columns = ", ".join(f'"{name}"' for name in spec.columns)
        sql = f"SELECT {columns} FROM {staged.tables_of(spec).staging}"

        def rows() -> int:
            return staged.count(self._files.left(spec.run_id), spec)

        def recheck(statement: str) -> int:
            handle = self._files.opened(spec.run_id)
            self._copy(handle, spec)
            for name in spec.looked_up:
                self._referenced(spec, name)
            with handle.statements() as connection:
                found = first(connection, statement)
            return int(found[0]) if found is not None and found[0] else 0

        return Local(rows, lambda: stream(self._files.opened(spec.run_id), sql, spec.columns), recheck)

    def published(self, spec: TargetSpec, commit: Commit) -> Published | None:
        """Find the rows that this run wrote by reading them back into the staging file."""
        if spec.write == "append" or not self._files.has(spec.run_id):
            return None
        if commits.books(self._session, self._place).newest() != commit.sequence:
            return None
        place = self._place.beside(book.staging_name(spec.run_id))
        if not exists(self._session, place):
            return None
        tables = Tables(self._place.quoted, place.quoted, "oracle")
        listed = ", ".join(f"t.{quoted(name)}" for name in spec.stored)
        sql = f"SELECT {listed} FROM {tables.target} t{_touched(spec, tables)}"
        handle = self._files.opened(spec.run_id)
        keep(handle, _WRITTEN, spec.stored, self._fetched(sql, spec.stored))
        return modes.published(spec, Tables(_WRITTEN, staged.tables_of(spec).staging, "duckdb"))

    # --- afterwards

    def _hold_staging(self, name: str) -> bool:
        """Hold a run's tables in Oracle, in a session of its own: they go before the sync's lock does."""
        commits.make_lock(self._session, self._place, self._place.lock(f"stg:{name}"))
        return self._staged_by().hold(self._place, f"stg:{name}")

    def drop_staging(self, run_id: str) -> None:
        """Remove a run's staging file, and its tables in Oracle."""
        self.drop_orphan(book.staging_name(run_id))

    def orphans(self) -> list[str]:
        """Give the staging files that no process holds, and the tables in Oracle that no session does."""
        free = self._files.orphans()
        tables = commits.staging_tables(self._session, self._place)
        mine = [name for name in tables if name in free or not (self._folder / f"{name}.duckdb").exists()]
        held = {name for name in mine if not self._free(name)}
        return sorted({*free, *mine} - held)

    def _free(self, name: str) -> bool:
        probe = Guard(self._connection)
        try:
            return not commits.has_lock(self._session, self._place, self._place.lock(f"stg:{name}")) or probe.hold(
                self._place, f"stg:{name}"
            )
        finally:
            probe.close()

    def drop_orphan(self, name: str) -> None:
        """Remove a staging file and the tables of its run, by the name of `orphans`."""
        self._staged_by.close()
        self._files.drop_orphan(name)
        for table in (name, events_name(name)):
            drop_table(self._session, self._place.beside(table))
        commits.drop_lock(self._session, self._place, self._place.lock(f"stg:{name}"))

    def explain(self, spec: TargetSpec) -> list[str]:
        """Give the DDL before the transaction, the table's, and the statements of the transaction."""
        schema = self._table.rpartition(".")[0]
        prefix = quote_table(schema, "oracle") + "." if schema else ""
        tables = Tables(quote_table(self._table, "oracle"), prefix + quoted(book.staging_name(spec.run_id)), "oracle")
        events, shape = prefix + quoted(events_name(book.staging_name(spec.run_id))), shape_of(spec, Table())
        found = ["stage in a DuckDB file of the project, where the audit judges", staging_ddl(spec, tables.staging, shape)[0]]
        if spec.history is not None:
            found.append(events_ddl(spec, events))
        return [
            *found,
            f"-- when absent: {target_ddl(spec, tables.target)}",
            *Wording(spec, tables, events, shape.lobs).statements(),
        ]

    def cancel(self) -> None:
        """End the statements that other threads are in."""
        self._stop.set()
        self._files.interrupt()
        for opened in (self._asking, self._writing, self._guarding, self._staged_by):
            opened.cancel()

    def close(self) -> None:
        """Close staging and connections; the locks end with them."""
        self._files.close()
        for opened in (self._staged_by, self._asking, self._writing, self._guarding):
            opened.close()


def _touched(spec: TargetSpec, tables: Tables) -> str:
    """Give the WHERE clause of the rows that a run may have written; none where it may have touched any."""
    if spec.write == "replace_window":
        return f" WHERE {window_condition(spec, tables)}"
    if spec.write == "replace" or spec.complete:
        return ""
    return f" WHERE EXISTS (SELECT 1 FROM {tables.staging} s WHERE {same_key(spec, tables)})"
