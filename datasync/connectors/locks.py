"""A name in, an exclusive lock on this machine out: released by the system when its holder dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

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
            raise Refused(f"another run owns {what}", code="E_BUSY", hint="wait for it to end; nothing was queued") from error
        self._descriptor = descriptor

    def same(self, other: FileLock) -> bool:
        """Whether both are about one name."""
        return self._path == other._path

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
