"""Audited staging in, one PostgreSQL transaction that publishes it with its commit row out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from datasync.connectors.postgres.catalog import Place, check_table, exists
from datasync.connectors.postgres.engine import Session, lock_number
from datasync.connectors.postgres.staging import creation, quoted
from datasync.connectors.postgres.swap import check_swappable, swap
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.modes import dml
from datasync.connectors.sql.statements import Tables, insert
from datasync.errors import DataSyncError, PermanentError, Refused
from datasync.failpoints import failpoint
from datasync.seams import POSITION, Commit, PinnedFile, PublishRequest, RecheckFailed, TargetSpec

_NAME_WAIT = "60s"
"""How long to wait for another sync that publishes to the same table."""
_LOCK_WAIT = "4s"
"""How long any other lock is waited for: readers queue behind a waiting change of the table, so it gives up and tries again."""


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
        token = self._locked()
        done = read_commits(self.session, self.place, "run_id", self.spec.run_id)
        if done:
            return done[0]
        if token != self.request.token:
            raise Refused("a newer run took over this sync", code="E_FENCED", hint="this run's rows were not published")
        staging = self.place.beside(book.staging_name(self.spec.run_id))
        self._check_staging(staging)
        sequence = self._recheck()
        tables = Tables(self.place.quoted, staging.quoted, "postgres")
        found, additions = check_table(self.session, self.place, self.spec)
        if found:
            for name, kind in additions.columns.items():
                self.session.run(f"ALTER TABLE {tables.target} ADD COLUMN {quoted(name)} {kind}")
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
        return self._record(sequence)

    def _locked(self) -> int | None:
        """Lock the target's name, then the fence; give its token."""
        self.session.run(f"SET LOCAL lock_timeout = '{_NAME_WAIT}'")
        self.session.run("SELECT pg_advisory_xact_lock(%s)", [lock_number(f"table:{self.place.name}")])
        fence = f"{self.place.prefix}{book.FENCE}"
        rows = self.session.run(f"SELECT token FROM {fence} WHERE sync = %s FOR UPDATE", [self.spec.sync])
        self.session.run(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
        return int(rows[0][0]) if rows else None

    def _check_staging(self, staging: Place) -> None:
        if not exists(self.session, staging):
            raise PermanentError(f"run {self.spec.run_id} left no staging table", code="E_NO_STAGING", hint="run it again")
        rows = self.session.run(f"SELECT count(*) FROM {staging.quoted}")[0][0]
        if rows != self.request.rows:
            raise PermanentError(
                f"staging holds {rows} rows, the audit saw {self.request.rows}", code="E_STAGING_COUNT",
                hint="a server that crashed empties staging: run it again",
            )  # fmt: skip

    def _recheck(self) -> int:
        """Judge key checks again if someone published since; give this commit's sequence."""
        newest = newest_sequence(self.session, self.place)
        if newest > self.request.seen:
            for check, sql in self.request.rechecks:
                offenders = self.session.run(sql)[0][0]
                if offenders:
                    raise RecheckFailed(check, int(offenders))
        return newest + 1

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
        for statement in becoming(self.spec, tables, self.place.table):
            self.session.run(statement)
        row = self.session.run("SELECT relpersistence::text FROM pg_class WHERE oid = to_regclass(%s)", [tables.target])
        if row[0][0] == "u":
            # The target was dropped while this run loaded a staging table that need not survive a crash.
            self.session.run(f"ALTER TABLE {tables.target} SET LOGGED")

    def _record(self, sequence: int) -> Commit:
        now = clock(self.session)
        row = book.commit_row(self.spec, self.request, (self.place.name, self.request.rows, sequence, now))
        marks = ", ".join(["%s"] * len(row))
        names = ", ".join(book.COMMIT_COLUMNS)
        self.session.run(f"INSERT INTO {self.place.prefix}{book.COMMITS} ({names}) VALUES ({marks})", row)
        for file in book.file_rows(self.spec.run_id, self.request.files):
            self.session.run(f"INSERT INTO {self.place.prefix}{book.FILES} VALUES (%s, %s, %s, %s, %s)", file)
        failpoint("publish.after_commit_row")
        return book.commit_of(row, self.request.files)


def becoming(spec: TargetSpec, tables: Tables, name: str) -> list[str]:
    """Give the statements that turn a staging table into the target."""
    statements = [f"ALTER TABLE {tables.staging} DROP COLUMN {quoted(POSITION)}"] if spec.position else []
    statements += [f"COMMENT ON TABLE {tables.staging} IS NULL", f"ALTER TABLE {tables.staging} RENAME TO {quoted(name)}"]
    required = [f"ALTER COLUMN {quoted(column)} SET NOT NULL" for column in spec.columns if column in spec.required]
    if required:
        statements.append(f"ALTER TABLE {tables.target} {', '.join(required)}")
    if spec.key:
        statements.append(f"ALTER TABLE {tables.target} ADD PRIMARY KEY ({', '.join(quoted(column) for column in spec.key)})")
    return statements


def clock(session: Session) -> datetime:
    """Give the server's time."""
    now = session.run("SELECT clock_timestamp()")[0][0]
    assert isinstance(now, datetime)
    return now


def newest_sequence(session: Session, place: Place) -> int:
    """Give the sequence of the newest commit to a table, by any sync."""
    rows = session.run(f"SELECT max(sequence) FROM {place.prefix}{book.COMMITS} WHERE target = %s", [place.name])
    return int(rows[0][0] or 0)


def read_commits(session: Session, place: Place, by: str, value: str) -> tuple[Commit, ...]:
    """Read commit rows with their files, oldest first.

    Args:
        session: any.
        place: of the target.
        by: `run_id` or `sync`.
        value: what that column holds.
    """
    names = ", ".join(book.COMMIT_COLUMNS)
    commits, files = f"{place.prefix}{book.COMMITS}", f"{place.prefix}{book.FILES}"
    rows = session.run(f"SELECT {names} FROM {commits} WHERE {by} = %s ORDER BY sequence", [value])
    loaded: dict[str, list[Any]] = {}
    for run_id, *facts in session.run(
        f"SELECT run_id, path, size, modified, fingerprint FROM {files} "
        f"WHERE run_id IN (SELECT run_id FROM {commits} WHERE {by} = %s) ORDER BY path",
        [value],
    ):
        loaded.setdefault(run_id, []).append(PinnedFile(*facts))
    return tuple(book.commit_of(row, tuple(loaded.get(row[0], ()))) for row in rows)
