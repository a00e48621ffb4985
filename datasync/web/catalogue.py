"""A project in, the contract files of its folder `contracts/` out; each is read again only when it changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from datasync.contract.loader import examine, find_contracts
from datasync.contract.places import owner_line
from datasync.errors import DataSyncError
from datasync.sync.project import Project
from datasync.sync.texts import shown_path

FOLDER = "contracts"


@dataclass(frozen=True, slots=True)
class ContractFile:
    """A file of the folder.

    Attributes:
        file: where it is.
        key: its path within the folder, as addresses name it.
        path: its path within the project.
        name: the contract's; empty when the file cannot be read as one.
        errors: number of problems that refuse it.
    """

    file: Path
    key: str
    path: str
    name: str
    owner: str = ""
    tags: tuple[str, ...] = ()
    errors: int = 0


def folder_of(project: Project) -> Path:
    """Give the folder whose files the app shows and edits."""
    return project.root / FOLDER


def files_of(project: Project) -> list[ContractFile]:
    """Give the files, by path."""
    folder = folder_of(project)
    found = []
    for file in find_contracts([folder]) if folder.is_dir() else ():
        try:
            stamp = file.stat()
        except OSError:
            # Gone since the folder was read.
            continue
        name, owner, tags, errors = _read(file, stamp.st_mtime_ns, stamp.st_size)
        found.append(
            ContractFile(file, file.relative_to(folder).as_posix(), shown_path(file, project), name, owner, tags, errors)
        )
    return found


@lru_cache(maxsize=10_000)
def _read(file: Path, modified: int, size: int) -> tuple[str, str, tuple[str, ...], int]:
    try:
        loaded, problems = examine(file)
    except DataSyncError:
        return "", "", (), 1
    errors = sum(1 for problem in problems if problem.severity != "advice")
    if loaded is None:
        return "", "", (), errors
    return loaded.contract.contract, owner_line(loaded), tuple(loaded.contract.tags), errors
