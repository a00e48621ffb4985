"""A contract's PostgreSQL target in, staging beside its table and one atomic publishing transaction out."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from datasync.connectors.patience import SERVER_PATIENCE, patiently
from datasync.connectors.postgres.bulk import Bulk, PostgresWriter
from datasync.connectors.postgres.catalog import Place, check_table, exists, find_place, found_columns
from datasync.connectors.postgres.engine import Session, lock_number
from datasync.connectors.postgres.guard import Guard, free
from datasync.connectors.postgres.publishing import Publication, becoming, books, indexed_key
from datasync.connectors.postgres.staging import PostgresStaging, Systems, creation, indexing, key_index, staging_ddl
from datasync.connectors.postgres.swap import check_swappable
from datasync.connectors.refusals import busy, loaded_elsewhere, no_staging
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.compare import check_names
from datasync.connectors.sql.modes import dml
from datasync.connectors.sql.modes import published as written
from datasync.connectors.sql.on_use import OnUse
from datasync.connectors.sql.reading import quote_table
from datasync.connectors.sql.statements import Tables
from datasync.connectors.sql.storage import check_types, declared
from datasync.contract.endpoints import PostgresTarget as Endpoint
from datasync.seams import Commit, Published, PublishRequest, Surroundings, TargetSpec, TargetState


class PostgresTarget:
    """See `seams.Target`.

    Three connections: one holds the run's advisory locks, one runs statements, and ADBC's move rows.
    """

    kind = "postgres"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        self._table = endpoint.table
        self._connection_id = endpoint.connection
        self._surroundings = surroundings
        self._opened: Systems | None = None
        self._guarding = OnUse(lambda: Guard(self._systems.connection))

    @property
    def _systems(self) -> Systems:
        if self._opened is None:
            connection = self._surroundings.connection(self._connection_id)
            self._opened = Systems(Session(connection), Bulk(connection), connection)
        return self._opened

    @property
    def _session(self) -> Session:
        return self._systems.session

    @cached_property
    def _place(self) -> Place:
        return find_place(self._session, self._table)

    def _staging_place(self, run_id: str) -> Place:
        return self._place.beside(book.staging_name(run_id))

    def inspect(self, spec: TargetSpec) -> TargetState:
        """Look at the table and this sync's commits."""
        check_names(spec, "postgres", self._table)
        check_types(spec.columns, "postgres")
        found, additions = check_table(self._session, self._place, spec)
        if found and spec.write == "replace" and spec.replace_by == "swap":
            check_swappable(self._session, self._place)
        commits, sequence = self._commits(spec)
        known = {name: spec.columns.get(name) for name in found}
        return TargetState(bool(found), known, commits, sequence, additions.words())

    def _commits(self, spec: TargetSpec) -> tuple[tuple[Commit, ...], int]:
        if not exists(self._session, self._place.beside(book.COMMITS)):
            return (), 0
        found = books(self._session, self._place)
        return found.of_sync(spec.sync), found.newest()

    def clock(self) -> datetime:
        """Give the server's time."""
        return self._session.clock()

    def acquire(self, spec: TargetSpec) -> int:
        """Lock the sync in a session of its own and take the next fencing token."""
        if not self._guarding().hold(f"sync:{spec.sync}"):
            raise busy(f"the sync {spec.contract}")
        self._make_bookkeeping()
        rows = self._session.run(
            f"INSERT INTO {self._place.prefix}{book.FENCE} AS f (sync, token) VALUES (%s, 1) "
            "ON CONFLICT (sync) DO UPDATE SET token = f.token + 1 RETURNING token",
            [spec.sync],
        )
        return int(rows[0][0])

    def _make_bookkeeping(self) -> None:
        """Create schema, fence and commit tables where they are missing; two runs that begin at once wait for each other."""
        session, place = self._session, self._place
        if all(exists(session, place.beside(name)) for name in (book.FENCE, book.COMMITS, book.FILES)):
            return
        session.run("BEGIN")
        try:
            session.run("SELECT pg_advisory_xact_lock(%s)", [lock_number("bookkeeping")])
            if not session.run("SELECT 1 FROM pg_namespace WHERE nspname = %s", [place.schema]):
                session.run(f"CREATE SCHEMA {place.prefix[:-1]}")
            for statement in book.ddl("postgres", place.prefix):
                session.run(statement)
            session.run("COMMIT")
        except BaseException:
            session.close()
            raise

    def writer(self, spec: TargetSpec) -> PostgresWriter:
        """Create this run's staging table and open it for loading."""
        self._make_bookkeeping()
        if not self._guarding().hold(f"stg:{spec.run_id}"):
            raise loaded_elsewhere(spec.run_id)
        place = self._staging_place(spec.run_id)
        ddl = staging_ddl(spec, place.quoted, becomes_target=spec.as_staged and not found_columns(self._session, self._place))
        return PostgresWriter(self._systems.bulk, spec, (place.schema, place.table), ddl)

    def staging(self, spec: TargetSpec) -> PostgresStaging:
        """Give this run's committed staging table; once published into an absent target, that is the target itself."""
        staging, there = self._staging_place(spec.run_id), exists(self._session, self._place)
        if not exists(self._session, staging):
            if not there or not self._published_run(spec):
                raise no_staging(spec.run_id)
            staging = self._place
        tables = Tables(self._place.quoted, staging.quoted, "postgres")
        return PostgresStaging(self._systems, spec, tables, (staging.schema, staging.table), there)

    def _published_run(self, spec: TargetSpec) -> bool:
        if not exists(self._session, self._place.beside(book.COMMITS)):
            return False
        return books(self._session, self._place).of_run(spec.run_id) is not None

    def publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        """Publish staging and write the commit row in one transaction; try again when a lock or the connection fails.

        A COMMIT whose answer was lost is settled by the next try: it waits for the locks of the first, then reads the commit row.
        """
        once = Publication(self._session, self._place, spec, request)
        return patiently(once.carry_out, SERVER_PATIENCE, self._systems.bulk.stop)

    def published(self, spec: TargetSpec, commit: Commit) -> Published | None:
        """Find the rows that this run wrote."""
        if books(self._session, self._place).newest() != commit.sequence:
            return None
        staging = self._staging_place(spec.run_id)
        if not exists(self._session, staging):
            # Staging became the table: all of its rows are this run's, if it is this run that made it.
            return Published(self._place.quoted) if commit.sequence == 1 else None
        return written(spec, Tables(self._place.quoted, staging.quoted, "postgres"))

    def drop_staging(self, run_id: str) -> None:
        """Remove a run's staging table."""
        self._session.run(f"DROP TABLE IF EXISTS {self._staging_place(run_id).quoted}")

    def orphans(self) -> list[str]:
        """Give the staging tables that no session holds; a table's comment names its run."""
        return [book.staging_name(run_id) for run_id in self._left() if free(self._session, f"stg:{run_id}")]

    def _left(self) -> list[str]:
        rows = self._session.run(
            "SELECT obj_description(c.oid, 'pg_class') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relkind = 'r' AND starts_with(c.relname::text, %s)",
            [self._place.schema, book.STAGING_PREFIX],
        )
        return [run_id for (run_id,) in rows if run_id is not None]

    def drop_orphan(self, name: str) -> None:
        """Remove a staging table."""
        for run_id in self._left():
            if book.staging_name(run_id) == name:
                self.drop_staging(run_id)

    def explain(self, spec: TargetSpec) -> list[str]:
        """Give staging's DDL, the table's and the publishing statements."""
        schema, _, table = self._table.rpartition(".")
        prefix = quote_table(schema, "postgres") + "." if schema else ""
        name = book.staging_name(spec.run_id)
        tables = Tables(quote_table(self._table, "postgres"), prefix + name, "postgres")
        absent = [creation(spec, tables)]
        if spec.as_staged:
            # `becoming` asks for no key where the spec has none.
            absent = [
                f"CREATE TABLE {tables.staging} ({', '.join(declared(spec.columns, 'postgres', spec.required))})",
                *([indexing(spec, tables, name)] if spec.key else []),
                *becoming(spec, tables, table, indexed_key(table, key_index(spec, name))),
            ]
        loading = staging_ddl(spec, tables.staging, becomes_target=False)[1:]
        return [*loading, *[f"-- when absent: {statement}" for statement in absent], *_publishing(spec, tables)]

    def cancel(self) -> None:
        """End the statements that other threads are in."""
        if self._opened is not None:
            self._opened.bulk.cancel()
            self._opened.session.cancel()

    def close(self) -> None:
        """Close the connections; the locks end with them."""
        if self._opened is not None:
            self._opened.session.close()
        self._guarding.close()


def _publishing(spec: TargetSpec, tables: Tables) -> list[str]:
    statements = dml(spec, tables)
    if spec.write == "replace" and spec.replace_by == "truncate":
        return [f"TRUNCATE {tables.target}", *statements[1:]]
    if spec.write == "replace" and spec.replace_by == "swap":
        return [f"-- swap {tables.target} with a new table of its shape", *statements[1:]]
    return statements
