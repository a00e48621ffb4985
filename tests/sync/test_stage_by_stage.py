"""A run carried out by several processes, one stage each."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import datasync
from datasync.errors import UsageError
from datasync.history.store import History
from datasync.sync.api import Sync
from datasync.sync.unfinished import end

STAGES = ("extract", "gate_prepared", "stage", "audit", "publish", "reconcile")
CONTRACT = """\
contract: c
version: 1.0.0
run: {{tasks: {tasks}}}
on_violation: {on}
source: {{type: csv, path: a.csv}}
columns:
  id: {{type: int64, key: true}}
  v: {{type: int64, min: 0}}
{allow}
target: {{type: duckdb, database: t.duckdb, table: c, write: merge}}
"""


def sync(folder: Path, tasks: str = "split", on: str = "block", allow: str = "quarantine: {allow: 50%}") -> Sync:
    (folder / "datasync.toml").touch()
    pl.DataFrame({"id": [1, 2, 3, 4], "v": [5, 6, -1, 8]}).write_csv(folder / "a.csv")
    (folder / "c.yaml").write_text(CONTRACT.format(tasks=tasks, on=on, allow=allow), encoding="utf-8")
    return datasync.load(folder / "c.yaml")


def test_stage_by_stage_is_one_run(tmp_path: Path) -> None:
    one = sync(tmp_path)
    history = History(one.project.history_url)
    try:
        for stage in STAGES:
            assert history.result("r1") is None
            result = one.run(run_id="r1", begin=stage, until=stage, origin="airflow:c:x")
        assert (result.status, result.rows.published, result.rows.quarantined) == ("warned", 3, 1)
        recorded = history.result("r1")
        assert recorded is not None
        assert [stage.status for stage in recorded.stages] == ["passed", "warned", "passed", "passed", "passed", "passed"]
        assert history.of_origin("airflow:c:x") == ["r1"]
        assert [row.published for row in history.list_runs("c")] == [3]
    finally:
        history.close()


def test_a_gate_that_fails_ends_the_run(tmp_path: Path) -> None:
    one = sync(tmp_path, allow="")
    one.run(run_id="r1", begin="extract", until="extract")
    failed = one.run(run_id="r1", begin="gate_prepared", until="gate_prepared")
    assert (failed.status, failed.error) == ("failed", None)


def test_a_stale_run_is_not_laid_over_a_newer_one(tmp_path: Path) -> None:
    one = sync(tmp_path)
    for stage in STAGES[:4]:
        one.run(run_id="old", begin=stage, until=stage)
    assert one.run().status == "warned"
    refused = one.run(run_id="old", begin="publish", until="publish")
    assert refused.status == "refused"
    assert refused.error is not None
    assert refused.error.code == "E_SUPERSEDED"


def test_what_the_audit_saw_counts_when_another_process_publishes(tmp_path: Path) -> None:
    one = sync(tmp_path)
    for stage in STAGES[:4]:
        one.run(run_id="r1", begin=stage, until=stage)
    assert one.run(run_id="r1", begin="publish", until="publish").rows.published == 3
    # Publishing again gives the same commit.
    assert one.run(run_id="r1", begin="publish", until="publish").rows.published == 3
    assert one.run(run_id="r1", begin="reconcile").status == "warned"


def test_a_held_run_is_released_stage_by_stage(tmp_path: Path) -> None:
    one = sync(tmp_path, on="hold", allow="")
    for stage in STAGES[:4]:
        result = one.run(run_id="r1", begin=stage, until=stage)
    assert result.status == "held"
    one.run(run_id="r1", begin="publish", until="publish", released="ann: it is fine")
    done = one.run(run_id="r1", begin="reconcile", until="reconcile")
    assert (done.status, done.rows.published, done.notes) == ("warned", 3, ("released: ann: it is fine",))


def test_a_fused_run_cannot_stop_in_flight(tmp_path: Path) -> None:
    one = sync(tmp_path, tasks="fused")
    result = one.run(run_id="r1", begin="extract", until="gate_prepared")
    assert result.error is not None
    assert "its stages overlap" in result.error.message


def test_a_run_whose_process_is_gone_is_written_down(tmp_path: Path) -> None:
    one = sync(tmp_path)
    one.run(run_id="r1", begin="extract", until="extract")
    loaded = datasync.load(tmp_path / "c.yaml")._loaded
    found = end(loaded, "r1", "its task was killed")
    assert found is not None
    assert (found.status, found.error and found.error.code) == ("error", "E_LOST_PROCESS")
    assert end(loaded, "r1", "again") == found
    assert end(loaded, "r2", "never there") is None


def test_only_one_run_may_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="left nothing to resume"):
        sync(tmp_path).run(run_id="r9", begin="audit", until="audit")


def test_rows_that_several_processes_set_aside_are_all_kept(tmp_path: Path) -> None:
    one = sync(tmp_path)
    (tmp_path / "a.csv").write_text("id,v\n1,5\n2\n3,-1\n4,8\n4,9\n5,5\n6,6\n7,7\n8,8\n", encoding="utf-8")
    for stage in STAGES:
        for _ in range(2 if stage in ("extract", "gate_prepared") else 1):
            result = one.run(run_id="r1", begin=stage, until=stage)
    assert (result.status, result.rows.quarantined, result.rows.published) == ("warned", 4, 5)
    history = History(one.project.history_url)
    try:
        batches = history.quarantine_batches(run_id="r1")
    finally:
        history.close()
    assert sum(batch.rows for batch in batches) == 4
    assert {batch.state for batch in batches} == {"open"}
    kept = [row for _, frame in one.project.run_folder("c", "r1").read_quarantine() for row in frame["_reasons"].to_list()]
    assert sorted(kept) == [["key.unique"], ["key.unique"], ["row.readable"], ["v.min"]]


def test_an_audit_that_was_cut_off_stages_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = sync(tmp_path)
    (tmp_path / "a.csv").write_text("id,v\n1,5\n4,8\n4,9\n5,5\n6,6\n7,7\n", encoding="utf-8")
    for stage in STAGES[:3]:
        one.run(run_id="r1", begin=stage, until=stage)
    monkeypatch.setenv("DATASYNC_FAILPOINTS", "audit.moved=raise")
    assert one.run(run_id="r1", begin="audit", until="audit").status == "error"
    monkeypatch.delenv("DATASYNC_FAILPOINTS")
    for stage in STAGES[3:]:
        result = one.run(run_id="r1", begin=stage, until=stage)
    assert (result.status, result.rows.quarantined, result.rows.published) == ("warned", 2, 4), result.error


@pytest.mark.parametrize("tasks", ["fused", "split"])
@pytest.mark.parametrize("point", ["audit.begin", "audit.stored", "audit.moved", "audit.done"])
def test_an_audit_that_died_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tasks: str, point: str) -> None:
    one = sync(tmp_path, tasks=tasks)
    (tmp_path / "a.csv").write_text("id,v\n1,5\n4,8\n4,9\n5,-1\n6,6\n7,7\n", encoding="utf-8")
    monkeypatch.setenv("DATASYNC_FAILPOINTS", f"{point}=raise")
    died = one.run(run_id="r1")
    assert (died.status, died.error and died.error.stage, died.rows.published) == ("error", "audit", 0)
    monkeypatch.delenv("DATASYNC_FAILPOINTS")
    result = one.run(begin="audit")
    assert (result.run_id, result.status, result.rows.published) == ("r1", "warned", 3), result.error
    assert (result.rows.extracted, result.rows.accepted, result.rows.quarantined) == (6, 3, 3)
    kept = [row for _, frame in one.project.run_folder("c", "r1").read_quarantine() for row in frame["_reasons"].to_list()]
    assert sorted(kept) == [["key.unique"], ["key.unique"], ["v.min"]]
