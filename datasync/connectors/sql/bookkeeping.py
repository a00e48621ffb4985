"""Fence and commit tables: their DDL, and commits to rows and back. Every SQL target keeps them beside its tables."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from datasync.contract.types import Dialect
from datasync.seams import Commit, PinnedFile, PublishRequest, TargetSpec, Window, WindowValue

FENCE, COMMITS, FILES = "_datasync_fence", "_datasync_commits", "_datasync_files"
STAGING_PREFIX = "_datasync_stg_"
COMMIT_COLUMNS = ("run_id", "sync", "target", "token", "window_start", "window_end", "watermark", "mode", "published_rows",
                  "explicit", "sequence", "committed_at")  # fmt: skip


def ddl(dialect: Dialect, prefix: str = "") -> list[str]:
    """Give the statements that create the bookkeeping tables where they are missing.

    Args:
        dialect: theirs.
        prefix: quoted schema and a point, or nothing.
    """
    text = {"duckdb": "VARCHAR", "postgres": "text", "sqlite": "TEXT", "mysql": "VARCHAR(250)"}[dialect]
    path = "VARCHAR(500)" if dialect == "mysql" else text
    integer = {"duckdb": "BIGINT", "postgres": "bigint", "sqlite": "INTEGER", "mysql": "BIGINT"}[dialect]
    return [
        f"CREATE TABLE IF NOT EXISTS {prefix}{FENCE} (sync {text} PRIMARY KEY, token {integer} NOT NULL)",
        f"CREATE TABLE IF NOT EXISTS {prefix}{COMMITS} (run_id {text} PRIMARY KEY, sync {text} NOT NULL, "
        f"target {text} NOT NULL, "
        f"token {integer} NOT NULL, window_start {text}, window_end {text}, watermark {text}, mode {text} NOT NULL, "
        f"published_rows {integer} NOT NULL, explicit {integer} NOT NULL, sequence {integer} NOT NULL, "
        f"committed_at {text} NOT NULL, "
        f"UNIQUE (sync, token))",
        f"CREATE TABLE IF NOT EXISTS {prefix}{FILES} (run_id {text} NOT NULL, path {path} NOT NULL, size {integer} NOT NULL, "
        f"modified {integer} NOT NULL, fingerprint {text} NOT NULL, PRIMARY KEY (run_id, path))",
    ]


def staging_name(run_id: str) -> str:
    """Name a run's staging table: short, and unique however long the run's id is."""
    return STAGING_PREFIX + hashlib.sha256(run_id.encode()).hexdigest()[:24]


def bound_text(value: WindowValue | None) -> str | None:
    """Write a window's bound as the commit row keeps it."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def commit_row(spec: TargetSpec, request: PublishRequest, facts: tuple[str, int, int, datetime]) -> tuple[Any, ...]:
    """Give the values of a commit row, in the order of `COMMIT_COLUMNS`.

    Args:
        spec: what was written.
        request: how.
        facts: the target's name, rows published, sequence, and the target's time.
    """
    target, rows, sequence, now = facts
    window = spec.window or Window(None, None)  # type: ignore[arg-type]
    return (
        spec.run_id, spec.sync, target, request.token, bound_text(window.start), bound_text(window.end), request.watermark,
        spec.write, rows, int(window.explicit), sequence, now.astimezone(UTC).isoformat(),
    )  # fmt: skip


def commit_of(row: Sequence[Any], files: tuple[PinnedFile, ...] = ()) -> Commit:
    """Read a commit row back."""
    run_id, sync, target, token, start, end, watermark, mode, rows, explicit, sequence, at = row
    return Commit(
        run_id=run_id, sync=sync, target=target, token=int(token), mode=mode, rows=int(rows),
        window_start=start, window_end=end,
        watermark=watermark, explicit=bool(explicit), files=files,
        committed_at=datetime.fromisoformat(at), sequence=int(sequence),
    )  # fmt: skip


def file_rows(run_id: str, files: tuple[PinnedFile, ...]) -> list[tuple[Any, ...]]:
    """Give the rows that record files as loaded."""
    return [(run_id, file.path, file.size, file.modified, file.fingerprint) for file in files]
