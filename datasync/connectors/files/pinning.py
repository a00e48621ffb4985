"""A path or glob of a contract in, the files it means now out, pinned and sorted."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from pathlib import Path

from datasync.connectors.paths import confine
from datasync.errors import PermanentError
from datasync.seams import PinnedFile, Surroundings

SKIPPED_PREFIXES = (".", "_")
SKIPPED_SUFFIXES = (".tmp", ".part")
HEAD = 1 << 16


def pin(text: str, surroundings: Surroundings, suffix: str) -> tuple[PinnedFile, ...]:
    """Find the files that a path means.

    Args:
        text: a file, a folder (its files with `suffix`), or a glob; relative to the project root.
        surroundings: the roots that confine it.
        suffix: of the kind, with its point.

    Raises:
        PermanentError: a literal path is not there, is no regular file, or leads outside the roots.
    """
    return tuple(_pinned(path, surroundings) for path in _found(text, surroundings, suffix))


def _found(text: str, surroundings: Surroundings, suffix: str) -> list[Path]:
    full = Path(text) if Path(text).is_absolute() else surroundings.root / text
    if glob.has_magic(text):
        matches = sorted(glob.glob(str(full), recursive=True))
        return [path for path in map(Path, matches) if _wanted(path) and path.is_file()]
    confine(full, surroundings)
    if full.is_dir():
        return [path for path in sorted(full.iterdir()) if path.suffix == suffix and _wanted(path)]
    if not full.exists():
        raise PermanentError(f"there is no file {text}", code="E_SOURCE_MISSING", hint="check source.path")
    return [full]


def _wanted(path: Path) -> bool:
    return not path.name.startswith(SKIPPED_PREFIXES) and not path.name.endswith(SKIPPED_SUFFIXES)


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


def opened(file: PinnedFile, surroundings: Surroundings) -> Path:
    """Give the path of a pinned file, still as it was pinned.

    Raises:
        PermanentError: it is gone or changed since.
    """
    path = Path(file.path) if Path(file.path).is_absolute() else surroundings.root / file.path
    try:
        facts = path.stat()
    except OSError as error:
        raise PermanentError(f"{file.path} is gone since the run began", code="E_SOURCE_CHANGED") from error
    if (facts.st_size, facts.st_mtime_ns) != (file.size, file.modified):
        raise PermanentError(f"{file.path} changed since the run began", code="E_SOURCE_CHANGED", hint="run again")
    return path
