"""A run about to begin in, an earlier run's broken-off send finished first out: what an API acknowledged is not sent again.

A run of an atomic target that dies leaves nothing, and the next one begins anew. An API has already what it acknowledged: the
next run of the sync first goes on with the rows that were staged and audited then, under the keys of then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from datasync.connectors.registry import open_target
from datasync.contract.endpoints import ApiTarget as Endpoint
from datasync.contract.loader import LoadedContract
from datasync.errors import DataSyncError, Interrupted, Refused, TransientError
from datasync.plan.build import sync_id
from datasync.results.model import RunResult
from datasync.sync.options import RunOptions
from datasync.sync.project import Project
from datasync.sync.systems import surroundings

if TYPE_CHECKING:
    from datasync.connectors.api.ledger import Send
    from datasync.connectors.api.target import ApiTarget


HOPELESS = ("E_API_REFUSED", "E_API_RESPONSE", "E_SEND_CHANGED", "E_NO_STAGING", "E_STAGING_COUNT", "E_PAYLOAD", "E_VARIABLE")
"""Errors that the same rows and the same contract will meet again."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """A send that was begun and neither finished nor given up."""

    send: Send
    acknowledged: int

    def __str__(self) -> str:
        send = self.send
        return f"run {send.run_id} sent {self.acknowledged:,} of {send.rows:,} rows and then broke off"


@contextmanager
def opened(loaded: LoadedContract, project: Project) -> Iterator[ApiTarget | None]:
    """Open a contract's target if it is an API, for a look into its ledger; nothing is sent."""
    endpoint = loaded.contract.target
    if not isinstance(endpoint, Endpoint):
        yield None
        return
    target = cast("ApiTarget", open_target(endpoint, surroundings(project)))
    try:
        yield target
    finally:
        target.close()


def unsent(loaded: LoadedContract, project: Project, params: Mapping[str, Any], recorded: Callable[[str], bool]) -> Unsent | None:
    """Find the send that a sync has left; None where the target publishes in one step.

    Args:
        loaded: the contract.
        project: its places.
        params: values of the declared params.
        recorded: tells whether history has a run's end: rows that were refused are open for replay only then.

    Raises:
        Refused: it goes on in another process.
    """
    with opened(loaded, project) as target:
        sync = sync_id(loaded.contract, params)
        send = (target.unfinished(sync) or target.unrecorded(sync, recorded)) if target is not None else None
        if target is None or send is None:
            return None
        if not target.free(sync):
            raise Refused(f"another run owns the sync {loaded.contract.contract}", code="E_BUSY",
                          hint="wait for it to end; nothing was queued")  # fmt: skip
        return Unsent(send, target.acknowledged(send))


def finish_first(loaded: LoadedContract, project: Project, found: Unsent, finish: Callable[[RunOptions], RunResult]) -> str:
    """Finish an earlier run's send, or give it up where that is harmless.

    Args:
        loaded: the contract as it is now.
        project: its places.
        found: what is to be finished.
        finish: carries a run out with the given choices.

    Returns:
        A note for the run that goes on.

    Raises:
        TransientError: the API does not answer now.
        Refused: it cannot be finished, and giving it up would send rows twice: a person decides.
    """
    run_id = found.send.run_id
    kind = (project.run_folder(loaded.contract.contract, run_id).read_manifest() or {}).get("kind", "run")
    try:
        result = finish(RunOptions(run_id=run_id, begin="publish", kind=kind))
    except DataSyncError as error:
        return _not_finished(loaded, project, found, error.message)
    if result.status in ("passed", "warned"):
        return f"run {run_id} was cut off before its end was recorded, and is finished now"
    if result.status == "interrupted":
        raise Interrupted("the run was interrupted")
    if result.error is not None and result.error.code not in HOPELESS and found.send.state != "done":
        # A dead API, a wrong password: the rows are as good as they were, and the next run finishes them first.
        raise (Refused if result.status == "refused" else TransientError)(
            f"{found}: {result.error.message}", code=result.error.code, hint=result.error.hint
        )
    return _not_finished(loaded, project, found, result.error.message if result.error else "more rows were refused than allowed")


def _not_finished(loaded: LoadedContract, project: Project, found: Unsent, why: str) -> str:
    run_id = found.send.run_id
    assert loaded.contract.target is not None
    if found.send.state == "done":
        return f"run {run_id} was sent whole, and its end cannot be recorded any more ({why})"
    if loaded.contract.target.write == "merge":
        give_up(loaded, project, run_id)
        return f"{found}; it is given up, this run sends its keys again ({why})"
    raise Refused(
        f"{found}: {why}", code="E_UNFINISHED_SEND",
        hint=f"datasync runs release {run_id} sends the rest whatever is refused, reject gives it up; rows sent stay sent",
    )  # fmt: skip


def unfinished_run(loaded: LoadedContract, project: Project, run_id: str) -> bool:
    """Tell whether a run was begun to be sent to an API, and neither finished nor given up."""
    with opened(loaded, project) as target:
        return target is not None and target.unfinished_run(run_id) is not None


def give_up(loaded: LoadedContract, project: Project, run_id: str) -> None:
    """Send nothing more of a run; what was sent stays sent."""
    with opened(loaded, project) as target:
        if target is not None:
            target.give_up(run_id)
