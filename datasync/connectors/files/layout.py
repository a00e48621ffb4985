"""A target's path in, its files now and the atomic switch to other ones out.

A path with a file's extension is one file, replaced by rename. A path without is a symlink to a folder of parts in the hidden
folder beside it: switching the link switches all parts at once. Names of parts are never used again for other content, so that a
reader that listed the old version finds the old parts or an error, never a mix.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasync.connectors.files.ledger import sync_folder
from datasync.errors import TargetMismatch

KEPT = 2
"""Versions before the current one that stay, for readers that are still in them."""
GONE = "gone-"
"""Begins the name of a version that the next publish empties."""
ENDS = 1 << 16


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the files of a target are.

    Attributes:
        path: the target's.
        suffix: of its kind, with the point.
    """

    path: Path
    suffix: str

    @property
    def single(self) -> bool:
        """One file, not a folder."""
        return self.path.suffix != ""

    @property
    def folder(self) -> Path:
        """Our own folder, beside the target: log, locks, staging and versions."""
        return self.path.parent / f".{self.path.name}.datasync"

    def parts(self) -> list[Path]:
        """Files that the target consists of now; none: it is absent.

        Raises:
            TargetMismatch: something stands there that we did not make.
        """
        if self.single:
            if self.path.is_symlink() or (self.path.exists() and not self.path.is_file()):
                raise TargetMismatch(f"{self.path.name} is no regular file", hint="give the target another path")
            return [self.path] if self.path.exists() else []
        version = self._version()
        return sorted(path for path in version.iterdir() if path.suffix == self.suffix) if version else []

    def _version(self) -> Path | None:
        if not self.path.is_symlink():
            if self.path.exists():
                raise TargetMismatch(
                    f"{self.path.name} is a folder or file that datasync did not make",
                    hint="move it away, or give the target another path",
                )
            return None
        version = self.path.parent / self.path.readlink()
        if version.parent != self.folder or not version.is_dir():
            raise TargetMismatch(f"{self.path.name} is a link that datasync did not make", hint="give the target another path")
        return version

    def identity(self) -> Any:
        """Tell what the target is now, as plain values; None: absent."""
        if not self.single:
            version = self._version()
            return version.name if version else None
        return _identity(self.path) if self.parts() else None

    def room(self) -> Path:
        """Make an empty folder for new files, on the target's own file system."""
        room = self.folder / f"version-{secrets.token_hex(8)}"
        room.mkdir(parents=True)
        return room

    def part(self, room: Path) -> Path:
        """Name a new part."""
        return room / (f"part-{secrets.token_hex(8)}{self.suffix}")

    def after(self, room: Path) -> Any:
        """Tell what the target will be once it is switched to `room`; its files are on disk then."""
        for path in room.iterdir():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        sync_folder(room)
        return _identity(next(room.iterdir())) if self.single else room.name

    def switch(self, room: Path) -> None:
        """Make the files in `room` the target, at once."""
        if self.single:
            next(room.iterdir()).replace(self.path)
        else:
            link = self.folder / "link.new"
            link.unlink(missing_ok=True)
            link.symlink_to(Path(self.folder.name) / room.name)
            link.replace(self.path)
        sync_folder(self.path.parent)

    def tidy(self) -> None:
        """Remove what no reader can still be in: rooms that were given up, and old versions.

        An old version is renamed first and emptied by the next call: who is just listing it must not find it empty.
        """
        for gone in self.folder.glob(f"{GONE}*"):
            shutil.rmtree(gone, ignore_errors=True)
        current = None if self.single else self._version()
        rooms = sorted(self.folder.glob("version-*"), key=lambda room: room.stat().st_mtime_ns, reverse=True)
        kept = 0
        for room in rooms:
            if room == current:
                continue
            kept += 1
            if self.single or kept > KEPT:
                with suppress(OSError):
                    room.rename(self.folder / f"{GONE}{room.name}")


def _identity(path: Path) -> dict[str, Any]:
    """Size, time and hash of the two ends: a rename keeps all three."""
    facts = path.stat()
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        digest.update(stream.read(ENDS))
        stream.seek(max(facts.st_size - ENDS, 0))
        digest.update(stream.read(ENDS))
    return {"size": facts.st_size, "modified": facts.st_mtime_ns, "ends": digest.hexdigest()}
