"""A pinned file in, its bytes from the start as often as they are asked for out; a file that changed meanwhile is refused."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from datasync.connectors.files.compression import decompressed
from datasync.errors import PermanentError
from datasync.seams import PinnedFile


class Content(Protocol):
    """One file, wherever it is."""

    @property
    def name(self) -> str:
        """As messages call it."""

    def open(self) -> IO[bytes]:
        """Its bytes from the start, decompressed as its name says."""

    def check(self) -> None:
        """Say whether it is still what was pinned.

        Raises:
            PermanentError: it is gone, or changed.
        """

    def local(self) -> Path:
        """A file of this machine with its bytes as they are, for readers that want one."""

    def release(self) -> None:
        """The local file is not needed any more."""


class Files(Protocol):
    """What a path of a contract means, wherever it leads."""

    def find(self, suffix: str) -> tuple[PinnedFile, ...]:
        """The files that it matches now, sorted; of a folder those with the suffix, compressed or not."""

    def content(self, file: PinnedFile) -> Content:
        """A pinned file."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""


@dataclass(frozen=True, slots=True)
class LocalContent:
    """See `Content`.

    Attributes:
        pinned: what it must still be; None: whatever it is.
    """

    path: Path
    pinned: PinnedFile | None = None

    @property
    def name(self) -> str:
        """As the contract's path would name it."""
        return self.pinned.path if self.pinned else self.path.name

    def open(self) -> IO[bytes]:
        """Open it."""
        try:
            stream = self.path.open("rb", buffering=1 << 20)
        except OSError as error:
            raise PermanentError(f"{self.name} cannot be opened: {error.strerror}", code="E_SOURCE_MISSING") from error
        try:
            # What was opened, not what the path leads to now: a link may have been turned since.
            self._compare(os.fstat(stream.fileno()))
        except PermanentError:
            stream.close()
            raise
        return decompressed(stream, self.path.name)

    def check(self) -> None:
        """Compare size and time with what was pinned."""
        try:
            self._compare(self.path.stat())
        except OSError as error:
            raise PermanentError(f"{self.name} is gone since the run began", code="E_SOURCE_CHANGED") from error

    def _compare(self, facts: os.stat_result) -> None:
        if self.pinned is None:
            return
        if (facts.st_size, facts.st_mtime_ns) != (self.pinned.size, self.pinned.modified):
            raise PermanentError(f"{self.name} changed since the run began", code="E_SOURCE_CHANGED", hint="run again")

    def local(self) -> Path:
        """Itself."""
        return self.path

    def release(self) -> None:
        """Nothing was made."""
