"""F01: what a run that was killed set aside is open for replay if it had published, and what it left goes if it had not.

Behind the commit the rows are published and the watermark moved, so no later window reads what lies in quarantine again (I2).
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from datasync.contract.loader import load_contract
from datasync.failpoints import VARIABLE
from datasync.sync.project import open_project
from datasync.sync.retention import clean
from datasync.sync.unfinished import end
from tests.faults.test_crash_loop import Forker, forker

__all__ = ["forker"]

CONTRACT = """\
contract: crash
version: 1.0.0
source: {type: duckdb, database: src.duckdb, table: src, cursor: {column: seq}}
columns: {id: {type: int64, key: true}, price: {type: int64, min: 0}, seq: {type: int64, required: true}}
quarantine: {allow: 50%}
target: TARGET
"""
TARGETS = {
    "sqlite": "{type: sqlite, database: out.sqlite, table: t, write: merge}",
    "append": "{type: duckdb, database: out.duckdb, table: t, write: append}",
    "folder": "{type: parquet, path: out/t, write: merge}",
    "mysql": "{type: mysql, connection: target, table: t, write: merge}",
}


@pytest.fixture
def killed(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forker: Forker) -> Forker:
    """A run X that was killed behind its commit; the working directory is its project."""
    kind = getattr(request, "param", "sqlite")
    monkeypatch.chdir(tmp_path)
    if kind == "mysql":
        monkeypatch.setenv("AIRFLOW_CONN_TARGET", request.getfixturevalue("mysql_database"))
    Path("datasync.toml").touch()
    Path("c.yaml").write_text(CONTRACT.replace("TARGET", TARGETS[kind]), encoding="utf-8")
    with duckdb.connect("src.duckdb") as source:
        source.execute(
            "CREATE TABLE src AS SELECT n AS id, CASE WHEN n = 2 THEN -1 ELSE n END AS price, n AS seq FROM range(1, 6) t(n)"
        )
    assert _run(forker, "--run-id", "X", failpoint="publish.after_commit=kill") == -9
    assert _quarantine() == {("X", "pending"): 1}
    return forker


def _run(forker: Forker, *more: str, failpoint: str = "") -> int:
    import os

    environment = {VARIABLE: failpoint, **{name: os.environ[name] for name in ("AIRFLOW_CONN_TARGET",) if name in os.environ}}
    return forker.run(["run", "c.yaml", *more], environment)


def _quarantine() -> dict[tuple[str, str], int]:
    with closing(sqlite3.connect(".datasync/history.db")) as history:
        rows = history.execute("SELECT run_id, state, sum(rows) FROM quarantine GROUP BY 1, 2").fetchall()
    return {(run_id, state): count for run_id, state, count in rows}


def _result(run_id: str) -> dict[str, object]:
    with closing(sqlite3.connect(".datasync/history.db")) as history:
        found = history.execute("SELECT result FROM runs WHERE run_id = ?", [run_id]).fetchone()
    result: dict[str, object] = json.loads(found[0])
    return result


@pytest.mark.parametrize("killed", TARGETS, indirect=True)
def test_the_next_run_writes_the_end_down(killed: Forker) -> None:
    assert _run(killed, "--run-id", "Y") == 0
    assert _quarantine() == {("X", "open"): 1}
    rows = _result("X")["rows"]
    assert isinstance(rows, dict)
    assert (_result("X")["status"], rows["published"], rows["quarantined"]) == ("warned", 4, 1)
    assert "run X was published and cut off" in str(_result("Y")["notes"])


def test_the_same_run_again_is_that_end(killed: Forker) -> None:
    assert _run(killed, "--run-id", "X") == 0
    assert _quarantine() == {("X", "open"): 1}
    assert _result("X")["status"] == "warned"


def test_what_was_taken_for_lost_is_corrected(killed: Forker) -> None:
    """Airflow writes down that a process is gone: whether it had published, only the target knows."""
    end(load_contract(Path("c.yaml")), "X", "the task was killed")
    assert _quarantine() == {("X", "evidence"): 1}
    assert _run(killed, "--run-id", "Y") == 0
    assert _quarantine() == {("X", "open"): 1}


def test_a_contract_that_changed_meanwhile_leaves_the_rows_open(killed: Forker) -> None:
    changed = Path("c.yaml").read_text(encoding="utf-8").replace("allow: 50%", "allow: 60%")
    Path("c.yaml").write_text(changed, encoding="utf-8")
    assert _run(killed, "--run-id", "Y") == 0
    assert _quarantine() == {("X", "open"): 1}
    error = _result("X")["error"]
    assert isinstance(error, dict)
    assert (error["code"], error["kept"]) == ("E_LOST_PROCESS", "the new rows are published")


def test_it_can_be_killed_there_again(killed: Forker) -> None:
    assert _run(killed, failpoint="history.before_record=kill") == -9
    assert _run(killed) == 0
    assert _quarantine() == {("X", "open"): 1}


@pytest.fixture
def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forker: Forker) -> Forker:
    """A run X that was killed before its commit."""
    monkeypatch.chdir(tmp_path)
    Path("datasync.toml").touch()
    Path("contracts").mkdir()
    Path("contracts/c.yaml").write_text(CONTRACT.replace("TARGET", TARGETS["sqlite"]), encoding="utf-8")
    with duckdb.connect("src.duckdb") as source:
        source.execute(
            "CREATE TABLE src AS SELECT n AS id, CASE WHEN n = 2 THEN -1 ELSE n END AS price, n AS seq FROM range(1, 6) t(n)"
        )
    assert _cut(forker, "--run-id", "X", failpoint="publish.begin=kill") == -9
    return forker


def _cut(forker: Forker, *more: str, failpoint: str = "") -> int:
    return forker.run(["run", "contracts/c.yaml", *more], {VARIABLE: failpoint})


def _staging() -> int:
    with closing(sqlite3.connect("out.sqlite")) as target:
        return len(
            target.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB '_datasync_stg_*'").fetchall()
        )


def _cleaned(days: int) -> dict[str, list[str]]:
    return clean(open_project(Path("contracts/c.yaml")), False, datetime.now(UTC) + timedelta(days=days))


def test_the_next_run_ends_one_that_never_published(cut_off: Forker) -> None:
    """Or it would be running for ever, and nothing of it would ever be cleaned."""
    assert _cut(cut_off, "--run-id", "Y") == 0
    assert _quarantine() == {("X", "evidence"): 1, ("Y", "open"): 1}
    error = _result("X")["error"]
    assert isinstance(error, dict)
    assert (_result("X")["status"], error["code"]) == ("error", "E_LOST_PROCESS")
    assert "run X was cut off" in str(_result("Y")["notes"])
    assert _staging() == 1
    assert _cleaned(6)["staging"] == []
    removed = _cleaned(8)
    assert removed["staging"] == ["X"]
    assert any("/X" in folder for folder in removed["workspace"])
    assert _staging() == 0


def test_one_that_nothing_follows_leaves_no_staging(cut_off: Forker) -> None:
    assert _cleaned(6)["staging"] == []
    assert _cleaned(8)["staging"] == ["X"]
    assert _staging() == 0
    assert _quarantine() == {("X", "pending"): 1}


def test_a_run_that_is_taken_up_again_is_not_ended(cut_off: Forker) -> None:
    assert _cut(cut_off, "--from", "audit") == 0
    assert _quarantine() == {("X", "open"): 1}
    assert "cut off" not in str(_result("X")["notes"])


def test_rows_that_a_run_was_killed_over_go_with_it(cut_off: Forker) -> None:
    """Their file is there before history knows of it."""
    assert _cut(cut_off, "--run-id", "Y", failpoint="quarantine.after_write=kill") == -9
    assert _cut(cut_off, "--run-id", "Z") == 0
    folders = Path(".datasync/quarantine/crash")
    assert [len(list((folders / run).iterdir())) for run in "XYZ"] == [1, 1, 1]
    _cleaned(8)
    assert {run: len(list((folders / run).glob("*.parquet"))) for run in "XYZ"} == {"X": 1, "Y": 0, "Z": 1}
