"""A run's id in, its recorded result out."""

from __future__ import annotations

from datasync.errors import UsageError
from datasync.history.store import History
from datasync.results.model import RunResult
from datasync.sync.project import Project


def recorded(project: Project, run_id: str | None, contract: str | None = None, shadow: bool = False) -> RunResult:
    """Give a run's result from history.

    Args:
        project: whose history.
        run_id: the run; None: the newest.
        contract: of this contract, for the newest.
        shadow: of shadows, for the newest; else a contract's own.

    Raises:
        UsageError: there is none.
    """
    history = History(project.history_url)
    try:
        rows = history.list_runs(contract, None, 1, shadow) if run_id is None else []
        wanted = run_id or (rows[0].run_id if rows else None)
        result = history.result(wanted) if wanted else None
    finally:
        history.close()
    if result is None:
        raise UsageError(f"there is no finished run {wanted or ''}".rstrip(), code="E_RUN_ID", hint="datasync runs list")
    return result
