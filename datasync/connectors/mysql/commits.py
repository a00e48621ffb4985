"""A MySQL table in, the bookkeeping beside it out: made where it is missing, its tokens in MySQL's own way."""

from __future__ import annotations

from datasync.connectors.mysql.catalog import Place, collation, exists
from datasync.connectors.mysql.engine import Session
from datasync.connectors.mysql.staging import options
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.books import Books

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


def books(session: Session, place: Place) -> Books:
    """Open the books beside a table."""
    return Books(session.run, place.name, place.prefix)
