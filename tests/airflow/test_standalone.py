"""A whole Airflow on this machine: runs that pass, break, are cleared, killed, held and refused; and what a person sees of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import duckdb
import pytest

from datasync.history.store import History
from datasync.testing.slack.gestures import signature
from tests.airflow.browsing import PLUGIN, ask, signed_in
from tests.airflow.people import GUEST, OF_GUEST, STRANGER, USERS
from tests.airflow.project import ROWS, make_project
from tools.local_airflow import LOGIN, READER, LocalAirflow

SECRET = "made up and long"
PEOPLE = {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": USERS,
    "AIRFLOW_CONN_SLACK_DEFAULT": json.dumps(
        {"conn_type": "slack", "password": "xoxb-made-up", "extra": {"signing_secret": SECRET}}
    ),
}
# As seldom as Airflow by itself: no DAG file changes here, and to read them every few seconds takes as long as all the runs.
SELDOM = {"AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "300", "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30"}
RELEASE = "taskInstances/load.release/-1/hitlDetails"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("standalone") / "project")


@pytest.fixture(scope="module")
def airflow(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    points = f"publish.after_commit=kill_if:{project / 'kill_publish'}"
    running = LocalAirflow(
        tmp_path_factory.mktemp("standalone_home"), project, extra=PEOPLE | SELDOM | {"DATASYNC_FAILPOINTS": points}
    )
    running.start()
    try:
        running.wait_for_dags({"passing", "held", "appended", "wrong"}, 180)
        yield running
    finally:
        running.stop()


def until(found: Callable[[], Any], seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(1)
    return value


def rows(project: Path, name: str) -> list[int]:
    with duckdb.connect(str(project / f"{name}.duckdb"), read_only=True) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM t ORDER BY id").fetchall()]


def cli(project: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "datasync.cli.app", *arguments], cwd=project, env=os.environ | environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def test_runs_pass_break_and_are_cleared(airflow: LocalAirflow, project: Path) -> None:
    runs = {name: airflow.trigger(name) for name in ("passing", "broken_data")}
    assert airflow.finished("passing", runs["passing"]) == "success"
    assert rows(project, "passing") == [1, 2, 3, 4]
    assert airflow.finished("broken_data", runs["broken_data"]) == "failed"
    states = airflow.tasks("broken_data", runs["broken_data"])
    assert (states["transform.gate_prepared"], states["load.stage"], states["notify"]) == ("failed", "upstream_failed", "success")

    # The source is mended; clearing its first task starts the run over.
    (project / "rows.csv").write_text(ROWS.replace(",-1,", ",1,"), encoding="utf-8")
    airflow.api(
        "POST", "/dags/broken_data/clearTaskInstances",
        {"dry_run": False, "dag_run_id": runs["broken_data"], "task_ids": ["extract.extract"], "include_downstream": True,
         "only_failed": False, "reset_dag_runs": True},
    )  # fmt: skip
    until(lambda: airflow.state("broken_data", runs["broken_data"]) != "failed")
    assert airflow.finished("broken_data", runs["broken_data"]) == "success"
    assert rows(project, "broken_data") == [1, 2, 3]
    (project / "rows.csv").write_text(ROWS, encoding="utf-8")


def test_a_worker_killed_behind_the_commit_publishes_once(airflow: LocalAirflow, project: Path) -> None:
    (project / "kill_publish").touch()
    run = airflow.trigger("appended")
    assert airflow.finished("appended", run, 240) == "success"
    assert not (project / "kill_publish").exists()
    assert rows(project, "appended") == [1, 2, 3, 4]
    found = airflow.api("GET", f"/dags/appended/dagRuns/{run}/taskInstances/load.publish")
    assert found["try_number"] == 2


def test_a_held_run_is_released_in_airflow(airflow: LocalAirflow, project: Path) -> None:
    run = airflow.trigger("held")
    until(lambda: airflow.tasks("held", run).get("load.release") == "deferred")
    # A person may answer while Airflow still books the deferral: then it tries the task again, and the answer must count.
    asked = airflow.api("GET", f"/dags/held/dagRuns/{run}/{RELEASE}")
    assert "v.min: 1 of 4 rows" in asked["body"]
    answer = {"chosen_options": ["Release"], "params_input": {"reason": "seen with the owner"}}
    airflow.api("PATCH", f"/dags/held/dagRuns/{run}/{RELEASE}", answer)
    assert airflow.finished("held", run) == "success"
    assert rows(project, "held") == [1, 2, 4]
    history = History(f"sqlite:///{project / '.datasync' / 'history.db'}")
    try:
        result = history.result(history.list_runs("held", None, 1)[0].run_id)
    finally:
        history.close()
    assert result is not None
    assert result.status == "warned"
    assert result.notes == ("released: admin in Airflow: seen with the owner",)


def test_a_held_run_is_rejected_from_the_command_line(airflow: LocalAirflow, project: Path) -> None:
    run = airflow.trigger("fused_held")
    until(lambda: airflow.tasks("fused_held", run).get("release") == "deferred")
    history = History(f"sqlite:///{project / '.datasync' / 'history.db'}")
    held = history.list_runs("fused_held", "held", 1)[0].run_id
    history.close()
    done = cli(project, "runs", "reject", held, "--reason", "wrong month")
    done.communicate(timeout=60)
    assert airflow.finished("fused_held", run) == "failed"
    states = airflow.tasks("fused_held", run)
    assert (states["sync"], states["release"], states["publish"]) == ("success", "failed", "upstream_failed")


def test_a_second_run_of_a_sync_is_refused(airflow: LocalAirflow, project: Path) -> None:
    go = project / "go_on"
    first = cli(project, "run", "contracts/fused.yaml", DATASYNC_FAILPOINTS=f"extract.connected=wait:{go}")
    try:
        history = History(f"sqlite:///{project / '.datasync' / 'history.db'}")
        until(lambda: history.list_runs("fused", "running", 1))
        history.close()
        run = airflow.trigger("fused")
        assert airflow.finished("fused", run) == "failed"
        assert airflow.api("GET", f"/dags/fused/dagRuns/{run}/taskInstances/sync")["try_number"] == 1
    finally:
        go.touch()
        said = first.communicate(timeout=90)[0]
    assert first.returncode == 0, said


def test_the_sensor_waits_without_a_worker(airflow: LocalAirflow, project: Path) -> None:
    assert airflow.finished("waiting", airflow.trigger("waiting")) == "success"
    run = airflow.trigger("waiting")
    until(lambda: airflow.tasks("waiting", run).get("detect_changes") == "deferred")
    (project / "rows.csv").write_text(ROWS + "5,9,2026-01-05T00:00:00Z\n", encoding="utf-8")
    assert airflow.finished("waiting", run) == "success"
    assert rows(project, "waiting") == [1, 2, 3, 4, 5]
    (project / "rows.csv").write_text(ROWS, encoding="utf-8")


@pytest.fixture(scope="module")
def guarded(airflow: LocalAirflow, project: Path) -> Iterator[LocalAirflow]:
    """The same Airflow through an API server that grants rights DAG by DAG; `standalone` itself only knows roles."""
    root = str(Path(__file__).resolve().parent.parent.parent)
    manager = {"AIRFLOW__CORE__AUTH_MANAGER": "tests.airflow.manager.PerDag", "PYTHONPATH": root}
    server = LocalAirflow(airflow.home, project, extra=PEOPLE | manager, part="api-server")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def judged(airflow: LocalAirflow) -> str:
    """A DAG run of `broken_data` that is over, whatever became of it."""
    runs = airflow.api("GET", "/dags/broken_data/dagRuns")["dag_runs"]
    run = str(runs[0]["dag_run_id"]) if runs else airflow.trigger("broken_data")
    airflow.finished("broken_data", run, 400)
    return run


def test_pages_are_for_signed_in_people(airflow: LocalAirflow) -> None:
    for path in ("/", "/runs/x", "/incidents", "/metrics", "/dags/passing/runs/x", "/nothing"):
        assert ask(airflow, f"/datasync{path}")[0] in (401, 404), path
    assert ask(airflow, "/datasync/openapi.json")[0] in (401, 404)
    assert ask(airflow, "/datasync/health")[0] == 200
    # A person with a browser is led to Airflow's page for it, and back.
    status, to = ask(airflow, "/datasync/incidents?contract=held", Accept="text/html")
    assert (status, to) == (
        303,
        f"{airflow.url}/api/v2/auth/login?next={quote(f'{airflow.url}/datasync/incidents?contract=held', safe='')}",
    )
    # Slack signs its own requests; what it did not sign gets no further.
    assert ask(airflow, "/datasync/slack/interactions", fields={"payload": "{}"}) == (
        401,
        '{"error":"not signed by Slack, or here before"}',
    )


@pytest.mark.parametrize("user", [LOGIN, READER])
def test_what_a_person_sees(airflow: LocalAirflow, judged: str, user: str) -> None:
    run = judged
    with signed_in(airflow, user) as person:
        frame = person.goto(f"/dags/broken_data/runs/{quote(run, safe='')}/plugin/datasync-validation", "broken_data")
        assert frame.locator(".sentence").inner_text()
        links = {link.inner_text(): link for link in frame.locator("a[target=_top]").all()}
        assert set(links) == {"Airflow run", "Airflow log"}
        # Airflow frames us in a sandbox, out of which no link leads by itself.
        links["Airflow run"].click()
        person.page.wait_for_url(f"**/dags/broken_data/runs/{quote(run, safe='')}", timeout=60_000)
        person.page.get_by_text("Task Instances").first.wait_for(timeout=60_000)

        person.page.get_by_text("Browse", exact=True).click()
        person.page.get_by_text("Data contracts").first.click()
        frame = person.framed("Data contracts")
        names = {link.inner_text() for link in frame.locator("tbody th a").all()}
        frame.locator("nav.app a", has_text="Incidents").click()
        frame = person.framed("Incidents")
        assert (frame.locator("button").count() > 0) == (user == LOGIN)
        person.page.wait_for_url(f"{airflow.url}{PLUGIN}/datasync/incidents")
        assert {"passing", "broken_data", "held"} <= names
        assert person.wrong == []


def test_a_contract_is_run_and_its_incident_handled_in_the_app(airflow: LocalAirflow, project: Path) -> None:
    history = History(f"sqlite:///{project / '.datasync' / 'history.db'}")
    with signed_in(airflow, LOGIN) as person:
        frame = person.goto(f"{PLUGIN}/datasync/contracts/fused_broken", "fused_broken")
        frame.get_by_text("Run now").click()
        person.framed("What goes on").get_by_text("is paused").first.wait_for(timeout=60_000)
        airflow.api("PATCH", "/dags/fused_broken", {"is_paused": False})
        person.goto(f"{PLUGIN}/datasync/contracts/fused_broken", "fused_broken").get_by_text("Run now").click()
        person.framed("What goes on").get_by_text("Airflow runs it: DAG run manual__").wait_for(timeout=60_000)
        (run,) = airflow.api("GET", "/dags/fused_broken/dagRuns")["dag_runs"]
        assert run["triggering_user_name"] == "admin in the web app"
        assert airflow.finished("fused_broken", run["dag_run_id"]) == "failed"
        result = history.result(history.list_runs("fused_broken", None, 1)[0].run_id)
        assert result is not None
        assert result.links["Airflow run"] == f"{airflow.url}/dags/fused_broken/runs/{quote(run['dag_run_id'], safe='')}"
        assert "/tasks/sync" in result.links["Airflow log"]
        assert result.report == f"{airflow.url}/datasync/dags/fused_broken/runs/{quote(run['dag_run_id'], safe='')}"

        frame = person.goto(f"{PLUGIN}/datasync/incidents?contract=fused_broken", "Incidents")
        frame.locator("tbody code").first.click()
        frame = person.framed("fused_broken")
        frame.locator("button", has_text="Acknowledge").click()
        frame.locator("h1 .pill", has_text="acknowledged").wait_for(timeout=60_000)
        assert person.wrong == []
    with history.ledger() as ledger:
        (incident,) = ledger.incidents.listed(contract="fused_broken")
        event = ledger.incidents.events(incident.id)[-1]
    history.close()
    assert (incident.state, event.who, event.via) == ("acknowledged", "admin", "web")


def test_a_signed_command_of_slack_starts_a_dag_run(airflow: LocalAirflow) -> None:
    airflow.api("PATCH", "/dags/passing", {"is_paused": False})
    command = {"command": "/datasync", "text": "run passing", "team_id": "T1", "channel_id": "C1", "user_id": "U1", "user_name": "kim",
               "trigger_id": "1.2.a", "response_url": ""}  # fmt: skip
    stamp = str(int(time.time()))
    signed = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature(SECRET, stamp, urlencode(command))}
    assert ask(airflow, "/datasync/slack/commands", fields=command, **signed)[0] == 200
    # The same request again starts nothing.
    assert ask(airflow, "/datasync/slack/commands", fields=command, **signed)[0] == 401

    def started() -> list[str]:
        runs = airflow.api("GET", "/dags/passing/dagRuns")["dag_runs"]
        return [run["dag_run_id"] for run in runs if run["triggering_user_name"] == "kim in Slack (T1/U1)"]

    (run,) = until(started)
    assert airflow.finished("passing", run) == "success"


def test_a_held_run_is_released_in_the_app(airflow: LocalAirflow, project: Path) -> None:
    run = airflow.trigger("fused_held")
    until(lambda: airflow.tasks("fused_held", run).get("release") == "deferred")
    time.sleep(5)
    history = History(f"sqlite:///{project / '.datasync' / 'history.db'}")
    held = history.list_runs("fused_held", "held", 1)[0].run_id
    with signed_in(airflow, LOGIN) as person:
        frame = person.goto(f"{PLUGIN}/datasync/runs/{held}", "fused_held")
        frame.locator("input[name=reason]").first.fill("seen with the owner")
        frame.locator("button", has_text="Release").click()
        person.framed("What goes on").get_by_text("Airflow was told: release").wait_for(timeout=60_000)
        assert person.wrong == []
    assert airflow.finished("fused_held", run) == "success"
    result = history.result(held)
    history.close()
    assert result is not None
    assert (result.status, result.notes) == ("warned", ("released: admin in the web app: seen with the owner",))
    assert rows(project, "fused_held") == [1, 2, 4]
    assert "Airflow run" in result.links


def test_people_see_only_the_contracts_of_their_dags(guarded: LocalAirflow, judged: str) -> None:
    door = f"/datasync/dags/broken_data/runs/{quote(judged, safe='')}"
    for user, seen, hidden in (
        (GUEST, OF_GUEST, ("fused_held", "fused_broken", "daily")),
        (STRANGER, (), (*OF_GUEST, "fused_broken")),
    ):
        for page in ("", "incidents?everything=true", "quarantine", "figures", "running", "metrics", "files"):
            status, text = ask(guarded, f"/datasync/{page}", user)
            assert status == 200
            found = [name for name in hidden if re.search(rf"\b{name}\b", text)]
            assert found == [], (user, page)
            assert page not in ("", "files") or all(name in text for name in seen), (user, page)
        for name in hidden:
            assert ask(guarded, f"/datasync/contracts/{name}", user)[0] == 404
            assert ask(guarded, f"/datasync/contracts/{name}/plan", user)[0] == 404
    assert ask(guarded, door, GUEST)[0] == 303
    assert "Nothing to show yet" in ask(guarded, door, STRANGER)[1]
    with signed_in(guarded, STRANGER) as person:
        frame = person.goto(PLUGIN, "Data contracts")
        assert frame.locator("tbody tr").count() == 0
        assert person.wrong == []


def test_forms_are_taken_from_the_app_alone_and_from_those_who_may(guarded: LocalAirflow) -> None:
    act = {"action": "resolve", "numbers": "1", "mark": "0" * 64}
    assert ask(guarded, "/datasync/incidents/act", "", act)[0] == 401
    assert ask(guarded, "/datasync/incidents/act", LOGIN, act)[0] == 403
    mark = re.search(r'name="mark" value="([0-9a-f]+)"', ask(guarded, "/datasync/files/passing.yaml", READER)[1])
    assert mark is not None
    assert ask(guarded, "/datasync/incidents/act", READER, act | {"mark": mark[1]})[0] in (403, 404)
    assert ask(guarded, "/datasync/start", READER, {"what": "run", "contract": "passing", "mark": mark[1]})[0] == 403
    crossed = {"Sec-Fetch-Site": "cross-site"}
    assert ask(guarded, "/datasync/start", LOGIN, {"what": "run", "contract": "passing", "mark": mark[1]}, **crossed)[0] == 403
