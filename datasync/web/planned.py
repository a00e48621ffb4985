"""A contract's name in, the steps that a run of it would take now out; no data is read."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from datasync.errors import DataSyncError, UsageError
from datasync.sync.api import load
from datasync.web.asked import NotAllowed, Reading
from datasync.web.catalogue import files_of

router = APIRouter()


@router.get("/contracts/{name}/plan")
def plan(question: Reading, name: str) -> HTMLResponse:
    """What `datasync plan` says; where it cannot be planned, why not."""
    question.know(name)
    if not question.person.may(name, "run"):
        raise NotAllowed(f"{question.person.name} may not run {name}: a plan asks its source and its target")
    file = next((file for file in files_of(question.house.project) if file.name == name), None)
    if file is None:
        raise UsageError(f"no contract '{name[:63]}' lies in contracts/", code="E_NO_CONTRACT")
    error: DataSyncError | None = None
    steps: tuple[object, ...] = ()
    try:
        steps = load(file.file).plan(connections=question.house.connections)
    except DataSyncError as found:
        error = found
    return question.page("plan.html.j2", "Contracts", name=name, path=file.path, steps=steps, error=error)
