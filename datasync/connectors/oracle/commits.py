"""An Oracle table in, the bookkeeping beside it out: made where it is missing, and the rows that locks are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasync.connectors.oracle.catalog import Place, exists
from datasync.connectors.oracle.engine import Session
from datasync.connectors.oracle.tables import quoted
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.books import Books
from datasync.errors import ConnectorError

LOCKS = "_datasync_locks"
"""One row for each thing that one session at a time may have; its transaction's lock on the row is what it has."""
_TEXT, _NUMBER = "VARCHAR2(250 CHAR)", "NUMBER(19)"
_COLUMNS: dict[str, tuple[dict[str, str], str]] = {
    LOCKS: ({"name": _TEXT}, 'PRIMARY KEY ("name")'),
    book.FENCE: ({"sync": _TEXT, "token": f"{_NUMBER} NOT NULL"}, 'PRIMARY KEY ("sync")'),
    book.COMMITS: (
        {
            "run_id": _TEXT, "sync": f"{_TEXT} NOT NULL", "target": "VARCHAR2(600 CHAR) NOT NULL", "token": f"{_NUMBER} NOT NULL",
            "window_start": _TEXT, "window_end": _TEXT, "watermark": _TEXT, "mode": f"{_TEXT} NOT NULL",
            "published_rows": f"{_NUMBER} NOT NULL", "explicit": "NUMBER(1) NOT NULL", "sequence": f"{_NUMBER} NOT NULL",
            "committed_at": f"{_TEXT} NOT NULL",
        },
        'PRIMARY KEY ("run_id"), UNIQUE ("sync", "token")',
    ),
    book.FILES: (
        {
            "run_id": _TEXT, "path": "VARCHAR2(1000 CHAR)", "size": f"{_NUMBER} NOT NULL", "modified": f"{_NUMBER} NOT NULL",
            "fingerprint": f"{_TEXT} NOT NULL",
        },
        'PRIMARY KEY ("run_id", "path")',
    ),
}  # fmt: skip
"""Names are quoted: MODE and SIZE are words of Oracle's own, and no name of it begins with an underscore."""


def books_ddl(prefix: str) -> dict[str, str]:
    """Give the statements that make the bookkeeping tables, by name.

    Args:
        prefix: quoted schema and a point, or nothing.
    """
    made = {}
    for name, (columns, keys) in _COLUMNS.items():
        declared = ", ".join(f"{quoted(column)} {kind}" for column, kind in columns.items())
        made[name] = f"CREATE TABLE {prefix}{quoted(name)} ({declared}, {keys})"
    return made


def make_books(session: Session, place: Place) -> None:
    """Create the bookkeeping tables where they are missing; must not run in a session that holds locks."""
    for name, statement in books_ddl(place.prefix).items():
        if not exists(session, place.beside(name)):
            _unless(session, statement, (), "E_EXISTS")


def make_lock(session: Session, place: Place, name: str) -> None:
    """See that a lock has its row; in a session that holds none, for it commits."""
    table = place.beside(LOCKS).quoted
    if not session.run(f'SELECT "name" FROM {table} WHERE "name" = :b1', [name]):
        _unless(session, f'INSERT INTO {table} ("name") VALUES (:b1)', [name], "E_CONSTRAINT")
        session.commit()


def has_lock(session: Session, place: Place, name: str) -> bool:
    """Tell whether a lock has its row."""
    table = place.beside(LOCKS)
    return exists(session, table) and bool(session.run(f'SELECT "name" FROM {table.quoted} WHERE "name" = :b1', [name]))


def drop_lock(session: Session, place: Place, name: str) -> None:
    """Remove the row of a lock that nobody will ask for again; nobody may hold it."""
    if has_lock(session, place, name):
        session.run(f'DELETE FROM {place.beside(LOCKS).quoted} WHERE "name" = :b1', [name])
        session.commit()


def staging_tables(session: Session, place: Place) -> list[str]:
    """Name the staging tables that are there."""
    sql = "SELECT TABLE_NAME FROM ALL_TABLES WHERE OWNER = :b1 AND SUBSTR(TABLE_NAME, 1, :b2) = :b3"
    return [name for (name,) in session.run(sql, [place.schema, len(book.STAGING_PREFIX), book.STAGING_PREFIX])]


def _unless(session: Session, statement: str, values: Sequence[Any], code: str) -> None:
    """Run a statement that another run may have been faster with."""
    try:
        session.run(statement, values)
    except ConnectorError as error:
        if error.code != code:
            raise


def next_token(session: Session, place: Place, sync: str) -> int:
    """Take the next fencing token of a sync, in a transaction of its own."""
    fence = place.beside(book.FENCE).quoted
    if not session.run(f'SELECT "token" FROM {fence} WHERE "sync" = :b1', [sync]):
        _unless(session, f'INSERT INTO {fence} ("sync", "token") VALUES (:b1, 0)', [sync], "E_CONSTRAINT")
        session.commit()
    session.run(f'UPDATE {fence} SET "token" = "token" + 1 WHERE "sync" = :b1', [sync])
    token = int(session.run(f'SELECT "token" FROM {fence} WHERE "sync" = :b1', [sync])[0][0])
    session.commit()
    return token


def books(session: Session, place: Place) -> Books:
    """Open the books beside a table."""
    return Books(session.run, place.name, place.prefix, ":b{}", quoted)
