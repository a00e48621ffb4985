"""Contracts in, their texts kept in history out, and back: with which promises a run was judged stays known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from datasync.contract.loader import LoadedContract, examine, examine_text
from datasync.contract.places import owner_line
from datasync.errors import DataSyncError
from datasync.history.store import History
from datasync.history.texts import KeptContract
from datasync.sync.project import Project


def keep_text(history: History, loaded: LoadedContract, project: Project) -> None:
    """Keep the text that a run is made by."""
    text = loaded.content.decode(errors="replace")
    kept = KeptContract(
        loaded.hash, loaded.contract.contract, loaded.contract.version, shown_path(loaded.path, project),
        owner_line(loaded)[:300], tuple(loaded.contract.tags), text, datetime.now(UTC),
    )  # fmt: skip
    with history.ledger() as ledger:
        ledger.texts.keep(kept)


def description_of(kept: KeptContract) -> str:
    """Give what a kept text says of itself; empty when it cannot be read any more."""
    try:
        loaded = examine_text(kept.text.encode(), Path(kept.path))[0]
    except DataSyncError:
        return ""
    return loaded.contract.description or "" if loaded is not None else ""


def shown_path(path: Path, project: Project) -> str:
    """Name a file as people of the project would: from its root, where it lies in it."""
    try:
        return path.resolve().relative_to(project.root).as_posix()
    except ValueError:
        return str(path)


def contract_as_run(kept: KeptContract | None, path: str, project: Project) -> LoadedContract | None:
    """Give the contract a run was made by: from the kept text, else from its file; None when neither can be read."""
    if not path:
        return None
    file = Path(path)
    file = file if file.is_absolute() or file.is_file() else project.root / file
    try:
        return examine_text(kept.text.encode(), file)[0] if kept is not None else examine(file)[0]
    except DataSyncError:
        return None
