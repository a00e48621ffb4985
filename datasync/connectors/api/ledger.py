"""What was sent to an API in, what is still to be sent out: fence, commits and every batch, durable before and after it is sent.

One SQLite file per API on this machine. A batch is written down before it goes out and marked when its answer was read, so that
after a crash at any point all batches but one are known to be acknowledged or never sent; that one is sent again under its key.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from datasync.connectors.sql import bookkeeping as book
from datasync.errors import PermanentError, Refused
from datasync.seams import Commit, PinnedFile, PublishRequest, TargetSpec

SendState = Literal["sending", "done", "given_up"]

_DDL = (
    "CREATE TABLE IF NOT EXISTS _datasync_sends (run_id TEXT PRIMARY KEY, sync TEXT NOT NULL, generation INTEGER NOT NULL, "
    "state TEXT NOT NULL, staged_rows INTEGER NOT NULL, batch_rows INTEGER NOT NULL, variables TEXT NOT NULL, "
    "begun_at TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS _datasync_batches (run_id TEXT NOT NULL, generation INTEGER NOT NULL, number INTEGER NOT NULL, "
    "digest TEXT NOT NULL, state TEXT NOT NULL, acknowledged INTEGER NOT NULL, refused TEXT NOT NULL, at TEXT NOT NULL, "
    "PRIMARY KEY (run_id, generation, number))",
)


@dataclass(frozen=True, slots=True)
class Send:
    """One run's rows on their way to the API.

    Attributes:
        generation: how often sends of this run were given up before; part of the batches' keys.
        rows: staged rows, in batches of `batch_rows`.
        variables: what the first batch was rendered with, as JSON; the later ones are too.
    """

    run_id: str
    sync: str
    generation: int
    state: SendState
    rows: int
    batch_rows: int
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Totals:
    """How far a send is: rows acknowledged and rows refused, in the batches that were answered."""

    acknowledged: int = 0
    refused: int = 0


class SendLedger:
    """The file.

    Args:
        path: the SQLite file; made when something is written.
        target: the API's name in commits and messages.
    """

    def __init__(self, path: Path, target: str) -> None:
        self._path = path
        self._target = target

    # --- who may send, and what was sent

    def take_token(self, sync: str) -> int:
        """Give the next fencing token of a sync."""
        with self._transaction() as connection:
            connection.execute(
                f"INSERT INTO {book.FENCE} VALUES (?, 1) ON CONFLICT (sync) DO UPDATE SET token = token + 1", [sync]
            )
            return int(connection.execute(f"SELECT token FROM {book.FENCE} WHERE sync = ?", [sync]).fetchone()[0])

    def commits(self, sync: str) -> tuple[tuple[Commit, ...], int]:
        """Give a sync's commits, oldest first, and the number of the newest commit of any."""
        if not self._path.exists():
            return (), 0
        with self._transaction() as connection:
            found = tuple(self._commits(connection, "sync = ?", sync))
            return found, self._sequence(connection)

    def commit(self, run_id: str) -> Commit | None:
        """Give a run's commit."""
        with self._transaction() as connection:
            return next(self._commits(connection, "run_id = ?", run_id), None)

    def _commits(self, connection: sqlite3.Connection, where: str, value: str) -> Iterator[Commit]:
        columns = ", ".join(book.COMMIT_COLUMNS)
        for row in connection.execute(
            f"SELECT {columns} FROM {book.COMMITS} WHERE {where} ORDER BY sequence", [value]
        ).fetchall():
            files = connection.execute(
                f"SELECT path, size, modified, fingerprint FROM {book.FILES} WHERE run_id = ?", [row[0]]
            ).fetchall()
            yield book.commit_of(row, tuple(PinnedFile(*file) for file in files))

    def _sequence(self, connection: sqlite3.Connection) -> int:
        return int(connection.execute(f"SELECT coalesce(max(sequence), 0) FROM {book.COMMITS}").fetchone()[0])

    def _check_token(self, connection: sqlite3.Connection, sync: str, token: int) -> None:
        row = connection.execute(f"SELECT token FROM {book.FENCE} WHERE sync = ?", [sync]).fetchone()
        if row is None or int(row[0]) != token:
            raise Refused("a newer run took over this sync", code="E_FENCED", hint="this run sends nothing more")

    # --- one run's send

    def send(self, run_id: str) -> Send | None:
        """Give a run's send."""
        return self._one("run_id = ?", run_id)

    def unfinished(self, sync: str) -> Send | None:
        """Give the sync's send that was begun and neither finished nor given up."""
        return self._one("sync = ? AND state = 'sending' ORDER BY begun_at DESC LIMIT 1", sync)

    def _one(self, where: str, value: str) -> Send | None:
        if not self._path.exists():
            return None
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT run_id, sync, generation, state, staged_rows, batch_rows, variables FROM _datasync_sends WHERE " + where,
                [value],
            ).fetchone()
        if row is None:
            return None
        owner, sync, generation, state, rows, batch_rows, variables = row
        return Send(owner, sync, generation, state, rows, batch_rows, json.loads(variables))

    def begin(self, send: Send, token: int) -> Send:
        """Give a run's send as it was begun; `send` is begun if none was, under other keys if one was given up.

        Raises:
            Refused: a newer token owns the sync.
        """
        known = self.send(send.run_id)
        if known is not None and known.state == "sending":
            return known
        begun = replace(send, generation=known.generation + 1 if known is not None else 0)
        with self._transaction() as connection:
            self._check_token(connection, send.sync, token)
            row = (begun.run_id, begun.sync, begun.generation, begun.state, begun.rows, begun.batch_rows,
                   json.dumps(dict(begun.variables)), _now())  # fmt: skip
            connection.execute("INSERT OR REPLACE INTO _datasync_sends VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return begun

    def give_up(self, run_id: str) -> None:
        """Nothing more of a run is sent; what was stays sent."""
        with self._transaction() as connection:
            connection.execute("UPDATE _datasync_sends SET state = 'given_up' WHERE run_id = ? AND state = 'sending'", [run_id])

    # --- its batches

    def goes_out(self, send: Send, token: int, number: int, digest: str) -> None:
        """Write down that a batch is about to be sent.

        Raises:
            Refused: a newer token owns the sync.
            PermanentError: the batch was sent before with other content: its key must not stand for two things.
        """
        with self._transaction() as connection:
            self._check_token(connection, send.sync, token)
            known = connection.execute(
                "SELECT digest FROM _datasync_batches WHERE run_id = ? AND generation = ? AND number = ?",
                [send.run_id, send.generation, number],
            ).fetchone()
            if known is not None and known[0] != digest:
                raise PermanentError(
                    f"batch {number} of run {send.run_id} was sent before with other content", code="E_SEND_CHANGED",
                    hint=f"give the send up: datasync runs reject {send.run_id} --reason …",
                )  # fmt: skip
            if known is None:
                row = (send.run_id, send.generation, number, digest, "sent", 0, "[]", _now())
                connection.execute("INSERT INTO _datasync_batches VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def answered(self, send: Send, number: int, acknowledged: int, refused: Sequence[int]) -> None:
        """Write down what the API took of a batch: how many rows, and the places in the batch of those it refused."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE _datasync_batches SET state = 'answered', acknowledged = ?, refused = ?, at = ? "
                "WHERE run_id = ? AND generation = ? AND number = ?",
                [acknowledged, json.dumps(list(refused)), _now(), send.run_id, send.generation, number],
            )

    def batches(self, send: Send) -> dict[int, tuple[int, list[int]]]:
        """Give the answered batches: number to rows acknowledged and places refused."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT number, acknowledged, refused FROM _datasync_batches "
                "WHERE run_id = ? AND generation = ? AND state = 'answered' ORDER BY number",
                [send.run_id, send.generation],
            ).fetchall()
        return {int(number): (int(acknowledged), json.loads(refused)) for number, acknowledged, refused in rows}

    def conclude(self, spec: TargetSpec, request: PublishRequest, rows: int) -> Commit:
        """Write the commit of a run whose batches are all answered.

        Raises:
            Refused: a newer token owns the sync.
        """
        with self._transaction() as connection:
            self._check_token(connection, spec.sync, request.token)
            facts = (self._target, rows, self._sequence(connection) + 1, datetime.now(UTC))
            row = book.commit_row(spec, request, facts)
            connection.execute(
                f"INSERT INTO {book.COMMITS} ({', '.join(book.COMMIT_COLUMNS)}) VALUES ({', '.join('?' * len(row))})", row
            )
            connection.executemany(f"INSERT INTO {book.FILES} VALUES (?, ?, ?, ?, ?)", book.file_rows(spec.run_id, request.files))
            connection.execute("UPDATE _datasync_sends SET state = 'done' WHERE run_id = ?", [spec.run_id])
        return book.commit_of(row, request.files)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when it ends (SQLite's rollback journal with synchronous=FULL)."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=30)
        except (OSError, sqlite3.Error) as error:
            raise _translated(error, self._target) from error
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            for statement in (*book.ddl("sqlite"), *_DDL):
                connection.execute(statement)
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _translated(error, self._target) from error
        finally:
            # Closing rolls back what was not committed.
            connection.close()


def _translated(error: Exception, target: str) -> PermanentError:
    if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
        return PermanentError("the ledger of what was sent cannot be written: the disk is full", code="E_DISK_FULL")
    if isinstance(error, sqlite3.OperationalError | OSError):
        return PermanentError(f"the ledger of what was sent to {target} cannot be used", code="E_TARGET_STATE",
                              hint="check the owner, the permissions and the space of .datasync/")  # fmt: skip
    return PermanentError(
        f"the ledger of what was sent to {target} is damaged: what was published is not known", code="E_TARGET_STATE",
        hint="restore it; it is never taken for a first run",
    )  # fmt: skip


def _now() -> str:
    return datetime.now(UTC).isoformat()
