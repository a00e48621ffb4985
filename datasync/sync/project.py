"""A contract's file in, the places its runs use out: project root, home, workspace and history."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from datasync.errors import UsageError
from datasync.storage import Place, place
from datasync.workspace import Workspace

MARKERS = ("datasync.toml", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Project:
    """Where things are.

    Attributes:
        root: relative paths of contracts count from here.
        home: `.datasync` in the root, or DATASYNC_HOME: locks, history and, unless moved, workspaces.
        workspace: runs and quarantine; DATASYNC_WORKSPACE moves it, also to any place that fsspec knows (`s3://…`).
        history_url: SQLAlchemy URL; DATASYNC_HISTORY_URL moves it.
        roots: further folders that local paths may be in.
    """

    root: Path
    home: Path
    workspace: Place
    history_url: str
    roots: tuple[Path, ...] = ()

    def run_folder(self, contract: str, run_id: str) -> Workspace:
        """Give the workspace of one run."""
        return Workspace(self.workspace, contract, run_id, self.home / "scratch")


def find_root(path: Path) -> Path:
    """Give the nearest parent folder with a `datasync.toml` or `pyproject.toml`, else the working directory."""
    start = path.resolve()
    for folder in (start, *start.parents) if start.is_dir() else start.parents:
        if any((folder / marker).is_file() for marker in MARKERS):
            return folder
    return Path.cwd().resolve()


def open_project(path: Path, environment: Mapping[str, str] | None = None) -> Project:
    """Find a contract's project.

    Args:
        path: the contract's file, or a folder.
        environment: DATASYNC_HOME, DATASYNC_WORKSPACE, DATASYNC_HISTORY_URL; default: the process's.

    Raises:
        UsageError: `datasync.toml` cannot be read, or a place is no local path.
    """
    known = os.environ if environment is None else environment
    root = find_root(path)
    home = _folder(known.get("DATASYNC_HOME"), root / ".datasync", "DATASYNC_HOME")
    workspace = place(known["DATASYNC_WORKSPACE"]) if known.get("DATASYNC_WORKSPACE") else home
    history = known.get("DATASYNC_HISTORY_URL") or f"sqlite:///{home / 'history.db'}"
    return Project(root, home, workspace, history, _roots(root))


def _folder(text: str | None, default: Path, name: str) -> Path:
    if not text:
        return default
    if "://" in text:
        raise UsageError(f"{name} is a local folder, not {text.split('://')[0]}://", code="E_WORKSPACE")
    return Path(text).expanduser().resolve()


def _roots(root: Path) -> tuple[Path, ...]:
    file = root / "datasync.toml"
    if not file.is_file():
        return ()
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("roots", [])
    except (OSError, ValueError) as error:
        raise UsageError(f"{file.name} cannot be read: {str(error)[:200]}", code="E_PROJECT") from error
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise UsageError(f"{file.name}: roots is a list of folders", code="E_PROJECT")
    return tuple((root / item).resolve() for item in found)
