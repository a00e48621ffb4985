"""A project in, the contract files of its folder `contracts/` out; each is read again only when it changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from datasync.contract.loader import examine, find_contracts
from datasync.contract.places import owner_line
from datasync.errors import DataSyncError, shorten
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
        problem: the first of them, with its line.
    """

    file: Path
    key: str
    path: str
    name: str
    owner: str = ""
    tags: tuple[str, ...] = ()
    errors: int = 0
    problem: str = ""


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
        key, path = file.relative_to(folder).as_posix(), shown_path(file, project)
        found.append(ContractFile(file, key, path, **_read(file, stamp.st_mtime_ns, stamp.st_size)))
    return found


@lru_cache(maxsize=10_000)
def _read(file: Path, modified: int, size: int) -> dict[str, Any]:
    """The fields that the file's text gives."""
    try:
        loaded, problems = examine(file)
    except DataSyncError as error:
        return {"name": "", "errors": 1, "problem": error.message}
    errors = [problem for problem in problems if problem.severity != "advice"]
    lines = [f"line {problem.line}: {replace(problem, file='', line=0, column=0, allowed='')}" for problem in errors[:1]]
    found = {"errors": len(errors), "problem": shorten("".join(lines))}
    if loaded is None:
        return {"name": "", **found}
    contract = loaded.contract
    return {"name": contract.contract, "owner": owner_line(loaded), "tags": tuple(contract.tags), **found}
