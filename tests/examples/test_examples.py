"""The four example syncs, told as a stranger would have them told; what they left behind is looked at past their own words."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from datasync.contract.loader import lint_paths
from datasync.history.store import History
from datasync.sync.project import open_project
from datasync.sync.replay import stored

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"
NAMES = ("customers", "esl", "inventory", "orders")


@dataclass
class Told:
    """What an example left behind."""

    folder: Path
    output: str

    @property
    def seen(self) -> Any:
        return json.loads((self.folder / "seen.json").read_text(encoding="utf-8"))

    def runs(self) -> list[tuple[str, int, int, int]]:
        """Status, extracted, published and set aside of every run, oldest first."""
        history = History(open_project(self.folder, {}).history_url)
        try:
            results = [history.result(row.run_id) for row in reversed(history.list_runs())]
        finally:
            history.close()
        return [(one.status, one.rows.extracted, one.rows.published, one.rows.quarantined) for one in results if one is not None]

    def aside(self) -> list[dict[str, Any]]:
        """The rows that the first run set aside."""
        project = open_project(self.folder, {})
        history = History(project.history_url)
        try:
            first = history.list_runs()[-1].run_id
        finally:
            history.close()
        return [row for rows in stored(project, first) for row in rows.frame.with_columns(rows.states).to_dicts()]


def command(name: str, folder: Path) -> list[str]:
    return [sys.executable, str(EXAMPLES / name / "example.py"), "--folder", str(folder)]


@pytest.fixture
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Told:
    """One example, from beginning to end; systems that the caller's environment names are nothing to it."""
    folder = tmp_path / "told"
    known = os.environ | {
        "AIRFLOW_CONN_WAREHOUSE": "postgres://nobody@nowhere.invalid/x",
        "DATASYNC_HOME": str(tmp_path / "other"),
    }
    done = subprocess.run(command(request.param, folder), capture_output=True, text=True, timeout=500, check=False, env=known)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "other").exists()
    return Told(folder, done.stdout)


@pytest.mark.parametrize("told", ["esl"], indirect=True)
def test_esl_sends_what_changed(told: Told) -> None:
    assert told.runs() == [("warned", 17, 16, 1), ("passed", 0, 0, 0), ("passed", 1, 1, 0), ("passed", 1, 1, 0)]
    (row,) = told.aside()
    assert (row["article_id"], row["_text"], row["_state"]) == ("TEC-0017", "no label is bound to TEC-0017", "replayed")
    (sent,) = told.seen["What was sent"]
    assert (sent["company_code"], sent["store_code"], sent["article_id"], sent["article_price"]) == (
        "ACME",
        "S01",
        "OFF-0003",
        7.99,
    )
    assert "no, 0 rows (by cursor)" in told.output


@pytest.mark.parametrize("told", ["inventory"], indirect=True)
def test_inventory_is_read_over_tokens_that_end(told: Told) -> None:
    assert told.runs() == [("passed", 68, 68, 0), ("warned", 5, 4, 1), ("passed", 1, 1, 0), ("passed", 0, 0, 0)]
    assert [row["answer"] for row in told.seen["What the API answered"]].count("401") == 2
    with closing(sqlite3.connect(told.folder / "stock.sqlite")) as connection:
        assert connection.execute("SELECT count(*), min(quantity) FROM stock").fetchone() == (68, 3)


@pytest.mark.parametrize("told", ["customers"], indirect=True)
def test_customers_are_named_nowhere(told: Told) -> None:
    assert told.runs() == [("warned", 40, 36, 4), ("passed", 40, 40, 0)]
    assert {row["_state"] for row in told.aside()} == {"superseded"}
    mails = [text for title, text in told.seen.items() if title.startswith("To customer-data@example.com")]
    assert ["4 of 40 customers were set aside" in mails[0], "met again" in mails[1]] == [True, True]
    rows = (EXAMPLES / "customers" / "data" / "customers.csv").read_text(encoding="utf-8").splitlines()[1:]
    personal = {value for row in rows for value in row.split(",")[1:4] if value}
    assert len(personal) > 110
    shown = json.dumps([mails, told.seen["masked"]])
    assert not [value for value in personal if value in shown]
    assert {(row["name"], row["phone"]) for row in told.seen["masked"]} == {("hidden", "hidden")}


@pytest.mark.parametrize("told", ["orders"], indirect=True)
def test_orders_keep_their_history(told: Told) -> None:
    assert told.runs() == [("warned", 24, 22, 2), ("passed", 25, 25, 0), ("passed", 25, 25, 0)]
    assert [(row["order_id"], row["postal_code"], row["_state"]) for row in told.aside()] == [
        ("O-00186", "6824", "superseded"), ("O-00198", "7090", "superseded"),
    ]  # fmt: skip
    versions = [(row["order_id"], row["status"], row["valid_to"], row["is_current"]) for row in told.seen["order_history"]]
    assert versions[:2] == [("O-00013", "new", "2026-11-25", False), ("O-00013", "shipped", None, True)]
    assert ("O-00139", "new", "2026-11-25", False) in versions


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_a_project_that_lints_clean(name: str) -> None:
    assert (EXAMPLES / name / "datasync.toml").is_file()
    assert (EXAMPLES / name / "README.md").is_file()
    files, problems = lint_paths([EXAMPLES / name])
    assert (len(files), problems) == (1, [])


def test_all_contracts_lint_together() -> None:
    files, problems = lint_paths([EXAMPLES.parent])
    assert not problems
    assert len({file.parent for file in files}) == 1 + len(NAMES)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="ex") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def started_in(folder: Path) -> list[str]:
    """The command lines of processes that work in a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(folder / "t") in words:
            found.append(words)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_example_leaves_nothing_running(number: signal.Signals, tmp_path: Path, short: Path) -> None:
    (short / "t").mkdir(mode=0o755)
    known = os.environ | {"TMPDIR": str(short / "t"), "PYTHONUNBUFFERED": "1"}
    # Where tests run in the background, SIGINT may be ignored, and what they start would ignore it, too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command("customers", tmp_path / "told"), stdout=subprocess.PIPE, text=True, env=known)
    signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("$ datasync run"):
                break
        assert any("mariadbd" in words for words in started_in(short))
        assert any("postgres" in words for words in started_in(short))
        time.sleep(1)
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.wait(90) == 130
    finally:
        process.kill()
        process.stdout.close()
        process.wait(10)
    assert "everything that was started has been stopped" in rest
    assert started_in(short) == []
