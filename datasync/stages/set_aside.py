"""Rows a gate rejects in, durable quarantine batches out: a Parquet file each, and a row in history."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from datasync.contract.checks import Gate
from datasync.history.rows import QuarantineBatch
from datasync.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose rows are set aside."""

    run_id: str
    contract: str
    sync: str


def batch_name(gate: str, begin: str, number: int) -> str:
    """Name a batch; sorts by gate, then as the stages follow each other within a process."""
    return "-".join(part for part in (gate, begin, f"{number:06d}") if part)


class SetAside:
    """The quarantine of one run while it goes on. Safe to use from several threads.

    Args:
        owner: the run.
        workspace: where files go.
        record: writes the batch down in history.
        begin: the stage that this process begins with, where several processes share a run: part of its batches' names.
    """

    def __init__(self, owner: Owner, workspace: Workspace, record: Callable[[QuarantineBatch], None], begin: str = "") -> None:
        self._owner = owner
        self._begin = begin
        self._workspace = workspace
        self._record = record
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self.rows = 0

    def write(self, gate: Gate, frame: pl.DataFrame, name: str = "") -> None:
        """Store one batch; when this returns, the rows are safe.

        Args:
            gate: the gate that set them aside.
            frame: as `gates.quarantine` builds it.
            name: the batch's own name, for a stage that may store it again; default: the next of the gate.

        Raises:
            StorageError: they could not be stored; nothing may be published.
        """
        if frame.height == 0:
            return
        with self._lock:
            if not name:
                name = batch_name(gate, self._begin, self._numbers[gate])
                self._numbers[gate] += 1
        path = self._workspace.write_quarantine(name, frame)
        reasons = Counter(reason for row in frame["_reasons"].to_list() for reason in row)
        owner = self._owner
        self._record(
            QuarantineBatch(
                owner.run_id,
                name,
                owner.contract,
                owner.sync,
                gate,
                frame.height,
                reasons,
                str(path),
                "pending",
                datetime.now(UTC),
            )
        )
        with self._lock:
            self.rows += frame.height
