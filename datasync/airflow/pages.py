"""A signed-in request in, a page out: all contracts, or the report of one DAG run; each only with the right to see it."""

from __future__ import annotations

from pathlib import Path

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.sdk.configuration import conf
from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse

from datasync.airflow.links import MOUNT
from datasync.airflow.operators import origin_of
from datasync.contract.loader import find_contracts, load_contract
from datasync.errors import DataSyncError
from datasync.history import views
from datasync.history.store import History
from datasync.history.texts import KeptContract
from datasync.reports.html import ContractRow, contracts_page, message_page
from datasync.reports.html.listing import LAST
from datasync.reports.html.render import LIST_CSP
from datasync.sync.project import Project, open_project
from datasync.sync.recorded import recorded
from datasync.sync.reported import report_html

HEADERS = {
    "Content-Security-Policy": LIST_CSP + "; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
DEPENDS = Depends(requires_access_dag("GET", DagAccessEntity.RUN))


def project() -> Project:
    """The project whose history is shown: `[datasync] project`, else that of the DAGs' folder."""
    place = conf.get("datasync", "project", fallback="") or conf.get("core", "dags_folder")
    return open_project(Path(place))


def make_app() -> FastAPI:
    """Give the application that the plugin mounts; it has no documentation pages and no route without a signed-in person."""
    app = FastAPI(title="datasync", docs_url=None, redoc_url=None, openapi_url=None)
    app.get("/contracts", response_class=HTMLResponse)(contracts)
    app.get("/dags/{dag_id}/runs/{run_id:path}", response_class=HTMLResponse, dependencies=[DEPENDS])(validation)
    app.get("/contracts/{dag_id}/{datasync_run}", response_class=HTMLResponse, dependencies=[DEPENDS])(one_run)
    return app


def contracts(user: GetUserDep) -> HTMLResponse:
    """All contracts whose DAG the person may see, with their last runs."""
    allowed = get_auth_manager().get_authorized_dag_ids(user=user)
    known = project()
    names = {path_name for path_name in _names(known) if path_name in allowed}
    history = History(known.history_url)
    try:
        kept = {text.contract: text for text in views.contracts(history)}
        rows = [_row(history, name, kept.get(name)) for name in sorted(names)]
    finally:
        history.close()
    hrefs = {
        run.run_id: f"{MOUNT}/contracts/{row.name}/{run.run_id}" for row in rows for run in row.runs if run.status != "running"
    }
    return _page(contracts_page(rows, hrefs))


def validation(dag_id: str, run_id: str) -> HTMLResponse:
    """The report of the newest run of a DAG run."""
    known = project()
    history = History(known.history_url)
    try:
        found = [result for result in map(history.result, history.of_origin(origin_of(dag_id, run_id))) if result is not None]
    finally:
        history.close()
    if not found:
        return _page(message_page("Nothing to show yet", "No contract of this DAG run has been judged to its end."))
    return _page(report_html(known, found[0]))


def one_run(dag_id: str, datasync_run: str) -> HTMLResponse:
    """The report of one run of the contract that is the DAG's."""
    known = project()
    try:
        result = recorded(known, datasync_run)
    except DataSyncError:
        result = None
    if result is None or result.contract != dag_id:
        return _page(message_page("There is no such run", "It may have been cleaned away."), 404)
    return _page(report_html(known, result, {"The DAG": f"/dags/{dag_id}"}))


def _row(history: History, name: str, kept: KeptContract | None) -> ContractRow:
    runs = views.last_runs(history, name, LAST, None)
    return ContractRow(name, runs, owner=kept.owner if kept else "", tags=kept.tags if kept else ())


def _names(known: Project) -> set[str]:
    """Names of the contracts in the project and of those that history knows."""
    names = set()
    folder = known.root / "contracts"
    for path in find_contracts([folder]) if folder.is_dir() else ():
        try:
            names.add(load_contract(path).contract.contract)
        except DataSyncError:
            continue
    history = History(known.history_url)
    try:
        return names | {row.contract for row in history.list_runs(limit=1000)}
    finally:
        history.close()


def _page(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status_code=status, headers=HEADERS)
