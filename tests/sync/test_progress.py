"""How far a run says it is: each stage, also those that take one look at everything, at once when they begin."""

from __future__ import annotations

from pathlib import Path

import pytest

import datasync
from datasync.stages.context import Progress
from datasync.sync.progress import Noted, read_progress
from datasync.workspace import Workspace
from tests.web.stage import make_project


def test_every_stage_of_a_run_says_so(tmp_path: Path) -> None:
    moved: list[Progress] = []
    result = datasync.load(make_project(tmp_path)).run(progress=moved.append)
    assert result.status == "warned"
    found = {one.stage: one.rows for one in moved}
    assert found == {"extract": 4, "gate_prepared": 4, "stage": 1, "audit": 1, "publish": 1, "reconcile": 1}
    assert [one.stage for one in moved][-3:] == ["audit", "publish", "reconcile"]


@pytest.mark.parametrize(("stage", "told"), [("audit", True), ("publish", True), ("reconcile", True), ("stage", False)])
def test_what_begins_at_rest_is_written_down_at_once(tmp_path: Path, stage: str, told: bool) -> None:
    workspace = Workspace(tmp_path, "shop", "first", tmp_path / "scratch")
    workspace.create()
    noted = Noted(workspace, lambda moved: None)
    noted(Progress("extract", 10))
    noted(Progress(stage, 10))  # type: ignore[arg-type]
    seen = read_progress(workspace)
    assert seen is not None
    assert (seen.stage == stage) == told
    noted(Progress(stage, 20))  # type: ignore[arg-type]
    again = read_progress(workspace)
    assert again is not None
    assert again.rows.get(stage) == (10 if told else None)
