"""A whole Airflow on this machine: runs that pass, break, are cleared, killed, held and refused; and what a person sees of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datasync.history.store import History
from tests.airflow.project import ROWS, make_project
from tools.local_airflow import LOGIN, READER, LocalAirflow

RELEASE = "taskInstances/load.release/-1/hitlDetails"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("standalone") / "project")


@pytest.fixture(scope="module")
def airflow(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    points = f"publish.after_commit=kill_if:{project / 'kill_publish'}"
    running = LocalAirflow(tmp_path_factory.mktemp("standalone_home"), project, extra={"DATASYNC_FAILPOINTS": points})
    running.start()
    try:
        running.wait_for_dags({"passing", "held", "appended", "wrong"})
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
    # No person answers within the second in which Airflow still books the deferral.
    time.sleep(5)
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


def status(url: str) -> int:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_pages_are_for_signed_in_people(airflow: LocalAirflow) -> None:
    assert status(f"{airflow.url}/datasync/contracts") == 401
    assert status(f"{airflow.url}/datasync/dags/passing/runs/x") == 401
    assert status(f"{airflow.url}/datasync/openapi.json") in (401, 404)


@pytest.mark.parametrize("user", [LOGIN, READER])
def test_what_a_person_sees(airflow: LocalAirflow, user: str, tmp_path: Path) -> None:
    from urllib.parse import quote

    from playwright.sync_api import sync_playwright

    run = airflow.api("GET", "/dags/broken_data/dagRuns")["dag_runs"][0]["dag_run_id"]
    outside: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on(
            "request", lambda request: None if request.url.startswith((airflow.url, "data:")) else outside.append(request.url)
        )
        page.goto(airflow.url)
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", user)
        page.click("button[type=submit]")
        page.wait_for_url(f"{airflow.url}/**")
        page.wait_for_timeout(2000)
        page.goto(f"{airflow.url}/dags/broken_data/runs/{quote(run, safe='')}/plugin/datasync-validation")
        frame = page.frame_locator("iframe")
        frame.locator("h1").wait_for(timeout=30_000)
        assert "broken_data" in frame.locator("h1").inner_text()
        assert "published" in frame.locator(".sentence").inner_text()
        assert page.get_by_text("Validation", exact=True).count() >= 1
        page.screenshot(path=str(tmp_path / "validation.png"))
        page.goto(f"{airflow.url}/plugin/datasync-contracts/datasync/contracts")
        listed = page.frame_locator("iframe").locator("tbody th")
        listed.first.wait_for(timeout=30_000)
        # Owner and tags stand below the name.
        names = [text.split("\n")[0].strip() for text in listed.all_inner_texts()]
        page.screenshot(path=str(tmp_path / "contracts.png"))
        browser.close()
    assert {"passing", "broken_data", "held"} <= set(names)
    assert not [url for url in outside if "127.0.0.1" not in url]
