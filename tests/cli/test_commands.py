"""Commands as people use them, through the front door, in one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datasync.cli.app import COMMANDS, invoke
from datasync.failpoints import VARIABLE

CONTRACT = """\
contract: shop
version: 1.0.0
source: {type: csv, path: in.csv}
columns:
  id: {type: int64, key: true}
  price: {type: int64, min: 0}
EXTRA
target: {type: duckdb, database: out.duckdb, table: t, write: WRITE}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("datasync.toml").touch()


def _write(rows: str, extra: str = "quarantine: {allow: 50%}", write: str = "merge") -> None:
    Path("in.csv").write_text("id,price\n" + rows, encoding="utf-8")
    Path("c.yaml").write_text(CONTRACT.replace("EXTRA", extra).replace("WRITE", write), encoding="utf-8")


def _run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = invoke([*arguments, "--json"])
    return code, json.loads(capfd.readouterr().out)


def _rows() -> list[tuple[Any, ...]]:
    with duckdb.connect("out.duckdb", read_only=True) as connection:
        return connection.execute("SELECT id, price FROM t ORDER BY id").fetchall()


def test_quarantine_and_replay(capfd: pytest.CaptureFixture[str]) -> None:
    _write("1,5\n2,-1\n3,x\n4,7\n")
    code, result = _run(capfd, "run", "c.yaml")
    assert (code, result["status"], result["rows"]["quarantined"]) == (0, "warned", 2)
    _, rows = _run(capfd, "quarantine", "show", result["run_id"])
    assert [(row["_line"], row["_reasons"], row["price"]) for row in rows] == [(3, ["price.min"], "-1"), (4, ["price.type"], "x")]
    _, masked = _run(capfd, "quarantine", "show", result["run_id"], "--masked")
    assert [(row["reasons"], row["id"], row["price"]) for row in masked] == [
        (["price.min"], "9", "-9"),
        (["price.type"], "9", "a"),
    ]
    assert invoke(["quarantine", "show", result["run_id"], "--masked", "--reason", "price.min"]) == 0
    assert capfd.readouterr().out.splitlines()[1].split() == ["in.csv:3", "price.min", "9", "-9"]
    assert invoke(["quarantine", "export", result["run_id"], "--to", "rows.csv"]) == 0
    capfd.readouterr()
    text = Path("rows.csv").read_text(encoding="utf-8")
    Path("rows.csv").write_text(text.replace("2,-1", "2,1").replace("3,x", "3,9"), encoding="utf-8")
    assert [(entry["closed"], entry["state"]) for entry in _run(capfd, "quarantine", "list")[1]] == [(0, "open")]
    code, replayed = _run(capfd, "quarantine", "replay", result["run_id"], "--data", "rows.csv")
    assert (code, replayed["rows"]["published"]) == (0, 2)
    assert [(entry["closed"], entry["state"]) for entry in _run(capfd, "quarantine", "list")[1]] == [(2, "closed")]
    assert {row["_state"] for row in _run(capfd, "quarantine", "show", result["run_id"])[1]} == {"replayed"}
    assert _rows() == [(1, 5), (2, 1), (3, 9), (4, 7)]
    assert invoke(["quarantine", "replay", result["run_id"], "--data", "rows.csv"]) == 2
    assert _rows() == [(1, 5), (2, 1), (3, 9), (4, 7)]


def test_a_later_full_read_closes_open_rows(capfd: pytest.CaptureFixture[str]) -> None:
    _write("1,5\n2,-1\n")
    run_id = _run(capfd, "run", "c.yaml")[1]["run_id"]
    _write("1,5\n2,1\n")
    _run(capfd, "run", "c.yaml")
    assert {row["_state"] for row in _run(capfd, "quarantine", "show", run_id)[1]} == {"superseded"}


def test_hold_release_and_reject(capfd: pytest.CaptureFixture[str]) -> None:
    _write("1,5\n2,-1\n", "on_violation: hold")
    code, held = _run(capfd, "run", "c.yaml")
    assert (code, held["status"]) == (1, "held")
    code, released = _run(capfd, "runs", "release", held["run_id"], "--reason", "known")
    assert (code, released["status"], released["rows"]["published"]) == (0, "warned", 1)
    assert _rows() == [(1, 5)]
    _, again = _run(capfd, "run", "c.yaml")
    _, newer = _run(capfd, "run", "c.yaml")
    assert _run(capfd, "runs", "show", again["run_id"])[1]["status"] == "failed"
    assert _run(capfd, "runs", "reject", newer["run_id"], "--reason", "no")[1]["status"] == "failed"
    assert invoke(["runs", "release", newer["run_id"], "--reason", "late"]) == 2


def test_resume_behind_staging(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _write("1,5\n2,6\n")
    monkeypatch.setenv(VARIABLE, "publish.after_dml=raise")
    code, broken = _run(capfd, "run", "c.yaml")
    assert (code, broken["status"]) == (3, "error")
    monkeypatch.delenv(VARIABLE)
    code, resumed = _run(capfd, "run", "c.yaml", "--from", "audit")
    assert (code, resumed["run_id"], resumed["rows"]["published"]) == (0, broken["run_id"], 2)
    assert invoke(["run", "c.yaml", "--from", "audit"]) == 2
    capfd.readouterr()
    assert _run(capfd, "run", "c.yaml", "--run-id", broken["run_id"])[1]["run_id"] == broken["run_id"]


def test_split_runs_resume_from_any_stage(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _write("1,5\n2,6\n", "run: {tasks: split, batch_rows: 1}")
    monkeypatch.setenv(VARIABLE, "stage.before_commit=raise")
    assert _run(capfd, "run", "c.yaml")[0] == 3
    monkeypatch.delenv(VARIABLE)
    Path("in.csv").unlink()
    code, resumed = _run(capfd, "run", "c.yaml", "--from", "stage")
    # The source is gone, and nobody asks for it: the parts hold what it gave.
    assert (code, resumed["status"], resumed["rows"]["published"]) == (0, "passed", 2)
    _write("1,5\n2,6\n", "run: {tasks: split, batch_rows: 1}")
    assert _run(capfd, "run", "c.yaml")[1]["rows"]["published"] == 2


def test_disk_full_in_quarantine_publishes_nothing(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _write("1,5\n")
    _run(capfd, "run", "c.yaml")
    _write("1,6\n2,-1\n")
    monkeypatch.setenv(VARIABLE, "quarantine.before_write=disk_full")
    code, result = _run(capfd, "run", "c.yaml")
    assert (code, result["status"]) == (3, "error")
    assert _rows() == [(1, 5)]


def test_backfill_passes_over_what_is_done(capfd: pytest.CaptureFixture[str]) -> None:
    with duckdb.connect("src.duckdb") as connection:
        connection.execute("CREATE TABLE src AS SELECT range AS id, range * 10 AS price FROM range(10)")
    text = CONTRACT.replace("{type: csv, path: in.csv}", "{type: duckdb, database: src.duckdb, table: src, cursor: {column: id}}")
    Path("c.yaml").write_text(text.replace("EXTRA\n", "").replace("WRITE", "append"), encoding="utf-8")
    arguments = ("backfill", "c.yaml", "--start", "0", "--end", "10", "--every", "4")
    code, first = _run(capfd, *arguments)
    assert (code, [result["rows"]["published"] for result in first]) == (0, [4, 4, 2])
    assert [result["run_id"] for result in _run(capfd, *arguments)[1]] == [result["run_id"] for result in first]
    assert len(_rows()) == 10
    assert _run(capfd, "run", "c.yaml")[0] == 4


def test_check_and_at_target(capfd: pytest.CaptureFixture[str]) -> None:
    _write("1,5\n2,6\n")
    assert _run(capfd, "run", "c.yaml")[0] == 0
    assert _run(capfd, "check", "c.yaml", "--at", "target")[1]["rows"]["accepted"] == 2
    Path("other.csv").write_text("id,price\n1,-5\n", encoding="utf-8")
    assert _run(capfd, "check", "c.yaml", "--data", "other.csv")[1]["status"] == "failed"
    assert _rows() == [(1, 5), (2, 6)]


def test_problems_are_shown_as_they_are_written(capfd: pytest.CaptureFixture[str]) -> None:
    _write("1,5\n")
    text = Path("c.yaml").read_text(encoding="utf-8")
    Path("c.yaml").write_text(text.replace("price:", "name: {type: string, pattern: '[a'}\n  price:"), encoding="utf-8")
    assert invoke(["lint", "c.yaml"]) == 2
    assert "hint    write \\[ for the character" in capfd.readouterr().out


def test_a_check_holds_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    _write("1,5\n2,-1\n", "on_violation: hold")
    code, result = _run(capfd, "check", "c.yaml")
    assert (code, result["status"], result["rows"]["published"]) == (1, "failed", 0)
    assert invoke(["runs", "release", result["run_id"], "--reason", "no"]) == 2
    assert "is failed, not held" in capfd.readouterr().err
    code, held = _run(capfd, "run", "c.yaml")
    assert (code, held["status"]) == (1, "held")
    assert _run(capfd, "check", "c.yaml")[1]["status"] == "failed"
    assert _run(capfd, "runs", "show", held["run_id"])[1]["status"] == "held"
    _write("1,5\n", "on_violation: hold")
    assert _run(capfd, "check", "c.yaml")[1]["status"] == "passed"


@pytest.mark.parametrize("form", ["json", "junit", "markdown", "terminal", "html"])
def test_reports(form: str, capfd: pytest.CaptureFixture[str]) -> None:
    _write("1,5\n2,-8765432\n", "")
    assert invoke(["run", "c.yaml"]) == 1
    capfd.readouterr()
    assert invoke(["report", "--format", form, "--output", "report"]) == 0
    text = Path("report").read_text(encoding="utf-8")
    assert "price.min" in text
    assert "8765432" not in text


def test_compile_is_stable(capfd: pytest.CaptureFixture[str]) -> None:
    _write("1,5\n")
    assert invoke(["compile", "c.yaml", "--check"]) == 1
    assert invoke(["compile", "c.yaml"]) == 0
    assert invoke(["compile", "c.yaml", "--check"]) == 0


def test_clean_keeps_what_is_young(capfd: pytest.CaptureFixture[str]) -> None:
    _write("1,5\n")
    _run(capfd, "run", "c.yaml")
    assert _run(capfd, "clean", "--dry-run")[1]["workspace"] == []


def test_plan_reads_no_data(capfd: pytest.CaptureFixture[str]) -> None:
    _write("1,5\n")
    _, steps = _run(capfd, "plan", "c.yaml")
    assert [step["name"] for step in steps] == ["extract", "gate_prepared", "stage", "audit", "publish", "reconcile"]
    assert not Path(".datasync/runs").exists() or not list(Path(".datasync/runs").rglob("manifest.json"))


@pytest.mark.parametrize(
    "arguments", [["rnu"], ["run"], ["run", "none.yaml"], ["report", "none"], ["runs", "show", "none"], ["lint", "none.yaml"]]
)
def test_wrong_command_lines_are_two(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(arguments) == 2
    assert capfd.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    heavy = "polars pandas pyarrow duckdb sqlalchemy pandera great_expectations pydantic yaml rich sqlglot"
    code = (
        "import sys; from datasync.cli.app import invoke; invoke(['--help']); "
        f"found = [name for name in '{heavy}'.split() if name in sys.modules]; sys.exit(str(found) if found else 0)"
    )
    root = str(Path(sys.modules["datasync"].__path__[0]).parent)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": root}
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", ["../elsewhere", "/tmp/x", "", ".hidden", "a/b", "a" * 101, "a\nb"])
def test_a_runs_id_is_a_plain_name(capfd: pytest.CaptureFixture[str], name: str) -> None:
    _write("1,5\n")
    code, said = _run(capfd, "run", "c.yaml", "--run-id", name)
    assert (code, said["error"]["code"]) == (2, "E_RUN_ID")
    assert not Path(".datasync").exists()
