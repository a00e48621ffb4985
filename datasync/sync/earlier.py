"""Runs before this one in, their ends written down out: of one that was killed behind its commit, of those that wait.

A target's commit stands before history knows of it. A process that is killed in between leaves a published run that never ended:
its rows in quarantine would be open for nobody, as no later window reads them again. The next run of the sync finds the commit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from datasync.contract.loader import LoadedContract
from datasync.errors import DataSyncError, Interrupted, PermanentError, Refused, TransientError
from datasync.history.rows import RunFacts
from datasync.history.store import History
from datasync.results.model import RunResult
from datasync.seams import Commit, TargetState
from datasync.sync.compose import broken, error_result, kept
from datasync.sync.options import RunOptions
from datasync.sync.project import Project
from datasync.workspace import Workspace


class UnendedError(Exception):
    """The sync's newest commit is of a run whose end history does not have."""

    def __init__(self, commit: Commit) -> None:
        super().__init__(commit.run_id)
        self.commit = commit

    def published(self) -> Refused:
        """Say that a run that is to begin again is published."""
        words = f"run {self.commit.run_id} is published already"
        return Refused(words, code="E_RUN_ID", hint="start another run: it goes on behind this one")


def refuse_unended(state: TargetState, options: RunOptions, history: History) -> None:
    """See that the end of the run that published last is written down; its owner is gone, for the sync is ours.

    Raises:
        UnendedError: it is not. A run that history does not know is another machine's.
    """
    newest = state.commits[-1] if state.commits and options.recorded is None else None
    # Of an API the commit is in a ledger of this machine, which is looked into before.
    if newest is not None and not state.elsewhere and history.is_committed(newest.run_id) is False:
        raise UnendedError(newest)


def end_unended(
    loaded: LoadedContract, project: Project, left: Commit, finish: Callable[[RunOptions], RunResult]
) -> tuple[str, ...]:
    """Write down the end of a run that was published: reconciled if it can be, and its quarantine open for replay.

    Args:
        loaded: the contract as it is now.
        project: its places.
        left: the run's commit.
        finish: carries a run out with the given choices.

    Returns:
        Notes for the run that goes on.

    Raises:
        Interrupted, TransientError, Refused: it could not be done now; the next run tries again.
    """
    workspace = project.run_folder(loaded.contract.contract, left.run_id)
    history = History(project.history_url)
    try:
        why = _finished(workspace, left.run_id, finish)
        if history.is_committed(left.run_id) is False:
            _write_down(loaded, history, left, why)
    finally:
        history.close()
    return (f"run {left.run_id} was published and cut off before its end was recorded; it is recorded now",)


def _finished(workspace: Workspace, run_id: str, finish: Callable[[RunOptions], RunResult]) -> str:
    kind: Any = (workspace.read_manifest() or {}).get("kind", "run")
    try:
        result = finish(RunOptions(run_id=run_id, begin="publish", kind=kind, shadow=kind == "shadow"))
    except (Interrupted, TransientError, Refused):
        raise
    except DataSyncError as error:
        # The contract changed since, or the run's folder is gone: nothing is left to reconcile with.
        return error.message
    if result.status == "interrupted":
        raise Interrupted("the run was interrupted")
    return result.error.message if result.error is not None else ""


def _write_down(loaded: LoadedContract, history: History, left: Commit, why: str) -> None:
    """Record that the run is published, and that no more is known of it."""
    facts = history.facts(left.run_id)
    assert facts is not None, "history knows the run"
    words = f"the process ended behind the commit, before anything was recorded ({why})"
    error = PermanentError(words, code="E_LOST_PROCESS", stage="reconcile", hint="the rows are published; nothing is to be done")
    result, kind = broken(loaded.contract, left.run_id, error, facts.started_at), cast("Any", facts.kind)
    ended = replace(result, kind=kind, path=facts.path, error=error_result(error, kept(True, result.rows)))
    history.finish(facts, ended, left.watermark, committed=True)


def replace_held(history: History, contract: str, run_id: str) -> None:
    """End the runs of a contract that still wait for a person: a newer run replaces them."""
    for row in history.list_runs(contract, "held", 100):
        held = history.result(row.run_id) if row.run_id != run_id else None
        if held is not None:
            over = replace(held, status="failed", notes=(*held.notes, f"rejected: replaced by run {run_id}"))
            facts = RunFacts(held.run_id, held.contract, held.version, "", held.kind, held.path, held.started_at)
            history.finish(facts, over, None, committed=False)
