"""A run's quarantined rows in, one file of them out, to be corrected and replayed."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from datasync.errors import UsageError
from datasync.sync.exports import write_rows
from datasync.sync.project import Project
from datasync.sync.replay import stored


def export_rows(project: Project, run_id: str, gate: str | None, path: Path) -> int:
    """Write a run's rows, whole, with their reasons and states.

    Args:
        project: whose history and workspace.
        run_id: the run.
        gate: of this gate; None where only one set rows aside.
        path: csv, ndjson or parquet, by its suffix.

    Returns:
        Number of rows.

    Raises:
        UsageError: no such rows, more than one gate, another suffix, or the file cannot be written.
    """
    groups = [rows for rows in stored(project, run_id) if gate is None or rows.gate == gate]
    if not groups:
        raise UsageError(f"run {run_id} set no row aside at gate {gate}", code="E_RUN_ID")
    if len(groups) > 1:
        gates = " and ".join(rows.gate for rows in groups)
        raise UsageError(f"rows were set aside at {gates}", code="E_GATE", hint="choose with --gate")
    frame = groups[0].frame.with_columns(groups[0].states)
    write_rows(frame.with_columns(pl.col("_reasons").list.join(" ")), path)
    return frame.height
