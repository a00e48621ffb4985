"""Rows in quarantine that a later window supersedes: those of its own hours, in the zone that naive cursors are in."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from datasync.cli.app import invoke

CONTRACT = """\
contract: late
version: 1.0.0
source: {type: duckdb, database: src.duckdb, table: src, cursor: {column: at, timezone: Asia/Seoul}}
columns:
  id: {type: int64, key: true}
  price: {type: int64, min: 0}
  at: {type: timestamp, required: true}
quarantine: {allow: 100%}
target: {type: duckdb, database: out.duckdb, table: t, write: merge}
"""


def test_a_window_supersedes_the_rows_of_its_own_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("datasync.toml").touch()
    Path("c.yaml").write_text(CONTRACT, encoding="utf-8")
    with duckdb.connect("src.duckdb") as source:
        source.execute("CREATE TABLE src AS SELECT 1::BIGINT id, -1::BIGINT price, TIMESTAMP '2026-01-01 16:00' AS at")
        source.execute("INSERT INTO src VALUES (2, -1, '2026-01-02 16:00')")
    states = [_states(day, capsys) for day in (1, 2, 1)]
    assert states == [["open"], ["open", "open"], ["open", "open", "superseded"]]


def _states(day: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Load one day of Seoul; give the states of all rows set aside so far."""
    invoke(["run", "c.yaml", "--window-start", f"2026-01-0{day}", "--window-end", f"2026-01-0{day + 1}", "--json"])
    capsys.readouterr()
    invoke(["quarantine", "list", "--json"])
    runs = {row["run_id"] for row in json.loads(capsys.readouterr().out)}
    found = []
    for run in runs:
        invoke(["quarantine", "show", run, "--json"])
        found += [row["_state"] for row in json.loads(capsys.readouterr().out)]
    return sorted(found)
