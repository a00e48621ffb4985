"""Audited staging in, one MySQL transaction that publishes it with its commit row out; no DDL inside, for DDL commits."""

from __future__ import annotations

from dataclasses import dataclass

from datasync.connectors.mysql import commits, swap
from datasync.connectors.mysql.catalog import Place, Table, check_table, collation, exists
from datasync.connectors.mysql.engine import Session
from datasync.connectors.mysql.staging import quoted, target_ddl
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.modes import dml
from datasync.connectors.sql.statements import Tables, insert
from datasync.errors import ConnectorError, PermanentError, Refused
from datasync.failpoints import failpoint
from datasync.seams import Commit, PublishRequest, RecheckFailed, TargetSpec


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
        done = self._done()
        if done is not None:
            return done
        self._check_fence(locked=False)
        if not exists(self.session, self._staging):
            raise PermanentError(f"run {self.spec.run_id} left no staging table", code="E_NO_STAGING", hint="run it again")
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

    def _done(self) -> Commit | None:
        found = commits.read_commits(self.session, self.place, "run_id", self.spec.run_id)
        return found[0] if found else None

    def _check_fence(self, locked: bool) -> None:
        if commits.token_of(self.session, self.place, self.spec.sync, locked) != self.request.token:
            raise Refused("a newer run took over this sync", code="E_FENCED", hint="this run's rows were not published")

    def _shaped(self) -> tuple[Table, bool]:
        """Give the table the shape that the spec wants; tell whether it was made just now."""
        table, additions = check_table(self.session, self.place, self.spec)
        if not table.columns:
            self.session.run(target_ddl(self.spec, self.place.quoted, collation(self.session)))
            return Table(), True
        for name, kind in additions.columns.items():
            self.session.run(f"ALTER TABLE {self.place.quoted} ADD COLUMN {quoted(name)} {kind}")
        return table, False

    def _unmake(self) -> None:
        """Take a table that was made for this run away again, unless the run is published: its COMMIT may have arrived."""
        try:
            self.session.rolled_back()
            if self._done() is None and not self.session.run(f"SELECT 1 FROM {self.place.quoted} LIMIT 1"):
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
            self._check_fence(locked=True)
            self._check_staging()
            sequence = self._recheck()
            for statement in statements:
                self.session.run(statement)
            failpoint("publish.after_dml")
            commit = commits.record(self.session, self.place, self.spec, self.request, (record, sequence))
            failpoint("publish.after_commit_row")
            self.session.run("COMMIT")
        except BaseException:
            self.session.rolled_back()
            raise
        failpoint("publish.after_commit")
        return commit

    def _check_staging(self) -> None:
        rows = self.session.run(f"SELECT count(*) FROM {self._staging.quoted}")[0][0]
        if rows != self.request.rows:
            raise PermanentError(f"staging holds {rows} rows, the audit saw {self.request.rows}", code="E_STAGING_COUNT")

    def _recheck(self) -> int:
        """Judge key checks again if someone published since; give this commit's sequence."""
        newest = commits.newest_sequence(self.session, self.place)
        if newest > self.request.seen:
            for check, sql in self.request.rechecks:
                offenders = self.session.run(sql)[0][0]
                if offenders:
                    raise RecheckFailed(check, int(offenders))
        return newest + 1

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
