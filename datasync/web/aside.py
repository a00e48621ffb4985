"""Quarantined rows in, pages of them as their columns let them be seen out; whole, and as a file, only where that is allowed."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.background import BackgroundTask

from datasync.errors import UsageError
from datasync.history import views
from datasync.sync.aside_rows import Look, browsed
from datasync.sync.exported import export_rows
from datasync.sync.texts import contract_as_run
from datasync.web.asked import NotAllowed, Reading

router = APIRouter()
PAGE = 50
"""Rows on a page."""


@router.get("/quarantine")
def listed(question: Reading, contract: str = "") -> HTMLResponse:
    """The newest runs that set rows aside."""
    runs = views.aside_runs(question.house.history, contract or None, among=question.person.contracts)
    return question.page("quarantine.html.j2", "Quarantine", runs=runs, contract=contract)


@router.get("/quarantine/{run_id:path}")
def rows(question: Reading, run_id: str, reason: str = "", page: int = 1, whole: bool = False) -> HTMLResponse:
    """Rows of a run, by reason, a page at a time."""
    house = question.house
    contract = question.contract_of(run_id)
    batches = house.history.quarantine_batches(run_id=run_id)
    row = views.run(house.history, run_id)
    if row is None or not batches:
        raise UsageError(f"no row of a run {run_id[:100]} is in quarantine", code="E_RUN_ID")
    if whole and not house.values:
        raise NotAllowed("rows are not shown whole here: datasync ui --show-values allows it")
    reasons: dict[str, int] = {}
    for batch in batches:
        for name, number in batch.reasons.items():
            reasons[name] = reasons.get(name, 0) + number
    total = reasons.get(reason, 0) if reason else sum(batch.rows for batch in batches)
    last = max(-(-total // PAGE), 1)
    page = min(max(page, 1), last)
    result = house.history.result(run_id)
    text = views.text_of(house.history, row.contract_hash)
    loaded = contract_as_run(text, result.path if result else "", house.project)
    look = Look(reason, (page - 1) * PAGE, PAGE, whole)
    return question.page(
        "aside.html.j2",
        "Quarantine",
        of=contract,
        run=row,
        reasons=reasons,
        reason=reason,
        number=page,
        last=last,
        rows=browsed(batches, loaded.contract if loaded else None, look),
        whole=whole,
        gates=sorted({batch.gate for batch in batches}),
        state=batches[0].state,
        closed=len(house.history.closed_rows(run_id)),
        all_rows=sum(batch.rows for batch in batches),
    )


@router.get("/export")
def export(question: Reading, run_id: str, gate: str = "", form: Literal["csv", "ndjson", "parquet"] = "csv") -> Response:
    """A run's rows, whole, as a file to correct and replay."""
    if not question.house.values:
        raise NotAllowed("rows are not shown whole here: datasync ui --show-values allows it")
    question.contract_of(run_id)
    folder = tempfile.TemporaryDirectory(prefix="datasync-export-")
    file = Path(folder.name) / f"rows.{form}"
    try:
        export_rows(question.house.project, run_id, gate or None, file)
    except BaseException:
        folder.cleanup()
        raise
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", run_id)[:100]
    return FileResponse(file, filename=f"{plain}.{form}", background=BackgroundTask(folder.cleanup))
