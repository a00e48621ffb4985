"""A name in, an exclusive lock on this machine out: released by the system when its holder dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

from datasync.connectors.refusals import busy
from datasync.errors import Refused


class FileLock:
    """An flock on a file of its own.

    Args:
        home: `.datasync`; locks live in its `locks/`.
        name: what is locked, any text.
    """

    def __init__(self, home: Path, name: str) -> None:
        self._path = home / "locks" / (hashlib.sha256(name.encode()).hexdigest()[:32] + ".lock")
        self._descriptor: int | None = None

    def acquire(self, what: str) -> None:
        """Take the lock at once.

        Raises:
            Refused: someone else holds it.
        """
        if self._descriptor is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise busy(what) from error
        self._descriptor = descriptor

    @property
    def free(self) -> bool:
        """Whether nobody holds it now."""
        try:
            self.acquire("")
        except Refused:
            return False
        self.release()
        return True

    def release(self) -> None:
        """Let go; may be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Locks:
    """The locks that one target holds, by name.

    Args:
        home: see `FileLock`.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._held: dict[str, FileLock] = {}

    def hold(self, name: str, what: str) -> None:
        """Take a lock at once, unless it is held already.

        Raises:
            Refused: someone else holds it; `what` says what it is.
        """
        if name not in self._held:
            lock = FileLock(self._home, name)
            lock.acquire(what)
            self._held[name] = lock

    def free(self, name: str) -> bool:
        """Tell whether nobody holds a lock now, these included."""
        return FileLock(self._home, name).free

    def release(self) -> None:
        """Let go of all; may be called twice."""
        while self._held:
            self._held.popitem()[1].release()
