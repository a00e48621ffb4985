"""Audited rows in, one Oracle transaction that publishes them with their commit row out; no DDL inside, for DDL commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from datasync.connectors.oracle import commits
from datasync.connectors.oracle.catalog import Place, check_table
from datasync.connectors.oracle.engine import Session
from datasync.connectors.oracle.guard import lock_row
from datasync.connectors.oracle.loading import load
from datasync.connectors.oracle.tables import (
    Shape,
    drop_table,
    events_ddl,
    events_name,
    shape_of,
    staging_ddl,
    target_ddl,
)
from datasync.connectors.oracle.wording import Wording
from datasync.connectors.refusals import check_count
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.books import Books
from datasync.connectors.sql.statements import Tables
from datasync.errors import ConnectorError, TransientError
from datasync.failpoints import failpoint
from datasync.seams import Commit, PublishRequest, TargetSpec

NAME_WAIT = 60
"""Seconds to wait for another sync that publishes to the same table."""
FENCE_WAIT = 10
"""Seconds to wait for an earlier try of ours whose connection was lost, and that the server has not noticed yet."""


@dataclass(frozen=True, slots=True)
class Local:
    """The staging file of this machine.

    Attributes:
        rows: counts its staged rows.
        batches: gives them in the contract's types.
        recheck: copies what is published anew, and gives the offenders of one of the request's statements.
    """

    rows: Callable[[], int]
    batches: Callable[[], Iterator[pl.DataFrame]]
    recheck: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Publication:
    """One try to publish.

    Attributes:
        session: writes; no transaction is open in it.
        place: of the target.
        spec: what is published.
        request: how.
        local: where the rows are.
    """

    session: Session
    place: Place
    spec: TargetSpec
    request: PublishRequest
    local: Local

    @property
    def _staging(self) -> Place:
        return self.place.beside(book.staging_name(self.spec.run_id))

    @property
    def _books(self) -> Books:
        return commits.books(self.session, self.place)

    @property
    def _events(self) -> Place:
        return self.place.beside(events_name(self._staging.table))

    def carry_out(self) -> Commit:
        """Publish, or give the commit of an earlier try that arrived after all.

        Before the transaction columns are added, an absent table is made, and the rows are brought to a staging table: what a
        crash leaves of that is a column of NULLs or a table without rows, and the next run goes on from there.

        Raises:
            Refused: a newer token owns the sync.
            RecheckFailed: a key check fails against what was published since the audit.
            TransientError: a lock was not given, or the connection was lost.
        """
        done = self._books.of_run(self.spec.run_id)
        if done is not None:
            return done
        self._books.check_fence(self.spec, self.request)
        check_count(self.local.rows(), self.request)
        made, shape = self._shaped()
        try:
            self._bring(shape)
            failpoint("publish.after_ddl")
            tables = Tables(self.place.quoted, self._staging.quoted, "oracle")
            return self._transaction(Wording(self.spec, tables, self._events.quoted, shape.lobs).statements())
        except BaseException:
            if made:
                self._unmake()
            raise

    def _shaped(self) -> tuple[bool, Shape]:
        """Give the table the shape that the spec wants; tell whether it was made just now, and how rows are stored."""
        table, additions = check_table(self.session, self.place, self.spec)
        if not table.columns:
            self.session.run(target_ddl(self.spec, self.place.quoted))
            return True, shape_of(self.spec, table)
        for statement in additions.statements(self.place.quoted, "oracle"):
            self.session.run(statement)
        return False, shape_of(self.spec, table)

    def _bring(self, shape: Shape) -> None:
        """Make the run's own tables, and bring its rows there."""
        for place in (self._staging, self._events):
            drop_table(self.session, place)
        for statement in staging_ddl(self.spec, self._staging.quoted, shape):
            self.session.run(statement)
        if self.spec.history is not None:
            self.session.run(events_ddl(self.spec, self._events.quoted))
        load(self.session, self.local.batches(), self.spec, self._staging.quoted, shape)

    def _unmake(self) -> None:
        """Take a table that was made for this run away again, unless the run is published: its COMMIT may have arrived."""
        try:
            self.session.rolled_back()
            if self._books.of_run(self.spec.run_id) is None and not self.session.run(
                f"SELECT 1 FROM {self.place.quoted} WHERE ROWNUM = 1"
            ):
                drop_table(self.session, self.place)
        except ConnectorError:
            # A table without rows is what a crash leaves, too.
            return

    def _transaction(self, statements: list[str]) -> Commit:
        """Check everything under the locks of the table's name and of the fence, write, and commit.

        Isolation stays READ COMMITTED: a snapshot that began before the locks were given would not see what others published.
        """
        try:
            if not lock_row(self.session, self.place, self.place.lock(f"table:{self.place.table}"), NAME_WAIT):
                raise TransientError(f"oracle {self.session.name}: another sync is publishing to this table", code="E_LOCKED")
            self._books.check_fence(self.spec, self.request, f" FOR UPDATE WAIT {FENCE_WAIT:d}")
            done = self._books.of_run(self.spec.run_id)
            if done is not None:
                # The COMMIT of an earlier try, whose answer was lost.
                self.session.rolled_back()
                return done
            self._books.check_staging(self._staging.quoted, self.request)
            sequence = self._books.recheck(self.request, self.local.recheck)
            for statement in statements:
                self.session.run(statement)
            failpoint("publish.after_dml")
            commit = self._books.record(self.spec, self.request, (sequence, self.session.clock()))
            failpoint("publish.after_commit_row")
            self.session.commit()
        except BaseException:
            self.session.rolled_back()
            raise
        failpoint("publish.after_commit")
        return commit
