"""A run's id in, its quarantined rows as their columns' `samples` let them be seen out."""

from __future__ import annotations

from datasync.errors import UsageError
from datasync.history import views
from datasync.history.store import History
from datasync.reports.html import AsideRow
from datasync.sync.aside_rows import Look, browsed
from datasync.sync.project import Project
from datasync.sync.texts import contract_as_run


def shown(project: Project, run_id: str, look: Look) -> list[AsideRow]:
    """Give some rows of a run, judged by the contract that it ran.

    Raises:
        UsageError: nothing was set aside in such a run.
        StorageError: its rows cannot be read any more.
    """
    history = History(project.history_url)
    try:
        batches = history.quarantine_batches(run_id=run_id)
        row, result = views.run(history, run_id), history.result(run_id)
        text = views.text_of(history, row.contract_hash if row else None)
    finally:
        history.close()
    if not batches:
        raise UsageError(f"no row of a run {run_id[:100]} is in quarantine", code="E_RUN_ID", hint="datasync quarantine list")
    loaded = contract_as_run(text, result.path if result else "", project)
    return browsed(batches, loaded.contract if loaded else None, look)
