"""Sends that broke off: the next run finishes them first, or says why it cannot; what was acknowledged is not sent again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from datasync.failpoints import VARIABLE
from tests.connectors.api.project import Project
from tests.connectors.api.server import Api, Received, Reply, ok

IDS = [1, 2, 3, 4, 5]
REJECTING = 'response: {rejected: "$.errors[*]"}'


def _ids(api: Api) -> list[int]:
    return [row["id"] for row in api.rows()]


def _down(request: Received) -> Reply | None:
    """The API is down from the second batch on."""
    return ok(None, 401) if request.json[0]["id"] >= 3 else None


@pytest.mark.parametrize("write", ["append", "merge"])
def test_the_next_run_finishes_first(project: Project, api: Api, write: str) -> None:
    project.write(write=write)
    api.before = _down
    code, broken = project.run()
    assert (code, broken["status"], broken["rows"]["published"], broken["error"]["code"]) == (3, "error", 2, "E_SIGN_IN")
    api.before = lambda request: None
    project.source([(1, "a", 1), (3, "changed since", 3), (6, "f", 6)])
    code, result = project.run()
    assert (code, result["rows"]["published"]) == (0, 1)
    assert any(broken["run_id"] in note and "finished now" in note for note in result["notes"])
    assert _ids(api) == [*IDS, 6]
    assert [row["name"] for row in api.rows()] == list("abcdef")
    _, finished = project.call("runs", "show", broken["run_id"])
    assert (finished["status"], finished["rows"]["published"]) == ("passed", 5)
    assert max(Counter(request.key for request in api.received).values()) == 2


def test_while_the_api_is_down_nothing_else_is_sent(project: Project, api: Api) -> None:
    api.before = _down
    _, broken = project.run()
    project.source([(6, "f", 6)])
    code, result = project.run()
    assert (code, result["status"], result["error"]["code"]) == (3, "error", "E_SIGN_IN")
    assert broken["run_id"] in result["error"]["message"]
    assert _ids(api) == [1, 2]


def test_it_can_be_finished_by_hand(project: Project, api: Api) -> None:
    api.before = _down
    _, broken = project.run()
    api.before = lambda request: None
    code, result = project.run("--from", "publish")
    assert (code, result["run_id"], result["rows"]["published"]) == (0, broken["run_id"], 5)
    assert _ids(api) == IDS


def test_the_same_run_id_again_goes_on(project: Project, api: Api) -> None:
    api.before = _down
    project.run("--run-id", "nightly")
    api.before = lambda request: None
    code, result = project.run("--run-id", "nightly")
    assert (code, result["status"], _ids(api)) == (0, "passed", IDS)


def _all_but_first(request: Received) -> Reply:
    return ok({"errors": [{"index": 0, "message": "no"}] if request.json[0]["id"] > 1 else []})


def test_an_append_that_was_stopped_waits_for_a_person(project: Project, api: Api) -> None:
    api.reply = _all_but_first
    project.write(REJECTING, more="quarantine: {allow: 10%}", write="append")
    code, stopped = project.run()
    assert (code, stopped["rows"]["published"], stopped["rows"]["quarantined"]) == (1, 3, 1)
    code, refused = project.run()
    assert (code, refused["error"]["code"]) == (4, "E_UNFINISHED_SEND")
    assert "runs release" in refused["error"]["hint"]
    assert len(api.received) == 2
    code, released = project.call("runs", "release", stopped["run_id"], "--reason", "let it")
    assert (code, released["status"]) == (0, "warned")
    assert (released["rows"]["published"], released["rows"]["quarantined"]) == (3, 2)
    assert [request.json[0]["id"] for request in api.received] == [1, 3, 5]
    assert project.run()[0] == 0
    assert len(api.received) == 3


def test_an_append_can_be_given_up(project: Project, api: Api) -> None:
    api.reply = _all_but_first
    project.write(REJECTING, more="quarantine: {allow: 10%}", write="append")
    _, stopped = project.run()
    code, rejected = project.call("runs", "reject", stopped["run_id"], "--reason", "we clean up there")
    assert (code, rejected["status"]) == (0, "failed")
    assert any("we clean up there" in note for note in rejected["notes"])
    api.reply = lambda request: ok({})
    code, result = project.run()
    assert (code, result["rows"]["published"]) == (0, 5)
    assert len({request.key for request in api.received}) == len(api.received)


def test_a_merge_that_was_stopped_starts_over(project: Project, api: Api) -> None:
    api.reply = _all_but_first
    project.write(REJECTING, more="quarantine: {allow: 10%}")
    _, stopped = project.run()
    api.reply = lambda request: ok({})
    code, result = project.run()
    assert (code, result["rows"]["published"]) == (0, 5)
    assert any(stopped["run_id"] in note and "given up" in note for note in result["notes"])
    assert _ids(api) == [1, 2, 3, 4, *IDS]


def test_another_contract_cannot_finish_it(project: Project, api: Api) -> None:
    project.write(write="append")
    api.before = _down
    project.run()
    api.before = lambda request: None
    project.write(write="append", more="quarantine: {allow: 60%}")
    code, result = project.run()
    assert (code, result["error"]["code"]) == (4, "E_UNFINISHED_SEND")
    project.write(write="append")
    assert project.run()[0] == 0
    assert _ids(api) == IDS


def test_a_run_that_was_sent_in_part_cannot_stage_again(project: Project, api: Api) -> None:
    api.before = _down
    _, broken = project.run()
    code, _ = project.run("--from", "audit", "--run-id", broken["run_id"])
    assert code in (2, 3, 4)
    assert _ids(api) == [1, 2]


def test_a_run_whose_end_nobody_recorded_does_not_stop_the_next(project: Project, api: Api) -> None:
    project.write(write="append")
    killed = _started(project, "history.before_record=kill")
    assert killed.wait(timeout=60) == -9
    project.write(write="append", more="quarantine: {allow: 60%}")
    project.source([(6, "f", 6)])
    code, result = project.run()
    assert (code, result["rows"]["published"], _ids(api)) == (0, 1, [*IDS, 6])
    assert any("cannot be recorded" in note for note in result["notes"])


def _started(project: Project, failpoint: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-c",
        "import sys; from datasync.cli.app import invoke; sys.exit(invoke(['run', 'items.yaml', '--json']))",
    ]
    return subprocess.Popen(
        command, env={**os.environ, VARIABLE: failpoint}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _wait_for(count: int, api: Api) -> None:
    deadline = time.monotonic() + 60
    while len(api.received) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(api.received) >= count


def test_two_runs_at_once(project: Project, api: Api) -> None:
    go = project.root / "go"
    first = _started(project, f"send.after_batch=wait:{go}")
    try:
        _wait_for(1, api)
        code, second = project.run()
        assert (code, second["error"]["code"]) == (4, "E_BUSY")
        assert len(api.received) == 1
    finally:
        go.touch()
        assert first.wait(timeout=60) == 0
    assert _ids(api) == IDS


def test_sigterm_ends_sending_and_the_next_run_goes_on(project: Project, api: Api) -> None:
    running = _started(project, "send.after_batch=sleep:1")
    _wait_for(1, api)
    running.terminate()
    assert running.wait(timeout=60) == 130
    sent = len(api.effects)
    assert sent < 3
    code, result = project.run()
    assert (code, _ids(api)) == (0, IDS)
    assert max(Counter(request.key for request in api.received).values()) == 1
    assert any("finished now" in note for note in result["notes"])
    interrupted = [row for row in project.call("runs", "list")[1] if row["run_id"] != result["run_id"]]
    assert [row["status"] for row in interrupted] == ["passed"]


def test_a_damaged_ledger_is_no_first_run(project: Project, api: Api) -> None:
    project.run()
    ledger = next((project.root / ".datasync" / "sends").glob("*/ledger.sqlite"))
    Path(ledger).write_bytes(b"junk" * 2000)
    code, result = project.run()
    assert code == 3
    assert "E_TARGET_STATE" in json.dumps(result)
    assert len(api.received) == 3
