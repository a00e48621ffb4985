"""Airflow's settings in, the web app that its plugin serves out: behind Airflow's sign-in, with the rights people have there."""

from __future__ import annotations

import atexit
import hashlib
import logging
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from airflow.configuration import conf
from fastapi import APIRouter, FastAPI
from fastapi.responses import RedirectResponse, Response

from datasync.airflow.links import base_url
from datasync.airflow.operators import origin_of
from datasync.airflow.places import airflow_connection
from datasync.airflow.rights import AirflowAccess
from datasync.airflow.through import STARTS, ThroughAirflow
from datasync.errors import DataSyncError
from datasync.history.store import History
from datasync.sync.project import Project, open_project
from datasync.web.access import Signed
from datasync.web.app import make_app as make_web_app
from datasync.web.asked import House, Reading
from datasync.web.hosting import slack_routes

log = logging.getLogger("datasync")
router = APIRouter()


def project() -> Project:
    """The project that is shown: `[datasync] project`, else that of the DAGs' folder."""
    place = conf.get("datasync", "project", fallback="") or conf.get("core", "dags_folder")
    return open_project(Path(place))


def make_app() -> FastAPI:
    """Give the application that the plugin mounts, open until the process ends.

    Raises:
        StorageError: history cannot be used.
    """
    known = project()
    history = History(known.history_url)
    key = hashlib.sha256(b"datasync forms|" + conf.get_mandatory_value("api", "secret_key").encode()).digest()
    house = House(
        known, history, AirflowAccess(known, history, Signed(key)), start=ThroughAirflow(known, history).start, starts=STARTS,
        connections=airflow_connection, sign_in=sign_in,
    )  # fmt: skip
    # Whoever holds it keeps the desk open: collected as garbage, it would turn all of Slack's requests away.
    until_the_end = ExitStack()
    atexit.register(until_the_end.close)
    try:
        slack = until_the_end.enter_context(slack_routes(house))
    except DataSyncError as error:
        log.info("Slack's requests are not taken: %s", error.message)
        slack = []
    app = make_web_app(house, slack, framed_by="'self'")
    app.include_router(router)
    return app


def sign_in(wanted: str) -> str:
    """Give Airflow's page for signing in, which leads back to what was wanted."""
    base = base_url()
    asked = urlsplit(wanted)
    place = urlsplit(base)._replace(path=asked.path, query=asked.query).geturl()
    return f"{base}/api/v2/auth/login?{urlencode({'next': place})}" if base else ""


@router.get("/dags/{dag_id}/runs/{run_id:path}")
def validation(question: Reading, dag_id: str, run_id: str) -> Response:
    """Lead to the newest run that a DAG run made, of those that whoever asks may know of."""
    history = question.house.history
    for made in history.of_origin(origin_of(dag_id, run_id)):
        if question.sees(history.contract_of(made) or ""):
            return RedirectResponse(question.at.run(made), 303)
    return question.page(
        "said.html.j2", title="Nothing to show yet", text="This DAG run has begun no run of a contract that you may see.", hint=""
    )
