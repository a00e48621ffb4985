"""`datasync ui` as people start it: the address it prints, who is refused, and that it ends when told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.web.stage import make_project

COMMAND = (sys.executable, "-m", "datasync.cli.app", "ui")


def begin(project: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATASYNC_")}
    return subprocess.Popen(
        [*COMMAND, *arguments], cwd=project, env=kept | environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_address_and_ends_when_told(tmp_path: Path, number: signal.Signals) -> None:
    make_project(tmp_path)
    process = begin(tmp_path, "--port", "0")
    try:
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("listening at ").strip()
        with urllib.request.urlopen(address, timeout=20) as answered:
            assert b"Data contracts" in answered.read()
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 3
    finally:
        process.kill()
        process.communicate()


def test_others_are_not_let_in_without_a_login(tmp_path: Path) -> None:
    make_project(tmp_path)
    process = begin(tmp_path, "--host", "0.0.0.0", "--port", "0")
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "E_UI_ACCESS" in said


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    import socket

    make_project(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = begin(tmp_path, "--port", str(taken.getsockname()[1]))
        _, said = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "E_PORT" in said


def test_it_takes_what_slack_signed(tmp_path: Path) -> None:
    import json
    import urllib.error

    from datasync.testing.slack.gestures import signature

    make_project(tmp_path)
    extra = {"signing_secret": "fake-signing-secret", "base_url": "http://127.0.0.1:9/api/"}
    slack = json.dumps({"conn_type": "slack", "password": "xoxb-fake", "extra": extra})
    process = begin(tmp_path, "--port", "0", AIRFLOW_CONN_SLACK_DEFAULT=slack)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("listening at ").strip()
        stamp, body = str(int(time.time())), "payload=%7B"
        found = []
        for signed in ("v0=" + "0" * 64, signature("fake-signing-secret", stamp, body)):
            headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signed}
            request = urllib.request.Request(f"{address}slack/interactions", body.encode(), headers)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=20)
            found.append(refused.value.code)
            refused.value.close()
        # Signed nonsense gets as far as being read.
        assert found == [401, 400]
    finally:
        process.terminate()
        process.communicate(timeout=20)
