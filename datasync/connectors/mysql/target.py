"""A contract's MySQL target in, staging beside its table and one atomic publishing step out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property

from datasync.connectors.mysql import commits, swap
from datasync.connectors.mysql.catalog import Place, check_table, collation, exists, find_place, find_table
from datasync.connectors.mysql.engine import Session
from datasync.connectors.mysql.guard import Guard
from datasync.connectors.mysql.loading import MysqlWriter
from datasync.connectors.mysql.publishing import Publication
from datasync.connectors.mysql.staging import MysqlStaging, staging_ddl, table_columns, target_ddl
from datasync.connectors.patience import SERVER_PATIENCE, patiently
from datasync.connectors.refusals import busy, fenced, loaded_elsewhere, no_staging
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.compare import check_names
from datasync.connectors.sql.modes import dml
from datasync.connectors.sql.modes import published as written
from datasync.connectors.sql.on_use import OnUse
from datasync.connectors.sql.reading import quote_table
from datasync.connectors.sql.statements import Tables, insert
from datasync.contract.endpoints import MysqlTarget as Endpoint
from datasync.errors import TransientError
from datasync.failpoints import failpoint
from datasync.seams import Commit, Connection, Published, PublishRequest, Surroundings, TargetSpec, TargetState

NAME_WAIT = 60.0
"""Seconds to wait for another sync that publishes to the same table."""
OWN_WAIT = 10.0
"""Seconds to wait for our own lost connection to be noticed by the server."""


class MysqlTarget:
    """See `seams.Target`.

    A session for questions, one that holds the locks and publishes, and one that loads.
    """

    kind = "mysql"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        self._table = endpoint.table
        self._connection_id = endpoint.connection
        self._surroundings = surroundings
        self._asking = OnUse(lambda: Session(self._connection))
        self._guarding = OnUse(lambda: Guard(self._connection))
        self._loading = OnUse(lambda: Session(self._connection, local=True))
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

    def _staging_place(self, run_id: str) -> Place:
        return self._place.beside(book.staging_name(run_id))

    @contextmanager
    def _name_locked(self) -> Iterator[Session]:
        """Keep other syncs from publishing to the table meanwhile."""
        what = f"table:{self._place.table}"
        if not self._guard.hold(self._place, what, NAME_WAIT):
            raise TransientError(f"mysql {self._session.name}: another sync is publishing to this table", code="E_LOCKED")
        try:
            yield self._guard.session
        finally:
            self._guard.release(self._place, what)

    def _settle(self) -> None:
        """Finish or undo a swap whose process died."""
        if swap.pending(self._session, self._place):
            with self._name_locked() as session:
                swap.settle(session, self._place)

    def inspect(self, spec: TargetSpec) -> TargetState:
        """Look at the table and this sync's commits."""
        check_names(spec, "mysql", self._table)
        table_columns(spec, spec.stored)
        self._settle()
        table, additions = check_table(self._session, self._place, spec)
        if table.columns and spec.write == "replace" and spec.replace_by == "swap":
            swap.check_swappable(self._session, self._place)
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
        if not self._guard.hold(self._place, f"sync:{spec.sync}"):
            raise busy(f"the sync {spec.contract}")
        commits.make_books(self._session, self._place)
        return commits.next_token(self._guard.session, self._place, spec.sync)

    def writer(self, spec: TargetSpec) -> MysqlWriter:
        """Create this run's staging table and open it for loading."""
        if not self._guard.hold(self._place, f"stg:{spec.run_id}"):
            raise loaded_elsewhere(spec.run_id)
        commits.make_books(self._session, self._place)
        staging = self._staging_place(spec.run_id).quoted
        limits = find_table(self._session, self._place, spec).limits
        self._loading.close()
        return MysqlWriter(self._loading(), spec, staging_ddl(spec, staging, collation(self._session)), staging, limits)

    def staging(self, spec: TargetSpec) -> MysqlStaging:
        """Give this run's committed staging table."""
        place = self._staging_place(spec.run_id)
        if not exists(self._session, place):
            raise no_staging(spec.run_id)
        return MysqlStaging(self._session, spec, self._tables(spec), place, exists(self._session, self._place))

    def _tables(self, spec: TargetSpec) -> Tables:
        collations = find_table(self._session, self._place, spec).collations
        return Tables(self._place.quoted, self._staging_place(spec.run_id).quoted, "mysql", collations, self._place.prefix)

    def publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        """Publish staging and write the commit row; try again when a lock or the connection fails.

        A COMMIT whose answer was lost is settled by the next try: it waits for the locks of the first, then reads the commit row.
        """
        failpoint("publish.begin")
        return patiently(lambda: self._publish(spec, request), SERVER_PATIENCE, self._stop)

    def _publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        if not self._guard.hold(self._place, f"sync:{spec.sync}", OWN_WAIT):
            raise fenced()
        with self._name_locked() as session:
            return Publication(session, self._place, spec, request).carry_out()

    def published(self, spec: TargetSpec, commit: Commit) -> Published | None:
        """Find the rows that this run wrote."""
        if commits.books(self._session, self._place).newest() != commit.sequence:
            return None
        if not exists(self._session, self._staging_place(spec.run_id)):
            return None
        return written(spec, self._tables(spec))

    def drop_staging(self, run_id: str) -> None:
        """Remove a run's staging table, and what a swap of it left."""
        self._settle()
        for place in (self._staging_place(run_id), *swap.beside(self._place, run_id)):
            self._session.run(f"DROP TABLE IF EXISTS {place.quoted}")

    def orphans(self) -> list[str]:
        """Give the staging tables that no session holds; a table's comment names its run."""
        return [book.staging_name(run_id) for run_id in self._left() if self._guard.free(self._place, f"stg:{run_id}")]

    def _left(self) -> list[str]:
        rows = self._session.run(
            "SELECT table_comment FROM information_schema.tables WHERE table_schema = %s AND LEFT(table_name, %s) = %s",
            [self._place.schema, len(book.STAGING_PREFIX), book.STAGING_PREFIX],
        )
        return [run_id for (run_id,) in rows if run_id]

    def drop_orphan(self, name: str) -> None:
        """Remove a staging table, and what a swap of its run left."""
        for run_id in self._left():
            if book.staging_name(run_id) == name:
                self.drop_staging(run_id)

    def explain(self, spec: TargetSpec) -> list[str]:
        """Give staging's DDL, the table's and the publishing statements; MySQL's name of the collation is utf8mb4_0900_bin."""
        order = "utf8mb4_nopad_bin"
        schema = self._table.rpartition(".")[0]
        prefix = quote_table(schema, "mysql") + "." if schema else ""
        tables = Tables(quote_table(self._table, "mysql"), prefix + book.staging_name(spec.run_id), "mysql", database=prefix)
        found = [staging_ddl(spec, tables.staging, order)[1], f"-- when absent: {target_ddl(spec, tables.target, order)}"]
        if spec.write == "replace" and spec.replace_by == "swap":
            return [*found, insert(spec, tables), f"-- into a new table of the shape of {tables.target}, then RENAME TABLE"]
        return [*found, *dml(spec, tables)]

    def cancel(self) -> None:
        """End the statements that other threads are in."""
        self._stop.set()
        for opened in (self._asking, self._loading, self._guarding):
            opened.cancel()

    def close(self) -> None:
        """Close the connections; the locks end with them."""
        for opened in (self._asking, self._loading, self._guarding):
            opened.close()
