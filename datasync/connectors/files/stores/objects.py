"""A URL of a contract in, the objects that it means out, pinned as the store describes them; a target of ours by its manifest."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from datasync.connectors.files.compression import bare, decompressed
from datasync.connectors.files.pinning import wanted
from datasync.connectors.files.stores.manifest import Manifests
from datasync.connectors.files.stores.store import MAGIC, Facts, Store, store_of
from datasync.errors import PermanentError
from datasync.seams import PinnedFile, Surroundings


class ObjectFiles:
    """See `content.Files`.

    Args:
        url: an object, a folder, or a glob within one bucket.
        connection: its id, or None.
        surroundings: who knows connections, and where copies may lie.
    """

    def __init__(self, url: str, connection: str | None, surroundings: Surroundings) -> None:
        self._store = store_of(url, connection, surroundings)
        self._home = surroundings.home
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def find(self, suffix: str) -> tuple[PinnedFile, ...]:
        """Find the objects that the path means; nothing of them is read.

        Raises:
            PermanentError: nothing is there under a literal path.
        """
        return tuple(PinnedFile(self._store.url(item.path), item.size, item.modified, item.tag) for item in self._found(suffix))

    def _found(self, suffix: str) -> list[Facts]:
        store = self._store
        if MAGIC.search(store.path):
            return [item for item in store.glob(store.path) if wanted(item.path.rpartition("/")[2])]
        single = store.facts(store.path) if store.path != store.bucket else None
        if single is not None:
            return [single]
        published = Manifests(store, store.path).latest()
        if published is not None:
            return self._parts(published.parts)
        found = [item for item in store.within(store.path) if bare(item.path).endswith(suffix)]
        inside = [item for item in found if wanted(item.path.rpartition("/")[2])]
        if not inside and not store.within(store.path):
            raise PermanentError(f"there is no object {store.url(store.path)}", code="E_SOURCE_MISSING", hint="check source.path")
        return inside

    def _parts(self, names: tuple[str, ...]) -> list[Facts]:
        manifests = Manifests(self._store, self._store.path)
        there = {item.path: item for item in self._store.within(manifests.parts_folder)}
        missing = [name for name in names if manifests.part(name) not in there]
        if missing:
            raise PermanentError(
                f"{self._store.url(manifests.part(missing[0]))} is in the manifest, and not in the store", code="E_SOURCE_CORRUPT"
            )
        return [there[manifests.part(name)] for name in names]

    def content(self, file: PinnedFile) -> ObjectContent:
        """Give a pinned object, still as it was pinned."""
        prefix = f"{self._store.scheme}://{self._store.bucket}/"
        if not file.path.startswith(prefix):
            raise PermanentError(f"{file.path} is not in {prefix}", code="E_PATH")
        content = ObjectContent(self._store, file, self)
        content.check()
        return content

    def room(self, file: PinnedFile) -> Path:
        """Where a copy of an object may lie on this machine."""
        if self._folder is None:
            self._home.mkdir(parents=True, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(prefix="objects-", dir=self._home)
        name = hashlib.sha256(f"{file.path}|{file.fingerprint}|{file.size}".encode()).hexdigest()[:24]
        return Path(self._folder.name) / name

    def close(self) -> None:
        """Remove copies and let go of the store."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        self._store.close()


@dataclass(frozen=True, slots=True)
class ObjectContent:
    """See `content.Content`."""

    store: Store
    pinned: PinnedFile
    files: ObjectFiles

    @property
    def name(self) -> str:
        """Its URL."""
        return self.pinned.path

    @property
    def _path(self) -> str:
        return self.pinned.path.partition("://")[2]

    def open(self) -> IO[bytes]:
        """Read it as a stream, decompressed as its name says."""
        return decompressed(self.store.open(self._path), self._path)

    def check(self) -> None:
        """Ask the store whether size, time and mark are those that were pinned."""
        found = self.store.facts(self._path)
        if found is None:
            raise PermanentError(f"{self.name} is gone since the run began", code="E_SOURCE_CHANGED")
        if (found.size, found.modified, found.tag) != (self.pinned.size, self.pinned.modified, self.pinned.fingerprint):
            raise PermanentError(f"{self.name} changed since the run began", code="E_SOURCE_CHANGED", hint="run again")

    def local(self) -> Path:
        """Copy it here, once."""
        path = self.files.room(self.pinned)
        if not path.exists():
            part = path.with_suffix(".part")
            self.store.fetch(self._path, part)
            self.check()
            part.replace(path)
        return path

    def release(self) -> None:
        """Remove the copy."""
        self.files.room(self.pinned).unlink(missing_ok=True)
