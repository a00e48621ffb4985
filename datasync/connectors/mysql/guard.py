"""Names in, advisory locks of one session out: they end with it, and a connection that was lost is noticed."""

from __future__ import annotations

import contextlib

from datasync.connectors.mysql.catalog import Place
from datasync.connectors.mysql.engine import Session
from datasync.errors import ConnectorError
from datasync.seams import Connection


class Guard:
    """Holds locks in a session of its own; publishing runs in it, too, so that whoever lost the locks cannot publish.

    Args:
        connection: where, and how to sign in.
    """

    def __init__(self, connection: Connection) -> None:
        self.session = Session(connection)
        self._held: list[str] = []

    def hold(self, place: Place, what: str, wait: float = 0) -> bool:
        """Take a lock, or see that it is still this session's.

        Args:
            place: locks are of its database.
            what: the lock's name.
            wait: seconds.
        """
        name = place.lock(what)
        if self.session.run("SELECT IS_USED_LOCK(%s) = CONNECTION_ID()", [name])[0][0]:
            return True
        if self.session.run("SELECT GET_LOCK(%s, %s)", [name, wait])[0][0] != 1:
            return False
        self._held.append(name)
        return True

    def release(self, place: Place, what: str) -> None:
        """Let go of a lock."""
        name = place.lock(what)
        self.session.run("SELECT RELEASE_LOCK(%s)", [name])
        self._held = [held for held in self._held if held != name]

    def free(self, place: Place, what: str) -> bool:
        """Tell whether nobody holds a lock."""
        return bool(self.session.run("SELECT IS_FREE_LOCK(%s)", [place.lock(what)])[0][0])

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self.session.cancel()

    def close(self) -> None:
        """Release the locks, then the session: the server notices a closed connection only after a while."""
        self.session.stop.clear()
        # A session that is gone holds nothing.
        with contextlib.suppress(ConnectorError):
            for name in self._held:
                self.session.run("SELECT RELEASE_LOCK(%s)", [name])
        self._held = []
        self.session.close()
