"""A held run and a person's word in, its publication or its end out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from datasync.alerts.announcing import tell_of_run
from datasync.contract.loader import LoadedContract
from datasync.errors import UsageError
from datasync.history.rows import RunFacts
from datasync.history.store import History
from datasync.results.model import RunResult
from datasync.results.words import HELD_FOR
from datasync.sync.loading import load_any
from datasync.sync.options import RunOptions
from datasync.sync.project import Project
from datasync.sync.session import Session
from datasync.sync.telling import send
from datasync.sync.unfinished import end
from datasync.sync.unsent import give_up, unfinished_run


def release(project: Project, run_id: str, reason: str) -> RunResult:
    """Publish the staging of a held run as it was audited; send the rest of one that an API stopped, whatever it refuses.

    Raises:
        UsageError: no such run, not held, held for more than 24 hours, or its contract changed.
    """
    stopped = _stopped(project, run_id)
    if stopped is not None:
        return Session(stopped, RunOptions(run_id=run_id, begin="publish", released=reason)).carry_out()
    result = _held(project, run_id)
    if datetime.now(UTC) - result.started_at > HELD_FOR:
        reject(project, run_id, "held for more than 24 hours")
        raise UsageError(f"run {run_id} was held for more than 24 hours and is rejected now", code="E_HELD")
    loaded = load_any(Path(result.path))
    return Session(loaded, RunOptions(run_id=run_id, begin="publish", released=reason)).carry_out()


def reject(project: Project, run_id: str, reason: str, deliver: bool = True) -> RunResult:
    """End a held run, or one that an API stopped; its staging is dropped by the next clean, its rows stay as evidence.

    Args:
        project: whose history.
        run_id: the run.
        reason: who, and why.
        deliver: tell it now to whom the run was told; else the next delivery does.

    Raises:
        UsageError: no such run, or not held.
    """
    stopped = _stopped(project, run_id)
    if stopped is not None:
        give_up(stopped, project, run_id)
        end(stopped, run_id, "sending broke off")
        result = _recorded(project, run_id)
        assert result is not None
    else:
        result = _held(project, run_id)
    rejected = replace(result, status="failed", notes=(*result.notes, f"rejected: {reason}"))
    history = History(project.history_url)
    try:
        history.finish(
            _facts(rejected), rejected, None, False,
            lambda ledger: tell_of_run(ledger, run_id, "rejected", f"Rejected: {reason}", datetime.now(UTC)),
        )  # fmt: skip
    finally:
        history.close()
    if deliver:
        send(project, run_id)
    return rejected


def _stopped(project: Project, run_id: str) -> LoadedContract | None:
    """Give the contract of a run that broke off while it was sent to an API; what was sent stays sent, the rest waits."""
    history = History(project.history_url)
    try:
        contract = history.contract_of(run_id)
    finally:
        history.close()
    manifest = project.run_folder(contract, run_id).read_manifest() if contract is not None else None
    if manifest is None or not Path(manifest["path"]).is_file():
        return None
    loaded = load_any(Path(manifest["path"]))
    return loaded if unfinished_run(loaded, project, run_id) else None


def _recorded(project: Project, run_id: str) -> RunResult | None:
    history = History(project.history_url)
    try:
        return history.result(run_id)
    finally:
        history.close()


def _held(project: Project, run_id: str) -> RunResult:
    result = _recorded(project, run_id)
    if result is None:
        raise UsageError(f"there is no run {run_id}", code="E_RUN_ID", hint="datasync runs list")
    if result.status != "held":
        raise UsageError(f"run {run_id} is {result.status}, not held", code="E_RUN_ID")
    return result


def _facts(result: RunResult) -> RunFacts:
    return RunFacts(result.run_id, result.contract, result.version, "", result.kind, result.path, result.started_at)
