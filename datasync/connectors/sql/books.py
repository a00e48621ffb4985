"""A way to run statements and a target's name in, its fence, commits and rechecks out: the same for every SQL target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from datasync.connectors.refusals import check_count, fenced
from datasync.connectors.sql import bookkeeping as book
from datasync.seams import Commit, PinnedFile, PublishRequest, RecheckFailed, TargetSpec

FILE_COLUMNS = ("run_id", "path", "size", "modified", "fingerprint")


@dataclass(frozen=True, slots=True)
class Books:
    """The bookkeeping tables beside one target.

    Attributes:
        run: runs one statement with its values, if it has any, and gives its rows.
        target: the table as commit rows name it.
        prefix: quoted schema and a point, or nothing.
        mark: the placeholder of a value; `{}` in it is the value's number, from 1.
        quote: says a name of the books; as it stands, but where the dialect has words of its own.
    """

    run: Callable[[str, Sequence[Any] | None], Sequence[Sequence[Any]]]
    target: str
    prefix: str = ""
    mark: str = "%s"
    quote: Callable[[str], str] = str

    def name(self, table: str) -> str:
        """Name a bookkeeping table in a statement with values."""
        # Where values are written `%s`, a percent sign is written twice.
        return (self.prefix.replace("%", "%%") if self.mark == "%s" else self.prefix) + self.quote(table)

    def _listed(self, names: Sequence[str]) -> str:
        return ", ".join(self.quote(name) for name in names)

    def token(self, sync: str, ending: str = "") -> int | None:
        """Give a sync's token; `ending` keeps its row until the transaction ends, where the dialect needs to be told."""
        one = self.mark.format(1)
        rows = self.run(
            f"SELECT {self.quote('token')} FROM {self.name(book.FENCE)} WHERE {self.quote('sync')} = {one}{ending}", [sync]
        )
        return int(rows[0][0]) if rows else None

    def newest(self) -> int:
        """Give the sequence of the newest commit to the target, by any sync; 0 without one."""
        one = self.mark.format(1)
        newest, target = f"max({self.quote('sequence')})", self.quote("target")
        rows = self.run(f"SELECT {newest} FROM {self.name(book.COMMITS)} WHERE {target} = {one}", [self.target])
        return int(rows[0][0] or 0)

    def of_sync(self, sync: str) -> tuple[Commit, ...]:
        """Give a sync's commits with their files, oldest first."""
        return self._read("sync", sync)

    def of_run(self, run_id: str) -> Commit | None:
        """Give a run's commit; None: it has not published."""
        found = self._read("run_id", run_id)
        return found[0] if found else None

    def _read(self, by: str, value: str) -> tuple[Commit, ...]:
        commits, files, one = self.name(book.COMMITS), self.name(book.FILES), self.mark.format(1)
        names, listed = self._listed(book.COMMIT_COLUMNS), self._listed(FILE_COLUMNS)
        run, wanted = self.quote("run_id"), f"{self.quote(by)} = {one}"
        rows = self.run(f"SELECT {names} FROM {commits} WHERE {wanted} ORDER BY {self.quote('sequence')}", [value])
        loaded: dict[str, list[PinnedFile]] = {}
        for run_id, *facts in self.run(
            f"SELECT {listed} FROM {files} WHERE {run} IN (SELECT {run} FROM {commits} WHERE {wanted}) "
            f"ORDER BY {self.quote('path')}",
            [value],
        ):
            loaded.setdefault(run_id, []).append(PinnedFile(*facts))
        return tuple(book.commit_of(row, tuple(loaded.get(row[0], ()))) for row in rows)

    def check_fence(self, spec: TargetSpec, request: PublishRequest, ending: str = "") -> None:
        """Make sure that the sync is still this run's.

        Raises:
            Refused: a newer token owns it.
        """
        if self.token(spec.sync, ending) != request.token:
            raise fenced()

    def check_staging(self, staging: str, request: PublishRequest, hint: str = "") -> None:
        """Make sure that staging holds the rows that were audited; `staging` is quoted.

        Raises:
            PermanentError: it holds another number.
        """
        check_count(self.run(f"SELECT count(*) FROM {staging}", None)[0][0], request, hint)

    def recheck(self, request: PublishRequest, judge: Callable[[str], int] | None = None) -> int:
        """Judge key checks again if someone published since the audit; give this commit's sequence.

        Args:
            request: with the checks.
            judge: gives a statement's offenders, where staging is not in the target.

        Raises:
            RecheckFailed: one fails now.
        """
        newest = self.newest()
        if newest > request.seen:
            for check, sql in request.rechecks:
                offenders = judge(sql) if judge is not None else self.run(sql, None)[0][0]
                if offenders:
                    raise RecheckFailed(check, int(offenders))
        return newest + 1

    def record(self, spec: TargetSpec, request: PublishRequest, facts: tuple[int, datetime], table: str = book.COMMITS) -> Commit:
        """Write a run's commit row and its files, in the open transaction.

        Args:
            spec: what was published.
            request: how.
            facts: the commit's sequence, and the target's time.
            table: that takes the commit row.
        """
        row = book.commit_row(spec, request, (self.target, request.rows, *facts))
        self._insert(table, book.COMMIT_COLUMNS, row)
        for file in book.file_rows(spec.run_id, request.files):
            self._insert(book.FILES, FILE_COLUMNS, file)
        return book.commit_of(row, request.files)

    def _insert(self, table: str, names: Sequence[str], row: Sequence[Any]) -> None:
        marks = ", ".join(self.mark.format(number) for number in range(1, len(row) + 1))
        self.run(f"INSERT INTO {self.name(table)} ({self._listed(names)}) VALUES ({marks})", row)
