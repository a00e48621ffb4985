"""Runs started, released and rejected from the app, in processes of their own; and the plan that it shows."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from datasync.alerts.slack_desk import StartRequest
from datasync.cli.starting import Processes
from datasync.errors import UsageError
from datasync.sync.project import open_project
from tests.web.stage import Visitor, make_project, run, visitor

HOLD = "on_violation: hold\ncount: {min: 50}\n"


def waited(found: Visitor, word: str) -> str:
    for _ in range(240):
        text = str(found.get("/running").text)
        if word in text:
            return text
        time.sleep(0.25)
    raise AssertionError(text)


def test_a_contract_is_run_and_its_rows_replayed(tmp_path: Path) -> None:
    make_project(tmp_path)
    runs = Processes(open_project(tmp_path, {}))
    with visitor(tmp_path, start=runs.start) as found:
        assert "Run now" in found.get("/contracts/shop").text
        assert found.post("/start", what="run", contract="shop").headers["location"] == "/running"
        assert "tester in the web app" in waited(found, ">done<")
        (row,) = found.history.list_runs()
        assert row.status == "warned"
        assert "Run again" in found.get(f"/runs/{row.run_id}").text
        file = tmp_path / "contracts" / "shop.yaml"
        file.write_text(file.read_text().replace("[Seoul, Busan]", "[Seoul, Busan, Atlantis]"))
        found.post("/replay", run_id=row.run_id)
        for _ in range(240):
            if len(found.history.list_runs()) == 2 and all(job.over for job in found.client.app.state.jobs.newest):  # type: ignore[attr-defined]
                break
            time.sleep(0.25)
        replayed = found.history.list_runs()[0]
        assert (replayed.kind, replayed.published) == ("replay", 1)
        assert "closed since" in found.get(f"/quarantine/{row.run_id}").text
    runs.close()


def test_a_contract_is_found_by_its_name_and_how_its_run_ended_is_a_link(tmp_path: Path) -> None:
    make_project(tmp_path).rename(tmp_path / "contracts" / "of_another_name.yaml")
    runs = Processes(open_project(tmp_path, {}))
    with visitor(tmp_path, start=runs.start) as found:
        found.post("/start", what="run", contract="shop")
        text = waited(found, ">done<")
        (row,) = found.history.list_runs()
        assert f'<a href="/runs/{row.run_id}"><span class="pill warn">! warned</span></a>' in text
        assert '<span class="pill none">done' in text
    runs.close()


def test_a_held_run_is_rejected_with_a_reason(tmp_path: Path) -> None:
    assert run(make_project(tmp_path, more=HOLD), "first").status == "held"
    runs = Processes(open_project(tmp_path, {}))
    with visitor(tmp_path, start=runs.start) as found:
        page = found.get("/runs/first").text
        assert 'value="release"' in page
        assert 'value="reject"' in page
        assert found.post("/start", what="reject", run_id="first").status_code == 400
        found.post("/start", what="reject", run_id="first", reason="--wrong '; rm")
        waited(found, ">done<")
        result = found.history.result("first")
        assert result is not None
        assert (result.status, result.notes[-1]) == ("failed", "rejected: --wrong '; rm (by tester in the web app)")
    runs.close()


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    run(make_project(tmp_path), "first")

    def start(request: StartRequest) -> str:
        raise UsageError("there is no contract <b>", code="E_START")

    with visitor(tmp_path, start=start) as found:
        found.post("/start", what="run", contract="nobody<b>")
        assert "there is no contract &lt;b&gt;" in waited(found, ">failed<")
        assert found.post("/start", what="rerun", run_id="nobody").status_code == 404
        for what in ("explode", "replay", ""):
            assert found.post("/start", what=what, run_id="first").status_code == 400
        assert found.post("/start", what="run", contract="shop", mark="").status_code == 403


def test_the_same_thing_is_not_started_twice_at_once(tmp_path: Path) -> None:
    run(make_project(tmp_path), "first")
    go, begun = threading.Event(), []

    def start(request: StartRequest) -> str:
        begun.append(request)
        go.wait(30)
        return "done"

    with visitor(tmp_path, start=start) as found:
        for _ in range(3):
            assert found.post("/start", what="rerun", run_id="first").status_code == 303
        go.set()
        waited(found, ">done<")
    assert len(begun) == 1


@pytest.mark.parametrize("more", [{"read_only": True, "start": lambda request: ""}, {}])
def test_where_nothing_is_started_nothing_is_offered(tmp_path: Path, more: dict[str, object]) -> None:
    run(make_project(tmp_path, more=HOLD), "first")
    with visitor(tmp_path, **more) as found:
        assert "<button" not in found.get("/runs/first").text
        assert "Run now" not in found.get("/contracts/shop").text
        assert found.post("/start", what="run", contract="shop").status_code in (400, 403)
        assert found.history.list_runs()[0].status == "held"


def test_a_plan_is_shown_or_why_there_is_none(tmp_path: Path) -> None:
    make_project(tmp_path)
    with visitor(tmp_path) as found:
        text = found.get("/contracts/shop/plan").text
        assert "judge every row by" in text
        assert "CREATE TABLE" in text
        (tmp_path / "shop.csv").unlink()
        text = found.get("/contracts/shop/plan").text
        assert 'role="alert"' in text
        assert found.get("/contracts/nobody/plan").status_code == 404
        assert found.history.list_runs() == []


def test_what_was_started_is_still_known_when_the_app_is_started_again(tmp_path: Path) -> None:
    run(make_project(tmp_path), "first")
    go = threading.Event()

    def start(request: StartRequest) -> str:
        return "shop: it went well" if request.what == "run" else str(go.wait(30))

    with visitor(tmp_path, start=start) as found:
        found.post("/start", what="run", contract="shop")
        waited(found, "it went well")
        found.post("/start", what="rerun", run_id="first")
        waited(found, ">goes on<")
        with visitor(tmp_path, start=start) as other:
            # Another process that serves the same project knows of it too, and starts nothing twice.
            assert "it went well" in other.get("/running").text
            assert ">goes on<" in other.get("/running").text
            other.post("/start", what="rerun", run_id="first")
            assert len(other.client.app.state.jobs.newest) == 2  # type: ignore[attr-defined]
        go.set()
        waited(found, "True")


def test_what_a_killed_app_began_is_said_to_be_lost(tmp_path: Path) -> None:
    make_project(tmp_path)
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom datasync.alerts.slack_desk import StartRequest\n"
        "from datasync.web.jobs import Jobs\njobs = Jobs(lambda request: time.sleep(60) or '', Path(sys.argv[1]))\n"
        "jobs.begin(StartRequest('run', '', 'shop', 'ada in the web app'))\nprint('begun', flush=True)\ntime.sleep(60)\n"
    )
    app = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / ".datasync")], stdout=subprocess.PIPE, text=True)
    assert app.stdout is not None
    with app, app.stdout:
        assert app.stdout.readline() == "begun\n"
        with visitor(tmp_path) as found:
            assert ">goes on<" in waited(found, ">goes on<")
            app.kill()
            app.wait(10)
            assert "ada in the web app" in waited(found, ">lost<")


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    make_project(tmp_path)
    with visitor(tmp_path, start=lambda request: "done") as found:
        for number in range(25):
            found.client.app.state.jobs.begin(StartRequest("run", "", f"shop?number={number}", "ada"))  # type: ignore[attr-defined]
            waited(found, f"shop?number={number}<")
            for _ in range(100):
                if all(job.over for job in found.client.app.state.jobs.newest):  # type: ignore[attr-defined]
                    break
                time.sleep(0.05)
        assert len(list((tmp_path / ".datasync" / "started").iterdir())) == 20
        (tmp_path / ".datasync" / "started" / f"{'9' * 20}-{'0' * 8}.json").write_text("[]", encoding="utf-8")
        assert found.get("/running").status_code == 200
