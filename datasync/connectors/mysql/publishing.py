"""Audited staging in, one MySQL transaction that publishes it with its commit row out; no DDL inside, for DDL commits."""

from __future__ import annotations

from dataclasses import dataclass

from datasync.connectors.mysql import commits, swap
from datasync.connectors.mysql.catalog import Place, Table, check_table, collation, exists
from datasync.connectors.mysql.engine import Session
from datasync.connectors.mysql.staging import target_ddl
from datasync.connectors.refusals import no_staging
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.books import Books
from datasync.connectors.sql.modes import dml
from datasync.connectors.sql.statements import Tables, insert
from datasync.errors import ConnectorError
from datasync.failpoints import failpoint
from datasync.seams import Commit, PublishRequest, TargetSpec


@dataclass(frozen=True, slots=True)
class Publication:
    """One try to publish.

    Attributes:
        session: holds the locks of the sync and of the table's name; no transaction is open in it.
        place: of the target.
        spec: what is published.
        request: how.
    """

    session: Session
    place: Place
    spec: TargetSpec
    request: PublishRequest

    @property
    def _staging(self) -> Place:
        return self.place.beside(book.staging_name(self.spec.run_id))

    @property
    def _books(self) -> Books:
        return commits.books(self.session, self.place)

    def carry_out(self) -> Commit:
        """Publish, or give the commit of an earlier try that arrived after all.

        Columns are added, and an absent table is made, before the transaction: what a crash leaves of that is a column of NULLs
        or a table without rows, and the next run goes on from there.

        Raises:
            Refused: a newer token owns the sync.
            RecheckFailed: a key check fails against what was published since the audit.
            TransientError: a lock was not given, or the connection was lost.
        """
        swap.settle(self.session, self.place)
        done = self._books.of_run(self.spec.run_id)
        if done is not None:
            return done
        self._books.check_fence(self.spec, self.request)
        if not exists(self.session, self._staging):
            raise no_staging(self.spec.run_id)
        table, made = self._shaped()
        try:
            failpoint("publish.after_ddl")
            tables = Tables(self.place.quoted, self._staging.quoted, "mysql", table.collations, self.place.prefix)
            if self.spec.write == "replace" and self.spec.replace_by == "swap" and not made:
                return self._swap(tables)
            return self._transaction(book.COMMITS, dml(self.spec, tables))
        except BaseException:
            if made:
                self._unmake()
            raise

    def _shaped(self) -> tuple[Table, bool]:
        """Give the table the shape that the spec wants; tell whether it was made just now."""
        table, additions = check_table(self.session, self.place, self.spec)
        if not table.columns:
            self.session.run(target_ddl(self.spec, self.place.quoted, collation(self.session)))
            return Table(), True
        for statement in additions.statements(self.place.quoted, "mysql"):
            self.session.run(statement)
        return table, False

    def _unmake(self) -> None:
        """Take a table that was made for this run away again, unless the run is published: its COMMIT may have arrived."""
        try:
            self.session.rolled_back()
            if self._books.of_run(self.spec.run_id) is None and not self.session.run(
                f"SELECT 1 FROM {self.place.quoted} LIMIT 1"
            ):
                self.session.run(f"DROP TABLE {self.place.quoted}")
        except ConnectorError:
            # A table without rows is what a crash leaves, too.
            return

    def _transaction(self, record: str, statements: list[str]) -> Commit:
        """Check everything under the fence's lock, write, and commit.

        Args:
            record: the table that takes the commit row.
            statements: what makes staging the table's content.
        """
        self.session.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        self.session.run("START TRANSACTION")
        try:
            self._books.check_fence(self.spec, self.request, " FOR UPDATE")
            self._books.check_staging(self._staging.quoted, self.request)
            sequence = self._books.recheck(self.request)
            for statement in statements:
                self.session.run(statement)
            failpoint("publish.after_dml")
            commit = self._books.record(self.spec, self.request, (sequence, self.session.clock()), record)
            failpoint("publish.after_commit_row")
            self.session.run("COMMIT")
        except BaseException:
            self.session.rolled_back()
            raise
        failpoint("publish.after_commit")
        return commit

    def _swap(self, tables: Tables) -> Commit:
        """Fill a new table, note the commit, exchange the tables, then make the note a commit."""
        swap.check_swappable(self.session, self.place)
        fresh = swap.prepare(self.session, self.place, self.spec.run_id)
        filled = insert(self.spec, Tables(fresh.quoted, tables.staging, "mysql"))
        commit = self._transaction(commits.SWAPS, [filled])
        swap.rename(self.session, self.place, self.spec.run_id)
        failpoint("publish.after_rename")
        swap.settle(self.session, self.place)
        return commit
