"""Commit rows of MySQL targets in and out, and the fence; every statement of them in one place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from datasync.connectors.mysql.catalog import Place, collation, exists
from datasync.connectors.mysql.engine import Session
from datasync.connectors.mysql.staging import options
from datasync.connectors.sql import bookkeeping as book
from datasync.seams import Commit, PinnedFile, PublishRequest, TargetSpec

SWAPS = "_datasync_swaps"
"""Commit rows of swaps under way: a rename cannot be part of the transaction that commits."""
BOOKS = (book.FENCE, book.COMMITS, book.FILES, SWAPS)


def make_books(session: Session, place: Place) -> None:
    """Create the bookkeeping tables where they are missing."""
    if all(exists(session, place.beside(name)) for name in BOOKS):
        return
    kept = options(collation(session))
    for statement in book.ddl("mysql", place.prefix):
        session.run(f"{statement} {kept}")
    session.run(f"CREATE TABLE IF NOT EXISTS {place.prefix}{SWAPS} LIKE {place.prefix}{book.COMMITS}")


def next_token(session: Session, place: Place, sync: str) -> int:
    """Take the next fencing token of a sync."""
    session.run(
        f"INSERT INTO {place.prefix}{book.FENCE} (sync, token) VALUES (%s, LAST_INSERT_ID(1)) "
        "ON DUPLICATE KEY UPDATE token = LAST_INSERT_ID(token + 1)",
        [sync],
    )
    return int(session.run("SELECT LAST_INSERT_ID()")[0][0])


def token_of(session: Session, place: Place, sync: str, locked: bool) -> int | None:
    """Give a sync's token; `locked` keeps its row until the transaction ends."""
    ending = " FOR UPDATE" if locked else ""
    rows = session.run(f"SELECT token FROM {place.prefix}{book.FENCE} WHERE sync = %s{ending}", [sync])
    return int(rows[0][0]) if rows else None


def clock(session: Session) -> datetime:
    """Give the server's time."""
    found: datetime = session.run("SELECT UTC_TIMESTAMP(6)")[0][0]
    return found.replace(tzinfo=UTC)


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
    loaded: dict[str, list[PinnedFile]] = {}
    for run_id, *facts in session.run(
        f"SELECT run_id, path, size, modified, fingerprint FROM {files} "
        f"WHERE run_id IN (SELECT run_id FROM {commits} WHERE {by} = %s) ORDER BY path",
        [value],
    ):
        loaded.setdefault(run_id, []).append(PinnedFile(*facts))
    return tuple(book.commit_of(row, tuple(loaded.get(row[0], ()))) for row in rows)


def record(session: Session, place: Place, spec: TargetSpec, request: PublishRequest, facts: tuple[str, int]) -> Commit:
    """Write a run's commit row and its files, in the open transaction.

    Args:
        session: in the publishing transaction.
        place: of the target.
        spec: what was published.
        request: how.
        facts: the table that takes the row (commits, or swaps under way), and the commit's sequence.
    """
    table, sequence = facts
    row = book.commit_row(spec, request, (place.name, request.rows, sequence, clock(session)))
    _insert(session, f"{place.prefix}{table}", book.COMMIT_COLUMNS, row)
    for file in book.file_rows(spec.run_id, request.files):
        _insert(session, f"{place.prefix}{book.FILES}", ("run_id", "path", "size", "modified", "fingerprint"), file)
    return book.commit_of(row, request.files)


def _insert(session: Session, table: str, names: Sequence[str], row: Sequence[Any]) -> None:
    marks = ", ".join(["%s"] * len(row))
    session.run(f"INSERT INTO {table.replace('%', '%%')} ({', '.join(names)}) VALUES ({marks})", row)
