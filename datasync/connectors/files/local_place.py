"""A target's path on this machine in, its state and the atomic change of it out: `layout` and `ledger` as one place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from datasync.connectors.files.forms import Types
from datasync.connectors.files.layout import Layout
from datasync.connectors.files.ledger import Ledger, Log, Pending
from datasync.contract.types import DataType
from datasync.failpoints import failpoint
from datasync.seams import Commit


class MovedError(Exception):
    """Someone else published to the target between looking and writing: look again."""


class Place(Protocol):
    """Where a target of files is.

    Attributes:
        key: names the place for locks of this machine.
        folder: of this machine, for staging and new files.
        single: it is one file, not a folder of parts.
    """

    key: str
    folder: Path
    single: bool

    def exists(self) -> bool:
        """Whether anything is published."""

    def columns(self) -> Mapping[str, DataType | None] | None:
        """Columns of what is published, if the place itself knows them."""

    def parts(self) -> list[Path]:
        """Files of this machine with what is published; none: nothing is."""

    def log(self) -> Log:
        """Tokens and commits as they are true now."""

    def token(self, sync: str) -> int:
        """Take the next fencing token of a sync."""

    def publishing(self) -> AbstractContextManager[Log]:
        """Keep this machine's other publishers out and give the log; what is asked while it is open is about that state."""

    def room(self, kept: bool) -> Path:
        """Make a folder for new files; `kept`: beside the parts that are there, which stay."""

    def part(self, room: Path) -> Path:
        """Name a new file in it."""

    def upload(self, room: Path) -> None:
        """Bring the new files where they will be read."""

    def switch(self, room: Path, commit: Commit, columns: Types) -> None:
        """Make the new files, and those kept, the target, at once with its commit.

        Raises:
            MovedError: someone else was faster; nothing changed.
        """

    def tidy(self) -> None:
        """Remove what no reader can still be in."""

    def close(self) -> None:
        """Let go; may be called twice."""


class LocalPlace:
    """See `Place`.

    Args:
        path: one file (it has an extension), or where the link to a folder of parts is.
        suffix: of its files.
        name: as the contract says it.
    """

    def __init__(self, path: Path, suffix: str, name: str) -> None:
        self._layout = Layout(path, suffix)
        self._ledger = Ledger(self._layout.folder, name)
        self._seen = Log()
        self.key = str(path)
        self.folder = self._layout.folder
        self.single = self._layout.single

    def exists(self) -> bool:
        """Whether there is a file."""
        return bool(self._layout.parts())

    def columns(self) -> Mapping[str, DataType | None] | None:
        """Only the files know."""
        return None

    def parts(self) -> list[Path]:
        """The files themselves."""
        return self._layout.parts()

    def log(self) -> Log:
        """Read it, writing nothing."""
        return self._ledger.read(self._layout.identity())

    def token(self, sync: str) -> int:
        """Take the next token under the lock of publishers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._ledger.locked():
            log = self._ledger.settle(self._layout.identity())
            token = log.tokens.get(sync, 0) + 1
            self._ledger.write(Log({**log.tokens, sync: token}, log.commits))
        return token

    @contextmanager
    def publishing(self) -> Iterator[Log]:
        """Lock out other publishers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._ledger.locked():
            self._seen = self._ledger.settle(self._layout.identity())
            yield self._seen

    def room(self, kept: bool) -> Path:
        """Make a folder on the target's own file system."""
        room = self._layout.room()
        for part in self._layout.parts() if kept else ():
            os.link(part, room / part.name)
        return room

    def part(self, room: Path) -> Path:
        """Name a new part."""
        return self._layout.part(room)

    def upload(self, room: Path) -> None:
        """They are there."""

    def switch(self, room: Path, commit: Commit, columns: Types) -> None:
        """Say what the switch will mean, switch, take the commit into the log."""
        self._ledger.announce(Pending(commit, self._layout.identity(), self._layout.after(room)))
        failpoint("publish.after_commit_row")
        self._layout.switch(room)
        failpoint("publish.after_commit")
        self._ledger.write(self._seen.having(commit))

    def tidy(self) -> None:
        """Remove rooms that were given up, and old versions."""
        self._layout.tidy()

    def close(self) -> None:
        """Nothing is held."""
