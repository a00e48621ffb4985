"""A run whose process is gone in, its recorded end out: nobody else will write it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from datasync.contract.endpoints import ApiTarget
from datasync.contract.loader import LoadedContract
from datasync.errors import StorageError, TransientError
from datasync.history.rows import RunFacts
from datasync.history.store import History
from datasync.plan.steps import Plan
from datasync.results.model import RunResult
from datasync.sync.compose import broken
from datasync.sync.project import Project, open_project
from datasync.sync.telling import Telling, tell_of
from datasync.sync.written import linked
from datasync.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Begun:
    """What its caller knows of a run that began.

    Attributes:
        params: values of the contract's declared params.
        links: word to URL, kept with the result and shown in messages.
    """

    params: Mapping[str, object] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


def end(loaded: LoadedContract, run_id: str, words: str, begun: Begun = Begun()) -> RunResult | None:
    """Give a run's result; one that began and never ended is recorded as broken first.

    Args:
        loaded: its contract.
        run_id: the run; it can still be resumed with `--from`.
        words: why it is over.
        begun: what is known of its beginning.

    Returns:
        The recorded result; None when history knows no such run.
    """
    history = History(open_project(loaded.path).history_url)
    try:
        known = history.result(run_id)
        if known is not None or history.contract_of(run_id) is None:
            return known
        return lost(loaded, history, run_id, words, begun)
    finally:
        history.close()


def lost(loaded: LoadedContract, history: History, run_id: str, words: str, begun: Begun = Begun()) -> RunResult:
    """Record that a run is over whose process is gone, and tell of it as of any run that breaks.

    If the process lives after all, or the run was published, whoever finds that out records it anew.

    Args:
        loaded: its contract.
        history: which has no end of it.
        run_id: the run; it can still be resumed with `--from`.
        words: why it is over.
        begun: what is known of its beginning.
    """
    now = datetime.now(UTC)
    facts = history.facts(run_id) or RunFacts(
        run_id, loaded.contract.contract, loaded.contract.version, "", "run", str(loaded.path), now
    )
    result = broken(loaded.contract, run_id, TransientError(words, code="E_LOST_PROCESS"), now)
    if isinstance(loaded.contract.target, ApiTarget) and result.error is not None:
        result = replace(result, error=replace(result.error, kept="what was sent stays sent"))
    result = linked(replace(result, kind=cast("Any", facts.kind), path=facts.path), begun.links)
    telling = Telling(loaded, facts.sync, begun.params, begun.links)
    return history.finish(facts, result, None, False, tell_of(telling, result, history))


def end_lost(loaded: LoadedContract, project: Project, history: History, plan: Plan, begun: Begun) -> tuple[str, ...]:
    """Write down that the runs which history has as running are over: one that owns their sync now found nobody there.

    Killed before their commit they would be running for ever, and `clean` keeps what a running run has.

    Args:
        loaded: the contract.
        project: its places.
        history: of the project.
        plan: of the run that owns the sync; that of a check owns none.
        begun: what is known of their beginning: the params are the sync's.

    Returns:
        Notes for the run that goes on.
    """
    if plan.kind == "check":
        return ()
    ended = []
    for run_id in history.running(plan.sync):
        if run_id == plan.run_id or _between_processes(project.run_folder(loaded.contract.contract, run_id)):
            continue
        lost(loaded, history, run_id, "the process ended before anything was recorded", begun)
        ended.append(f"run {run_id} was cut off before it published; it is recorded now")
    return tuple(ended)


def _between_processes(workspace: Workspace) -> bool:
    """Whether a run of several processes was handed on: it may wait for the next, and its scheduler knows its end."""
    try:
        return "seconds" in (workspace.read_manifest() or {})
    except StorageError:
        return False
