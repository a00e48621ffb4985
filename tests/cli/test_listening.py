"""`datasync alerts listen` as people use it: a process that takes clicks, and starts runs in processes of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import datasync
from datasync.alerts.slack_desk import StartRequest
from datasync.cli.starting import Processes
from datasync.errors import DataSyncError, UsageError
from datasync.sync.project import open_project
from datasync.testing.slack import FakeSlack, Target

COMMAND = (sys.executable, "-m", "datasync.cli.app")
CONTRACT = """\
contract: shop
version: 1.0.0
source: {type: csv, path: shop.csv}
params: {region: {type: string, default: KR}}
columns:
  id:    {type: int64, key: true}
  price: {type: int64, required: true, min: 0}
on_violation: hold
quarantine: {allow: 90%}
count: {min: 3}
target: {type: sqlite, database: shop.sqlite, table: shop, write: replace}
alerts:
  - {when: violated or recovered, to: ["#data-alerts"]}
"""


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as fake:
        fake.gestures.patience = 30
        yield fake


@pytest.fixture
def project(tmp_path: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> Path:
    extra = {"base_url": slack.api_url, "app_token": "xapp-fake", "signing_secret": "fake-signing-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps({"conn_type": "slack", "password": "xoxb-fake", "extra": extra}))
    (tmp_path / "contracts").mkdir()
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "contracts" / "shop.yaml").write_text(CONTRACT)
    (tmp_path / "shop.csv").write_text("id,price\n1,5\n2,6\n")
    return tmp_path


@contextmanager
def listener(project: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [*COMMAND, "alerts", "listen", *more]
    process = subprocess.Popen(command, cwd=project, env=dict(os.environ), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def until(true: Callable[[], Any], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def run(project: Path, **options: Any) -> Any:
    return datasync.load(project / "contracts" / "shop.yaml").run(**options)


def test_a_held_run_is_released_and_run_again_from_slack(project: Path, slack: FakeSlack) -> None:
    assert run(project).status == "held"
    dana = slack.world.users["U0001"]
    with listener(project) as (_, first):
        assert "Socket Mode" in first
        (message,) = slack.parents("data-alerts")
        assert slack.gestures.click(message, "datasync.release", dana).status == 200
        until(lambda: any("published" in found.text for found in slack.world.messages if found.only_for))
        assert "2 rows were published" in slack.world.messages[-1].text
        (project / "shop.csv").write_text("id,price\n1,5\n2,6\n3,7\n")
        assert slack.gestures.command("run shop", dana).status == 200
        until(lambda: "met again" in str(slack.parents("data-alerts")[-1].blocks))
    assert "3 rows were published" in slack.world.messages[-1].text


def test_by_http(project: Path, slack: FakeSlack) -> None:
    run(project)
    with listener(project, "--port", "0") as (_, first):
        url = re.search(r"http://\S+", first)
        assert url
        slack.gestures.target = Target(f"{url[0]}interactions", f"{url[0]}commands")
        (message,) = slack.parents("data-alerts")
        assert slack.gestures.click(message, "datasync.acknowledge", slack.world.users["U0002"]).status == 200
        until(lambda: "acknowledged by kim" in str(message.blocks))
        slack.gestures.target = Target(f"{url[0]}interactions", secret="somebody else's")
        assert slack.gestures.click(message, "datasync.resolve", slack.world.users["U0002"]).status == 401


def asked(what: Any = "run", subject: str = "shop", run_id: str = "") -> StartRequest:
    return StartRequest(what, run_id, subject, "dana")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (asked(subject="nowhere"), "no contract"),
        (asked(subject="../shop"), "no contract"),
        (asked(subject="--help"), "no contract"),
        (asked(subject="shop?abc"), "params"),
        (asked(subject="shop?a=1, b"), "params"),
        (asked("release", run_id="--reason"), "no run"),
        (asked("release", run_id="20261127T000000-nosuch"), "there is no run"),
    ],
)
def test_what_is_not_started(project: Path, request_: StartRequest, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Processes(open_project(project)).start(request_)


def test_params_are_those_of_the_incident(project: Path) -> None:
    processes = Processes(open_project(project))
    assert processes._arguments(asked("rerun", "shop?region=US")) == [
        "run", str(project.resolve() / "contracts" / "shop.yaml"), "--param", "region=US", "--json",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="nowhere"):
        processes.start(asked("rerun", "shop?nowhere=1"))


def test_a_run_elsewhere_is_not_followed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """History may be shared: a path in it need not be one of this project."""
    from datetime import UTC, datetime

    from datasync.history.rows import RunFacts
    from datasync.history.store import History
    from datasync.results.model import RunResult

    other = tmp_path_factory.mktemp("other") / "evil.yaml"
    other.write_text(CONTRACT)
    home = open_project(project)
    history = History(home.history_url)
    now = datetime.now(UTC)
    facts = RunFacts("r1", "evil", "1", "s", "run", str(other), now)
    history.begin(facts)
    history.finish(facts, RunResult("evil", "1", "r1", "failed", now, path=str(other)), None, committed=False)
    history.close()
    with pytest.raises(UsageError, match="no contract 'evil'"):
        Processes(home).start(asked(subject="evil"))


def test_runs_end_with_the_listener(project: Path) -> None:
    script = "import signal, sys, time; print('{}', flush=True); time.sleep(60)"
    processes = Processes(open_project(project), (sys.executable, "-c", script))
    caught: list[DataSyncError] = []

    def work() -> None:
        try:
            processes.start(asked())
        except DataSyncError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: processes._running, 10)
    processes.close()
    thread.join(10)
    assert "ended without a result" in str(caught[0])
    with pytest.raises(UsageError, match="is ending"):
        processes.start(asked())
