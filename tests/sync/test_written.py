"""The addresses of a run's pages are recorded with it, survive its release and rejection, and stand on every page of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import datasync
from datasync.history.store import History
from datasync.results.codec import from_json, to_json
from datasync.results.model import RunResult
from datasync.sync.held import reject, release
from datasync.sync.project import Project, open_project
from datasync.sync.reported import report_html
from tests.web.stage import make_project

LINKS = {"report": "https://air.example/datasync/dags/shop/runs/1", "Airflow run": "https://air.example/dags/shop/runs/1?a=1&b=2"}
HOLD = "on_violation: hold\ncount: {min: 50}\n"


def recorded(root: Path, run_id: str) -> RunResult:
    history = History(open_project(root).history_url)
    try:
        found = history.result(run_id)
    finally:
        history.close()
    assert found is not None
    return found


def test_they_are_recorded_and_shown(tmp_path: Path) -> None:
    result = datasync.load(make_project(tmp_path)).run(run_id="first", links=LINKS)
    assert recorded(tmp_path, "first") == result
    assert (result.report, result.links) == (LINKS["report"], {"Airflow run": LINKS["Airflow run"]})
    assert from_json(to_json(result)) == result
    assert 'href="https://air.example/dags/shop/runs/1?a=1&amp;b=2"' in report_html(open_project(tmp_path), result)


def test_a_run_that_broke_before_it_was_planned_has_them_too(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    (tmp_path / "shop.csv").unlink()
    result = datasync.load(file).run(run_id="first", links=LINKS)
    assert result.status == "error"
    assert recorded(tmp_path, "first").links == {"Airflow run": LINKS["Airflow run"]}


@pytest.mark.parametrize("decide", [release, reject])
def test_whoever_decides_a_held_run_keeps_them(tmp_path: Path, decide: Callable[[Project, str, str], RunResult]) -> None:
    datasync.load(make_project(tmp_path, more=HOLD)).run(run_id="first", links=LINKS)
    decide(open_project(tmp_path), "first", "seen")
    found = recorded(tmp_path, "first")
    assert found.status == ("warned" if decide is release else "failed")
    assert (found.report, found.links) == (LINKS["report"], {"Airflow run": LINKS["Airflow run"]})


def test_the_web_apps_address_is_the_report_of_a_run_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_project(tmp_path)
    assert datasync.load(file).run(run_id="first").report is None
    monkeypatch.setenv("DATASYNC_URL", "https://sync.example/")
    assert json.loads(to_json(datasync.load(file).run(run_id="second")))["report"] == "https://sync.example/runs/second"
