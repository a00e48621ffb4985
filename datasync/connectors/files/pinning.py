"""A path or glob of a contract in, the files it means now out, pinned and sorted."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from pathlib import Path

from datasync.connectors.files.compression import bare
from datasync.connectors.files.content import LocalContent
from datasync.connectors.paths import confine
from datasync.errors import PermanentError
from datasync.seams import PinnedFile, Surroundings

SKIPPED_PREFIXES = (".", "_")
SKIPPED_SUFFIXES = (".tmp", ".part")
HEAD = 1 << 16


class LocalFiles:
    """See `content.Files`: a path of this machine.

    Args:
        text: a file, a folder, or a glob; relative to the project root.
        surroundings: the roots that confine it.
    """

    def __init__(self, text: str, surroundings: Surroundings) -> None:
        self._text = text
        self._surroundings = surroundings

    def find(self, suffix: str) -> tuple[PinnedFile, ...]:
        """Find the files that the path means.

        Raises:
            PermanentError: a literal path is not there, is no regular file, or leads outside the roots.
        """
        return tuple(_pinned(path, self._surroundings) for path in _found(self._text, self._surroundings, suffix))

    def content(self, file: PinnedFile) -> LocalContent:
        """Give a pinned file, still as it was pinned.

        Raises:
            PermanentError: it is gone or changed since.
        """
        path = Path(file.path) if Path(file.path).is_absolute() else self._surroundings.root / file.path
        confine(path, self._surroundings)
        content = LocalContent(path, file)
        content.check()
        return content

    def close(self) -> None:
        """Nothing is held."""


def _found(text: str, surroundings: Surroundings, suffix: str) -> list[Path]:
    full = Path(text) if Path(text).is_absolute() else surroundings.root / text
    if glob.has_magic(text):
        matches = sorted(glob.glob(str(full), recursive=True))
        return [path for path in map(Path, matches) if wanted(path.name) and path.is_file()]
    confine(full, surroundings)
    if full.is_dir():
        return [path for path in sorted(full.iterdir()) if bare(path.name).endswith(suffix) and wanted(path.name)]
    if not full.exists():
        raise PermanentError(f"there is no file {text}", code="E_SOURCE_MISSING", hint="check source.path")
    return [full]


def wanted(name: str) -> bool:
    """Whether a file of this name is meant by a glob: hidden files, and those that are still written, are not."""
    return not name.startswith(SKIPPED_PREFIXES) and not name.endswith(SKIPPED_SUFFIXES)


def _pinned(path: Path, surroundings: Surroundings) -> PinnedFile:
    confine(path, surroundings)
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise PermanentError(f"{path.name} is no regular file", code="E_SOURCE_KIND")
    name = path.relative_to(surroundings.root).as_posix() if path.is_relative_to(surroundings.root) else path.as_posix()
    return PinnedFile(name, facts.st_size, facts.st_mtime_ns, _fingerprint(path, facts))


def _fingerprint(path: Path, facts: os.stat_result) -> str:
    """Hash of the size and of the file's two ends: cheap, and different for what writers do to files."""
    digest = hashlib.sha256(str(facts.st_size).encode())
    with path.open("rb") as stream:
        digest.update(stream.read(HEAD))
        if facts.st_size > 2 * HEAD:
            stream.seek(-HEAD, os.SEEK_END)
        digest.update(stream.read(HEAD))
    return digest.hexdigest()[:32]
