"""Names in, advisory locks of one session out: they end with it."""

from __future__ import annotations

import contextlib

from datasync.connectors.postgres.engine import Session, lock_number
from datasync.errors import ConnectorError
from datasync.seams import Connection


class Guard:
    """Holds locks in a session of its own.

    Args:
        connection: where, and how to sign in.
    """

    def __init__(self, connection: Connection) -> None:
        self.session = Session(connection)

    def hold(self, what: str) -> bool:
        """Take a lock, or see that it is still this session's."""
        return bool(self.session.run("SELECT pg_try_advisory_lock(%s)", [lock_number(what)])[0][0])

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self.session.cancel()

    def close(self) -> None:
        """Release the locks, then the session: the server notices a closed connection only after a while."""
        # A session that is gone holds nothing.
        with contextlib.suppress(ConnectorError):
            self.session.run("SELECT pg_advisory_unlock_all()")
        self.session.close()


def free(session: Session, what: str) -> bool:
    """Tell whether nobody holds a lock. The session is one that holds none: its own would seem free."""
    number = lock_number(what)
    if not session.run("SELECT pg_try_advisory_lock(%s)", [number])[0][0]:
        return False
    session.run("SELECT pg_advisory_unlock(%s)", [number])
    return True
