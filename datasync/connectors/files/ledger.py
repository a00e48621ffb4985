"""Who may publish to a target of files, what was published and what is being published, so that a crash leaves one truth.

`log.json` holds tokens and commits. A publish writes `pending.json` first (its commit, and what the target will be when it has
switched), then switches, then takes the commit into the log. Whoever comes next after a crash looks which the target is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from datasync.connectors.locks import FileLock
from datasync.errors import PermanentError, Refused
from datasync.seams import Commit, PinnedFile

WAIT = 60.0
"""Seconds to wait while another sync publishes to the same target."""


@dataclass(frozen=True, slots=True)
class Log:
    """What is known of a target.

    Attributes:
        tokens: fencing token of each sync.
        commits: of all syncs, oldest first.
    """

    tokens: Mapping[str, int] = field(default_factory=dict)
    commits: tuple[Commit, ...] = ()

    @property
    def sequence(self) -> int:
        """Number of the newest commit."""
        return self.commits[-1].sequence if self.commits else 0

    def commit(self, run_id: str) -> Commit | None:
        """The commit of a run."""
        return next((commit for commit in self.commits if commit.run_id == run_id), None)

    def having(self, commit: Commit) -> Log:
        """The log with one more commit, unless it has it."""
        return self if self.commit(commit.run_id) else Log(self.tokens, (*self.commits, commit))


@dataclass(frozen=True, slots=True)
class Pending:
    """A publish that began: the target is still `before`, or already `after`."""

    commit: Commit
    before: Any
    after: Any


class Ledger:
    """The files that hold the log.

    Args:
        folder: of the target's own things, beside it.
        name: the target's, for messages.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other publishers of this target out.

        Raises:
            Refused: another one publishes for longer than we wait.
        """
        lock = FileLock(self._folder, "publish")
        deadline = monotonic() + WAIT
        while True:
            try:
                lock.acquire(f"publishing to {self._name}")
                break
            except Refused:
                if monotonic() > deadline:
                    raise
                sleep(0.05)
        try:
            yield
        finally:
            lock.release()

    def read(self, identity: Any) -> Log:
        """Give the log as it is true now, writing nothing.

        Args:
            identity: what the target is now, as `Layout.identity` gives it.

        Raises:
            PermanentError: the files are damaged, or the target was changed by someone while a publish was cut off.
        """
        # Pending first: a publisher that ends in between has then put its commit into the log that we read next.
        pending = self._pending()
        log = self._log()
        if pending is None or log.commit(pending.commit.run_id):
            return log
        if identity == pending.after:
            return log.having(pending.commit)
        if identity == pending.before:
            return log
        raise PermanentError(
            f"{self._name} was changed by someone else while run {pending.commit.run_id} published it", code="E_TARGET_CHANGED",
            hint=f"look at it, then remove {self._folder.name}/pending.json",
        )  # fmt: skip

    def settle(self, identity: Any) -> Log:
        """Give the log as it is true now and make it so on disk; call it locked."""
        log = self.read(identity)
        if (self._folder / "pending.json").exists():
            self.write(log)
        return log

    def announce(self, pending: Pending) -> None:
        """Write down what the next switch will mean."""
        replace_json(
            self._folder / "pending.json",
            {"commit": _plain(pending.commit), "before": pending.before, "after": pending.after},
        )

    def write(self, log: Log) -> None:
        """Keep the log; nothing is pending any more."""
        replace_json(
            self._folder / "log.json",
            {"format": 1, **plain_log(log)},
        )
        (self._folder / "pending.json").unlink(missing_ok=True)
        sync_folder(self._folder)

    def _log(self) -> Log:
        found = self._load("log.json")
        if found is None:
            return Log()
        with self._damaged("log.json"):
            return log_of(found)

    def _pending(self) -> Pending | None:
        found = self._load("pending.json")
        if found is None:
            return None
        with self._damaged("pending.json"):
            return Pending(_commit(found["commit"]), found["before"], found["after"])

    def _load(self, name: str) -> Any:
        try:
            text = (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        with self._damaged(name):
            return json.loads(text)

    @contextmanager
    def _damaged(self, name: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PermanentError(
                f"{self._folder.name}/{name} is damaged: what was published to {self._name} is not known", code="E_TARGET_STATE",
                hint="restore it; it is never taken for a first run",
            ) from error  # fmt: skip


def plain_log(log: Log) -> dict[str, Any]:
    """Give a log as JSON holds it."""
    return {"tokens": dict(log.tokens), "commits": [_plain(commit) for commit in log.commits]}


def log_of(plain: dict[str, Any]) -> Log:
    """Read a log back.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is none.
    """
    return Log({name: int(token) for name, token in plain["tokens"].items()}, tuple(map(_commit, plain["commits"])))


def _plain(commit: Commit) -> dict[str, Any]:
    return asdict(commit) | {"committed_at": commit.committed_at.isoformat() if commit.committed_at else None}


def _commit(plain: dict[str, Any]) -> Commit:
    files = tuple(PinnedFile(**file) for file in plain["files"])
    at = datetime.fromisoformat(plain["committed_at"]) if plain["committed_at"] else None
    return Commit(**(plain | {"files": files, "committed_at": at}))


def replace_json(path: Path, value: Any) -> None:
    """Write a JSON file so that a reader finds the old one or the new one, also after a power cut."""
    temporary = path.with_suffix(".new")
    with temporary.open("w", encoding="utf-8") as stream:
        json.dump(value, stream, ensure_ascii=False)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
