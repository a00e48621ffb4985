"""A project in, what its retention removes out: workspaces, staging, quarantined rows, history."""

from __future__ import annotations

from collections.abc import Container, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from datasync.connectors.registry import open_target
from datasync.connectors.sql.bookkeeping import staging_name
from datasync.contract.loader import LoadedContract, find_contracts, load_contract
from datasync.errors import DataSyncError, UsageError
from datasync.history import views
from datasync.history.rows import QuarantineBatch
from datasync.history.store import History
from datasync.storage import matches, place, read_frame, remove, write_frame
from datasync.sync.progress import read_progress
from datasync.sync.project import Project
from datasync.sync.shadow import shadow_target
from datasync.sync.systems import surroundings
from datasync.workspace import Workspace, workspaces

WORKSPACES = timedelta(days=7)
HISTORY = timedelta(days=365)
MESSAGES = timedelta(days=30)
EVIDENCE_ROWS = 10_000

Removed = dict[str, list[str]]


def clean(project: Project, dry_run: bool, now: datetime | None = None) -> Removed:
    """Apply retention.

    Args:
        project: whose.
        dry_run: only say what would go.
        now: default: now.

    Returns:
        What went, by kind. Runs that are held or still running are never touched.
    """
    moment = now or datetime.now(UTC)
    history = History(project.history_url)
    try:
        contracts = {loaded.contract.contract: loaded for loaded in _contracts(project)}
        live = {row.run_id for status in ("held", "running") for row in history.list_runs(None, status, 1000)}
        silent = _silent(project, history, moment - WORKSPACES)
        old = [(contract, run) for contract, run in history.old_runs(moment - WORKSPACES) if run not in live]
        removed: Removed = {
            "workspace": _workspaces(project, history, old, dry_run),
            "staging": _staging(project, history, contracts.values(), {run for _, run in old} | silent, dry_run),
            "quarantine": _quarantine(project, history, contracts, moment, dry_run),
            "evidence": _evidence(history, {run for _, run in old}, dry_run),
        }
        ancient = [run for _, run in history.old_runs(moment - HISTORY) if run not in live]
        removed["history"] = ancient
        with history.ledger() as ledger:
            told = ledger.outbox.forget(moment - MESSAGES, dry_run)
        removed["messages"] = [f"{told:,} messages"] if told else []
        if not dry_run:
            history.forget_runs(ancient)
        return removed
    finally:
        history.close()


def _contracts(project: Project) -> Iterable[LoadedContract]:
    folder = project.root / "contracts"
    for path in find_contracts([folder]) if folder.is_dir() else ():
        try:
            yield load_contract(path)
        except DataSyncError:
            continue


def _silent(project: Project, history: History, before: datetime) -> set[str]:
    """Runs that never ended and have said nothing since a time: killed, and no later run of their sync has found that out.

    Their staging goes. What else they left stays: it may be published, and their rows in quarantine somebody's to correct.
    """
    found = set()
    for row in history.list_runs(None, "running", 1000):
        started = row.started_at if row.started_at.tzinfo else row.started_at.replace(tzinfo=UTC)
        seen = read_progress(project.run_folder(row.contract, row.run_id))
        if max(started, seen.at if seen is not None else started) < before:
            found.add(row.run_id)
    return found


def _workspaces(project: Project, history: History, old: list[tuple[str, str]], dry_run: bool) -> list[str]:
    known = set(workspaces(project.workspace))
    gone = []
    for contract, run in old:
        workspace = project.run_folder(contract, run)
        if (contract, run) in known and workspace.folder.is_dir():
            gone.append(str(workspace.folder))
            if not dry_run:
                _unrecorded(workspace, history, run)
                remove(workspace.folder)
                remove(workspace.local)
    return gone


def _unrecorded(workspace: Workspace, history: History, run: str) -> None:
    """Remove quarantined rows that history does not know, or they would lie there for ever: their run was killed over them."""
    known = {batch.name for batch in history.quarantine_batches(run_id=run)}
    for file in matches(workspace.quarantine, "*.parquet"):
        if file.stem not in known:
            remove(file)


def _staging(project: Project, history: History, contracts: Iterable[LoadedContract], over: set[str], dry_run: bool) -> list[str]:
    """Staging that old runs left and no process holds. What history does not know stays: it may be another project's."""
    names = {staging_name(run): run for run in over}
    gone: dict[str, None] = {}
    for loaded in contracts:
        if loaded.contract.target is None:
            continue
        for endpoint in (loaded.contract.target, *_shadow(history, loaded)):
            with suppress(DataSyncError):
                # What cannot be reached now is tried again by the next clean.
                gone.update(dict.fromkeys(names[name] for name in _dropped(project, endpoint, names, dry_run)))
    return list(gone)


def _dropped(project: Project, endpoint: Any, names: Container[str], dry_run: bool) -> list[str]:
    """Remove what a target still holds of these names; give them."""
    target = open_target(endpoint, surroundings(project))
    try:
        if not dry_run and hasattr(target, "tidy"):
            target.tidy()
        found = [name for name in target.orphans() if name in names]
        for name in () if dry_run else found:
            target.drop_orphan(name)
        return found
    finally:
        target.close()


def _shadow(history: History, loaded: LoadedContract) -> list[Any]:
    """Give the place beside a contract's target, where a shadow ever ran."""
    ran = views.last_runs(history, loaded.contract.contract, 1, "shadow")
    try:
        return [shadow_target(loaded.contract)] if ran else []
    except UsageError:
        # The target became an API since.
        return []


def _quarantine(
    project: Project, history: History, contracts: dict[str, LoadedContract], now: datetime, dry_run: bool
) -> list[str]:
    """Rows kept longer than the contract's `quarantine.keep`, and whole batches that are closed."""
    gone: list[str] = []
    for batch in history.quarantine_batches():
        loaded = contracts.get(batch.contract)
        keep = loaded.contract.quarantine.keep if loaded is not None else None
        created = batch.created_at if batch.created_at.tzinfo else batch.created_at.replace(tzinfo=UTC)
        if keep is not None and now - created > keep and batch.state != "pending":
            gone.append(f"{batch.run_id}/{batch.name}")
            if not dry_run:
                remove(place(batch.path))
                history.forget_batch(batch)
    return gone


def _evidence(history: History, over: set[str], dry_run: bool) -> list[str]:
    """Evidence of runs that can be neither resumed nor released is pruned to its first rows."""
    gone = []
    runs: dict[str, list[QuarantineBatch]] = {}
    for batch in history.quarantine_batches(states=("evidence",)):
        if batch.run_id in over:
            runs.setdefault(batch.run_id, []).append(batch)
    for run, batches in runs.items():
        left = EVIDENCE_ROWS
        for batch in sorted(batches, key=lambda item: item.name):
            if batch.rows > left:
                gone.append(f"{run}/{batch.name}: {batch.rows - left:,} rows")
                if not dry_run:
                    _prune(history, batch, left)
            left = max(left - batch.rows, 0)
    return gone


def _prune(history: History, batch: QuarantineBatch, rows: int) -> None:
    path = place(batch.path)
    if rows == 0:
        remove(path)
        history.forget_batch(batch)
        return
    write_frame(path, read_frame(path).head(rows))
    history.resize_batch(batch, rows)
