"""Audited staging in, one PostgreSQL transaction that publishes it with its commit row out."""

from __future__ import annotations

from dataclasses import dataclass

from datasync.connectors.postgres.catalog import Place, check_table, exists
from datasync.connectors.postgres.engine import Session, lock_number
from datasync.connectors.postgres.staging import creation, key_index, quoted
from datasync.connectors.postgres.swap import check_swappable, swap
from datasync.connectors.refusals import no_staging
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.books import Books
from datasync.connectors.sql.modes import dml
from datasync.connectors.sql.statements import Tables, insert
from datasync.errors import DataSyncError
from datasync.failpoints import failpoint
from datasync.seams import POSITION, Commit, PublishRequest, TargetSpec

_NAME_WAIT = "60s"
"""How long to wait for another sync that publishes to the same table."""
_LOCK_WAIT = "4s"
"""How long any other lock is waited for: readers queue behind a waiting change of the table, so it gives up and tries again."""
_LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One try to publish.

    Attributes:
        session: no transaction is open in it.
        place: of the target.
        spec: what is published.
        request: how.
    """

    session: Session
    place: Place
    spec: TargetSpec
    request: PublishRequest

    def carry_out(self) -> Commit:
        """Publish, or give the commit of an earlier try that arrived after all.

        The locks come before every look: a COMMIT whose answer was lost is then over, one way or the other.

        Raises:
            Refused: a newer token owns the sync.
            RecheckFailed: a key check fails against what was published since the audit.
            TransientError: a lock was not given, or the connection was lost.
        """
        failpoint("publish.begin")
        self.session.run("BEGIN")
        try:
            commit = self._inside()
            self.session.run("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        failpoint("publish.after_commit")
        return commit

    def _roll_back(self) -> None:
        try:
            self.session.run("ROLLBACK")
        except DataSyncError:
            self.session.close()

    def _inside(self) -> Commit:
        self._lock_name()
        kept = books(self.session, self.place)
        # The fence before every look: see `carry_out`.
        kept.token(self.spec.sync, " FOR UPDATE")
        self.session.run(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
        done = kept.of_run(self.spec.run_id)
        if done is not None:
            return done
        kept.check_fence(self.spec, self.request)
        staging = self.place.beside(book.staging_name(self.spec.run_id))
        if not exists(self.session, staging):
            raise no_staging(self.spec.run_id)
        kept.check_staging(staging.quoted, self.request, "a server that crashed empties staging: run it again")
        sequence = kept.recheck(self.request)
        tables = Tables(self.place.quoted, staging.quoted, "postgres")
        found, additions = check_table(self.session, self.place, self.spec)
        if found:
            for statement in additions.statements(tables.target, "postgres"):
                self.session.run(statement)
            failpoint("publish.after_ddl")
            self._write(tables)
        elif self.spec.as_staged:
            self._become(tables)
            failpoint("publish.after_ddl")
        else:
            self.session.run(creation(self.spec, tables))
            failpoint("publish.after_ddl")
            self._write(tables)
        failpoint("publish.after_dml")
        commit = kept.record(self.spec, self.request, (sequence, self.session.clock()))
        failpoint("publish.after_commit_row")
        return commit

    def _lock_name(self) -> None:
        self.session.run(f"SET LOCAL lock_timeout = '{_NAME_WAIT}'")
        self.session.run("SELECT pg_advisory_xact_lock(%s)", [lock_number(f"table:{self.place.name}")])

    def _write(self, tables: Tables) -> None:
        by = self.spec.replace_by if self.spec.write == "replace" else "rows"
        if by == "swap":
            check_swappable(self.session, self.place)
            swap(self.session, self.place, lambda fresh: insert(self.spec, Tables(fresh, tables.staging, "postgres")))
        elif by == "truncate":
            self.session.run(f"TRUNCATE {tables.target}")
            self.session.run(insert(self.spec, tables))
        else:
            for statement in dml(self.spec, tables):
                self.session.run(statement)

    def _become(self, tables: Tables) -> None:
        """Make the staging table the target: it was absent."""
        for statement in becoming(self.spec, tables, self.place.table, self._indexed_ahead()):
            self.session.run(statement)
        row = self.session.run("SELECT relpersistence::text FROM pg_class WHERE oid = to_regclass(%s)", [tables.target])
        if row[0][0] == "u":
            # The target was dropped while this run loaded a staging table that need not survive a crash.
            self.session.run(f"ALTER TABLE {tables.target} SET LOGGED")

    def _indexed_ahead(self) -> str:
        """Give SQL that makes the index of `PostgresStaging.prepare` the key, by the name that PostgreSQL gives keys; or none."""
        index = self.place.beside(key_index(self.spec, book.staging_name(self.spec.run_id)))
        if not exists(self.session, index):
            return ""
        name = key_name(self.place.table)
        if len(name.encode()) > _LONGEST_NAME or exists(self.session, self.place.beside(name)):
            # PostgreSQL finds another name for a key that it indexes itself.
            self.session.run(f"DROP INDEX {index.quoted}")
            return ""
        return indexed_key(self.place.table, index.table)


def key_name(table: str) -> str:
    """Name a table's key as PostgreSQL does."""
    return f"{table}_pkey"


def indexed_key(table: str, index: str) -> str:
    """Give SQL that makes an index the key of a table."""
    return f"CONSTRAINT {quoted(key_name(table))} PRIMARY KEY USING INDEX {quoted(index)}"


def becoming(spec: TargetSpec, tables: Tables, name: str, constraint: str = "") -> list[str]:
    """Give the statements that turn a staging table into the target.

    Args:
        spec: what is published.
        tables: both tables, quoted.
        name: the target's, bare.
        constraint: SQL of its key where that is made of an index.
    """
    statements = [f"ALTER TABLE {tables.staging} DROP COLUMN {quoted(POSITION)}"] if spec.position else []
    statements += [f"COMMENT ON TABLE {tables.staging} IS NULL", f"ALTER TABLE {tables.staging} RENAME TO {quoted(name)}"]
    required = [f"ALTER COLUMN {quoted(column)} SET NOT NULL" for column in spec.columns if column in spec.required]
    if required:
        statements.append(f"ALTER TABLE {tables.target} {', '.join(required)}")
    if spec.key:
        key = constraint or f"PRIMARY KEY ({', '.join(quoted(column) for column in spec.key)})"
        statements.append(f"ALTER TABLE {tables.target} ADD {key}")
    return statements


def books(session: Session, place: Place) -> Books:
    """Open the books beside a table."""
    return Books(session.run, place.name, place.prefix)
