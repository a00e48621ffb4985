"""A table and new content in, a new table of the same name out (`replace_by: swap`), settled after a crash at any step.

RENAME TABLE is one atomic statement, but none of a transaction: the commit row waits in a table of its own, written under the
fence before the rename. Whether the rename happened is told by the old table's new name: then the row becomes a commit, else it
is thrown away with the new table. Whoever next looks at the target settles it first, under the lock of the table's name.
"""

from __future__ import annotations

import hashlib

from datasync.connectors.mysql.catalog import Place, exists
from datasync.connectors.mysql.commits import SWAPS
from datasync.connectors.mysql.engine import Session
from datasync.connectors.sql import bookkeeping as book
from datasync.errors import TargetMismatch
from datasync.failpoints import failpoint

_REASONS = {
    "a foreign key": "SELECT 1 FROM information_schema.key_column_usage WHERE referenced_table_name IS NOT NULL AND "
    "((table_schema = %s AND table_name = %s) OR (referenced_table_schema = %s AND referenced_table_name = %s))",
    "a trigger": "SELECT 1 FROM information_schema.triggers WHERE event_object_schema = %s AND event_object_table = %s "
    "AND %s IS NOT NULL AND %s IS NOT NULL",
}
"""What a swapped table would lose, and the query that finds it."""


def check_swappable(session: Session, place: Place) -> None:
    """Make sure that nothing depends on the table that a new one would not get; views and grants go by its name.

    Raises:
        TargetMismatch: something does.
    """
    for reason, query in _REASONS.items():
        if session.run(f"{query} LIMIT 1", [place.schema, place.table] * 2):
            raise TargetMismatch(
                f"{place.name} cannot be swapped: {reason} depends on it and would be lost", hint="use replace_by: rows"
            )


def beside(place: Place, run_id: str) -> tuple[Place, Place]:
    """Name a run's new table, and the old one when it has made room."""
    mark = hashlib.sha256(f"{place.name}|{run_id}".encode()).hexdigest()[:24]
    return place.beside(f"_datasync_new_{mark}"), place.beside(f"_datasync_old_{mark}")


def prepare(session: Session, place: Place, run_id: str) -> Place:
    """Make an empty table of the same shape, indexes, defaults and comments."""
    fresh, _ = beside(place, run_id)
    session.run(f"DROP TABLE IF EXISTS {fresh.quoted}")
    session.run(f"CREATE TABLE {fresh.quoted} LIKE {place.quoted}")
    return fresh


def rename(session: Session, place: Place, run_id: str) -> None:
    """Exchange the tables; the session must hold the locks of the sync and of the table's name, which end with it."""
    fresh, old = beside(place, run_id)
    session.run(f"RENAME TABLE {place.quoted} TO {old.quoted}, {fresh.quoted} TO {place.quoted}")


def pending(session: Session, place: Place) -> list[str]:
    """Give the runs whose swap of this table is under way, or was when its process died."""
    if not exists(session, place.beside(SWAPS)):
        return []
    rows = session.run(f"SELECT run_id FROM {place.prefix}{SWAPS} WHERE target = %s", [place.name])
    return [row[0] for row in rows]


def settle(session: Session, place: Place) -> None:
    """Finish or undo swaps whose process died; the session holds the lock of the table's name."""
    swaps, commits, files = (f"{place.prefix}{name}" for name in (SWAPS, book.COMMITS, book.FILES))
    for run_id in pending(session, place):
        fresh, old = beside(place, run_id)
        renamed = exists(session, old)
        names = ", ".join(book.COMMIT_COLUMNS)
        session.run("START TRANSACTION")
        if renamed:
            session.run(f"INSERT INTO {commits} ({names}) SELECT {names} FROM {swaps} WHERE run_id = %s", [run_id])
        else:
            session.run(f"DELETE FROM {files} WHERE run_id = %s", [run_id])
        session.run(f"DELETE FROM {swaps} WHERE run_id = %s", [run_id])
        session.run("COMMIT")
        failpoint("publish.after_settle")
        session.run(f"DROP TABLE IF EXISTS {(old if renamed else fresh).quoted}")
