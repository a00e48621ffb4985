"""Forms in, runs started, released, rejected or replayed out; and the page of what goes on."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, get_args

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from datasync.alerts.interactions import StartWhat
from datasync.alerts.observing import contract_in, subject_of
from datasync.alerts.slack_desk import StartRequest
from datasync.errors import StorageError, UsageError
from datasync.history import views
from datasync.history.rows import RunRow
from datasync.sync.progress import read_progress
from datasync.web.asked import Asked, Changing, Reading, deed_of
from datasync.web.jobs import Job

router = APIRouter()
WORDS = {"run": "Run", "rerun": "Run again", "release": "Release", "reject": "Reject", "replay": "Replay"}
SUFFIXES = (".csv", ".ndjson", ".parquet")
CHUNK = 1 << 20
_RUN = re.compile(r"\(run ([A-Za-z0-9][A-Za-z0-9_.:+-]{0,99})\)")
"""A run in what is said of a job's end, as whoever starts it names it."""
MOST = 30
"""Runs that are shown to go on."""


@router.get("/running")
def running(question: Reading) -> HTMLResponse:
    """What goes on: runs of every process that shares the history, and what was started here."""
    return question.page("running.html.j2", "Running", **_going(question))


@router.get("/running/part")
def running_part(question: Reading) -> HTMLResponse:
    """The part of that page that changes, for its script."""
    return question.page("running_part.html.j2", "Running", **_going(question))


def _going(question: Asked) -> dict[str, Any]:
    house = question.house
    runs = [
        (run, read_progress(house.project.run_folder(run.contract, run.run_id)))
        for run in views.running(house.history, MOST, question.person.contracts)
    ]
    jobs = [job for job in question.jobs.newest if question.sees(contract_in(job.request.subject))]
    return {"runs": runs, "jobs": jobs, "verbs": WORDS, "ended": {job.name: _ended(question, job) for job in jobs}}


def _ended(question: Asked, job: Job) -> list[RunRow]:
    """Give the runs that a job came to: their own verdict and page say more than that the job is done."""
    found = (views.run(question.house.history, run_id) for run_id in _RUN.findall(job.said))
    return [run for run in found if run is not None and question.sees(run.contract)]


@router.post("/start")
def start(
    question: Changing,
    what: Annotated[str, Form()],
    run_id: Annotated[str, Form()] = "",
    contract: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Run a contract, run one again as it was, or decide a held run."""
    if what not in get_args(StartWhat) or what == "replay" or what not in question.house.starts:
        raise UsageError(f"nobody can '{what[:40]}' a run", code="E_START")
    if what in ("release", "reject") and not reason.strip():
        raise UsageError("a reason is needed: it is kept with the run", code="E_START")
    subject = contract if what == "run" else _subject(question, run_id)
    question.insist(contract_in(subject), deed_of(what))
    _begin(question, StartRequest(what, run_id, subject, f"{question.person.name} in the web app", reason.strip()[:500]))  # type: ignore[arg-type]
    return RedirectResponse(question.at.to("running"), 303)


@router.post("/replay")
def replay(question: Changing, run_id: Annotated[str, Form()], rows: Annotated[UploadFile | None, File()] = None) -> Response:
    """Send a run's open rows through the gates again: corrected ones, or as they are."""
    subject = _subject(question, run_id)
    if "replay" not in question.house.starts:
        raise UsageError("rows are not replayed from here", code="E_START", hint="datasync quarantine replay")
    question.insist(contract_in(subject), "run")
    data = _kept(question, rows) if rows is not None and rows.filename else None
    by = f"{question.person.name} in the web app"
    _begin(question, StartRequest("replay", run_id, subject, by, data=data))
    return RedirectResponse(question.at.to("running"), 303)


def _begin(question: Asked, request: StartRequest) -> None:
    taken = False
    try:
        taken = question.jobs.begin(request)
    finally:
        if not taken and request.data is not None:
            request.data.unlink(missing_ok=True)


def _kept(question: Asked, rows: UploadFile) -> Path:
    """Keep corrected rows until they were replayed; of the file's own name only the kind counts."""
    suffix = Path(rows.filename or "").suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"corrected rows come as {', '.join(SUFFIXES)}", code="E_REPLAY", hint="begin with an export")
    folder = question.house.project.home / "uploads"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, suffix=suffix, delete=False) as kept:
            while chunk := rows.file.read(CHUNK):
                kept.write(chunk)
    except OSError as error:
        raise StorageError("the corrected rows cannot be kept", code="E_WORKSPACE") from error
    return Path(kept.name)


def _subject(question: Asked, run_id: str) -> str:
    """Give contract and params of a run, as they were.

    Raises:
        UsageError: there is no such run.
    """
    contract = question.contract_of(run_id)
    manifest = question.house.project.run_folder(contract, run_id).read_manifest() or {}
    return subject_of(contract, manifest.get("asked", {}).get("params", {}))
