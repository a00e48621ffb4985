"""A target's URL in, its state and the atomic change of it out: new parts under new names, then one manifest that names them."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import time

from datasync.connectors.files.forms import Types
from datasync.connectors.files.ledger import Ledger, Log
from datasync.connectors.files.local_place import MovedError
from datasync.connectors.files.stores.manifest import Manifest, Manifests
from datasync.connectors.files.stores.store import MAGIC, store_of
from datasync.contract.types import DataType, parse_type
from datasync.errors import PermanentError
from datasync.failpoints import failpoint
from datasync.seams import Commit, Surroundings

GIVEN_UP = 24 * 3600.0
"""Seconds after which a part that no manifest names belongs to no run that is still on its way."""


class ObjectPlace:
    """See `local_place.Place`.

    Args:
        url: a folder of a bucket.
        connection: its id, or None.
        suffix: of the parts.
        surroundings: who knows connections, and where staging lies.
    """

    single = False

    def __init__(self, url: str, connection: str | None, suffix: str, surroundings: Surroundings) -> None:
        self._store = store_of(url, connection, surroundings)
        if MAGIC.search(self._store.path) or self._store.path == self._store.bucket or self._store.path.endswith(suffix):
            raise PermanentError(
                f"{url[:200]}: a target in a store is a folder of parts", code="E_PATH", hint="write scheme://bucket/folder"
            )
        self._manifests = Manifests(self._store, self._store.path)
        self._suffix = suffix
        self._seen: Manifest | None = None
        self._kept = False
        self.key = self._store.url(self._store.path)
        self.folder = surroundings.home / "objects" / hashlib.sha256(self.key.encode()).hexdigest()[:24]
        self._copies = self.folder / "parts"

    def _now(self) -> Manifest:
        """The manifest that counts: the one a publish is about, else the newest."""
        return self._seen or self._manifests.latest() or Manifest()

    def exists(self) -> bool:
        """Whether anything is published."""
        return self._now().columns is not None

    def columns(self) -> Mapping[str, DataType | None] | None:
        """As the manifest says."""
        found = self._now().columns
        return {name: parse_type(kind) for name, kind in found.items()} if found is not None else None

    def parts(self) -> list[Path]:
        """Copy the parts here: what is in a store is read from this machine. Names are never used again, so copies stay true."""
        self._copies.mkdir(parents=True, exist_ok=True)
        paths = [self._copies / name for name in self._now().parts]
        for path in paths:
            if not path.exists():
                part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
                self._store.fetch(self._manifests.part(path.name), part)
                part.replace(path)
        return paths

    def log(self) -> Log:
        """Read the newest."""
        return self._now().log

    def token(self, sync: str) -> int:
        """Write a manifest with the next token."""

        def taken(seen: Manifest) -> Manifest:
            return replace(seen, log=Log({**seen.log.tokens, sync: seen.log.tokens.get(sync, 0) + 1}, seen.log.commits))

        return self._manifests.change(taken).log.tokens[sync]

    @contextmanager
    def publishing(self) -> Iterator[Log]:
        """Keep this machine's other publishers waiting; those of others meet at the manifest's number."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with Ledger(self.folder, self.key).locked():
            self._seen = self._manifests.latest() or Manifest()
            try:
                yield self._seen.log
            finally:
                self._seen = None

    def room(self, kept: bool) -> Path:
        """Make a folder of this machine; parts that are kept stay where they are."""
        self._kept = kept
        room = self.folder / f"version-{secrets.token_hex(8)}"
        room.mkdir(parents=True)
        return room

    def part(self, room: Path) -> Path:
        """Name a new part."""
        return room / f"part-{secrets.token_hex(16)}{self._suffix}"

    def upload(self, room: Path) -> None:
        """Put the new parts into the store."""
        for path in sorted(room.iterdir()):
            self._store.put(path, self._manifests.part(path.name))

    def switch(self, room: Path, commit: Commit, columns: Types) -> None:
        """Write the next manifest.

        Raises:
            MovedError: its number was taken.
        """
        seen = self._now()
        names = sorted(path.name for path in room.iterdir())
        failpoint("publish.after_commit_row")
        manifest = Manifest(
            seen.number + 1, seen.log.having(commit), {name: str(kind) for name, kind in columns.items()},
            (*(seen.parts if self._kept else ()), *names),
        )  # fmt: skip
        done = self._manifests.write(manifest)
        shutil.rmtree(room, ignore_errors=True)
        if not done:
            for name in names:
                self._store.remove(self._manifests.part(name))
            raise MovedError
        failpoint("publish.after_commit")

    def tidy(self) -> None:
        """Remove old versions, parts that runs gave up long ago, and rooms that a run of this machine left."""
        now = time()
        self._manifests.tidy(lambda item: now - item.modified / 10**9 > GIVEN_UP)
        for room in self.folder.glob("version-*"):
            shutil.rmtree(room, ignore_errors=True)

    def close(self) -> None:
        """Remove copies and let go of the store."""
        shutil.rmtree(self._copies, ignore_errors=True)
        self._store.close()
