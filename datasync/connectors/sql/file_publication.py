"""The open transaction of a database file in, a run's rows and its commit row in it out: DuckDB's and SQLite's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from datasync.connectors.sql.books import Books
from datasync.connectors.sql.modes import dml
from datasync.connectors.sql.statements import Tables
from datasync.failpoints import failpoint
from datasync.seams import Commit, PublishRequest, TargetSpec


@dataclass(frozen=True, slots=True)
class FilePublication:
    """One try to publish.

    Attributes:
        books: run their statements in the open transaction.
        spec: what is published.
        request: how.
        tables: staging and the table.
    """

    books: Books
    spec: TargetSpec
    request: PublishRequest
    tables: Tables

    def done(self) -> Commit | None:
        """Give the commit of an earlier try; without one, make sure that the sync is still this run's.

        Raises:
            Refused: a newer token owns it.
        """
        found = self.books.of_run(self.spec.run_id)
        if found is None:
            self.books.check_fence(self.spec, self.request)
        return found

    def write(self, shaping: Callable[[], list[str]]) -> Commit:
        """Make staging the table's content, and write the commit row.

        Args:
            shaping: gives the statements after which the table has the shape that the spec wants.

        Raises:
            PermanentError: staging holds other rows than were audited.
            RecheckFailed: a key check fails against what was published since the audit.
        """
        self.books.check_staging(self.tables.staging, self.request)
        sequence = self.books.recheck(self.request)
        self._run(shaping())
        failpoint("publish.after_ddl")
        self._run(dml(self.spec, self.tables))
        failpoint("publish.after_dml")
        commit = self.books.record(self.spec, self.request, (sequence, datetime.now(UTC)))
        failpoint("publish.after_commit_row")
        return commit

    def _run(self, statements: list[str]) -> None:
        for statement in statements:
            self.books.run(statement, None)
