"""A held run and a person's word in, its publication or its end out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from datasync.alerts.announcing import tell_of_run
from datasync.contract.loader import load_contract
from datasync.errors import UsageError
from datasync.history.store import History, RunFacts
from datasync.results.model import RunResult
from datasync.sync.options import RunOptions
from datasync.sync.project import Project
from datasync.sync.session import Session
from datasync.sync.telling import send

PATIENCE = timedelta(hours=24)


def release(project: Project, run_id: str, reason: str) -> RunResult:
    """Publish the staging of a held run as it was audited.

    Raises:
        UsageError: no such run, not held, held for more than 24 hours, or its contract changed.
    """
    result = _held(project, run_id)
    if datetime.now(UTC) - result.started_at > PATIENCE:
        reject(project, run_id, "held for more than 24 hours")
        raise UsageError(f"run {run_id} was held for more than 24 hours and is rejected now", code="E_HELD")
    loaded = load_contract(Path(result.path))
    return Session(loaded, RunOptions(run_id=run_id, begin="publish", released=reason)).carry_out()


def reject(project: Project, run_id: str, reason: str, deliver: bool = True) -> RunResult:
    """End a held run; its staging is dropped by the next clean, its rows stay as evidence.

    Args:
        project: whose history.
        run_id: the run.
        reason: who, and why.
        deliver: tell it now to whom the run was told; else the next delivery does.

    Raises:
        UsageError: no such run, or not held.
    """
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


def _held(project: Project, run_id: str) -> RunResult:
    history = History(project.history_url)
    try:
        result = history.result(run_id)
    finally:
        history.close()
    if result is None:
        raise UsageError(f"there is no run {run_id}", code="E_RUN_ID", hint="datasync runs list")
    if result.status != "held":
        raise UsageError(f"run {run_id} is {result.status}, not held", code="E_RUN_ID")
    return result


def _facts(result: RunResult) -> RunFacts:
    return RunFacts(result.run_id, result.contract, result.version, "", result.kind, result.path, result.started_at)
