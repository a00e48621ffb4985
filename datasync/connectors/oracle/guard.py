"""Names in, row locks of one session's open transaction out: they end with it, whatever becomes of the process.

DBMS_LOCK would do the same, and needs a grant that few users have. A locked row needs none. The session runs nothing else: what
commits or rolls back gives its locks away.
"""

from __future__ import annotations

import contextlib

from datasync.connectors.oracle.catalog import Place
from datasync.connectors.oracle.commits import LOCKS
from datasync.connectors.oracle.engine import Session
from datasync.errors import ConnectorError, PermanentError, TransientError
from datasync.seams import Connection


def lock_row(session: Session, place: Place, name: str, wait: int) -> bool:
    """Lock a row until the session's transaction ends.

    Args:
        session: whose transaction holds it.
        place: locks are of its schema.
        name: the row's, from `Place.lock`.
        wait: seconds.

    Returns:
        Whether it was given.

    Raises:
        PermanentError: there is no such row.
    """
    ending = f"WAIT {wait:d}" if wait else "NOWAIT"
    try:
        rows = session.run(f'SELECT "name" FROM {place.beside(LOCKS).quoted} WHERE "name" = :b1 FOR UPDATE {ending}', [name])
    except TransientError as error:
        if error.code == "E_LOCKED":
            return False
        raise
    if not rows:
        raise PermanentError(
            f"oracle {session.name}: the row of a lock was removed from {LOCKS}", code="E_NO_TABLE", hint="run it again"
        )
    return True


class Guard:
    """Holds a sync's lock in a session of its own.

    Args:
        connection: where, and how to sign in.
    """

    def __init__(self, connection: Connection) -> None:
        self.session = Session(connection)

    def hold(self, place: Place, what: str, wait: int = 0) -> bool:
        """Take a lock, or see that it is still this session's."""
        return lock_row(self.session, place, place.lock(what), wait)

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self.session.cancel()

    def close(self) -> None:
        """Let the locks go, and close the session."""
        self.session.stop.clear()
        # A session that is gone holds nothing.
        with contextlib.suppress(ConnectorError):
            self.session.rolled_back()
        self.session.close()
