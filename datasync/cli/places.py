"""Where commands without a contract work: the project of the working directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasync.history.store import History
    from datasync.sync.project import Project


def here() -> Project:
    """Give the project of the working directory."""
    from datasync.sync.project import open_project

    return open_project(Path.cwd())


@contextmanager
def opened_history(project: Project) -> Iterator[History]:
    """Open a project's history."""
    from datasync.history.store import History

    history = History(project.history_url)
    try:
        yield history
    finally:
        history.close()
