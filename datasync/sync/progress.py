"""How far a run is in, a small file in its workspace out, now and then: whoever shares the workspace sees it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from datasync.errors import StorageError
from datasync.stages.context import Progress
from datasync.storage import write_bytes
from datasync.workspace import Workspace

FILE = "progress.json"
EVERY = 2.0
"""Seconds between two files: none costs what a batch does."""
AT_REST = ("audit", "publish", "reconcile")


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a run was when it last said so: the stage that moved last, rows by stage."""

    stage: str
    rows: dict[str, int]
    at: datetime


class Noted:
    """Tells a listener how far a run is, and writes it down beside.

    Args:
        workspace: the run's.
        tell: the run's own listener.
    """

    def __init__(self, workspace: Workspace, tell: Callable[[Progress], None]) -> None:
        self._workspace, self._tell = workspace, tell
        self._rows: dict[str, int] = {}
        self._next = 0.0
        self._told = ""
        self._lock = threading.Lock()

    def __call__(self, moved: Progress) -> None:
        """Note that a stage moved; called from worker threads."""
        self._tell(moved)
        with self._lock:
            self._rows[moved.stage] = moved.rows
            # What goes on at rest takes one look at everything: that it began is told at once.
            began = moved.stage in AT_REST and moved.stage != self._told
            if time.monotonic() < self._next and not began:
                return
            self._told = moved.stage
            self._next = time.monotonic() + EVERY
            content = {"stage": moved.stage, "rows": dict(self._rows), "at": datetime.now(UTC).isoformat()}
            try:
                write_bytes(self._workspace.folder / FILE, json.dumps(content).encode())
            except (OSError, StorageError):
                # Nobody is told how far it is; the run itself goes on.
                return


def read_progress(workspace: Workspace) -> Seen | None:
    """Give where a run was when it last said so; None: it never did, or it cannot be read."""
    try:
        found = json.loads((workspace.folder / FILE).read_text(encoding="utf-8"))
        rows = {str(stage): int(number) for stage, number in found["rows"].items()}
        return Seen(str(found["stage"]), rows, datetime.fromisoformat(found["at"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
