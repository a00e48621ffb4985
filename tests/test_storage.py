"""Files on this machine and in file systems that fsspec knows: the same calls."""

from __future__ import annotations

import secrets
from pathlib import Path

import polars as pl
import pytest

import datasync
from datasync.errors import UsageError
from datasync.history.store import History
from datasync.storage import is_local, matches, place, read_frame, remove, write_bytes, write_frame

FRAME = pl.DataFrame({"a": [1, None], "b": ["x", "y"]})


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "local" else f"memory://{secrets.token_hex(8)}/work"


def test_files_go_and_come_back(folder: str) -> None:
    where = place(folder)
    assert is_local(where) == ("://" not in folder)
    assert matches(where / "none", "*") == []
    write_bytes(where / "deep" / "er" / "one.json", b"1")
    write_bytes(where / "deep" / "er" / "one.json", b"2")
    write_frame(where / "deep" / "er" / "rows.parquet", FRAME)
    assert [found.name for found in matches(where / "deep" / "er", "*")] == ["one.json", "rows.parquet"]
    assert (where / "deep" / "er" / "one.json").read_bytes() == b"2"
    assert read_frame(str(where / "deep" / "er" / "rows.parquet")).equals(FRAME)
    remove(where / "deep" / "er" / "one.json")
    remove(where / "deep")
    remove(where / "deep")
    assert matches(where, "*") == []


def test_a_driver_that_is_missing() -> None:
    with pytest.raises(UsageError, match="nothing here can use nowhere://"):
        place("nowhere://bucket")


CONTRACT = """\
contract: c
version: 1.0.0
run: {tasks: split}
source: {type: csv, path: a.csv, columns: {id: {type: int64}, v: {type: int64}}}
transform: [{dedupe: {by: [id], keep: first}}]
columns:
  id: {type: int64, key: true}
  v: {type: int64, min: 0}
quarantine: {allow: 50%}
target: {type: duckdb, database: t.duckdb, table: c, write: merge}
"""


def test_a_run_whose_workspace_is_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASYNC_WORKSPACE", f"memory://{secrets.token_hex(8)}")
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "a.csv").write_text("id,v\n1,5\n2,6\n2,7\n3,-1\n", encoding="utf-8")
    (tmp_path / "c.yaml").write_text(CONTRACT, encoding="utf-8")
    sync = datasync.load(tmp_path / "c.yaml")
    for stage in ("extract", "gate_source", "transform", "gate_prepared", "stage", "audit", "publish", "reconcile"):
        result = sync.run(run_id="r1", begin=stage, until=stage)
    assert (result.status, result.rows.published, result.rows.quarantined) == ("warned", 2, 1), result.error
    assert result.quarantine.location.startswith("memory://")
    assert not (tmp_path / ".datasync" / "runs").exists()
    again = sync.run()
    assert again.status == "warned"
    history = History(sync.project.history_url)
    try:
        states = {batch.run_id: batch.state for batch in history.quarantine_batches()}
    finally:
        history.close()
    assert states["r1"] == "open"
    (batch,) = [row for row in sync.project.run_folder("c", "r1").read_quarantine()]
    assert batch[1]["_reasons"].to_list() == [["v.min"]]
