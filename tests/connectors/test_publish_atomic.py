"""Killed anywhere in a publish, the target has the old rows or the new ones, with the commit row that says which."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from datasync.errors import Refused
from datasync.seams import PublishRequest, Target, TargetSpec
from tests.connectors.sql_targets import Place, frame_of, publish, spec_of, stage

IV = {"id": "int64", "v": "string"}
POINTS = ("stage.after_create", "stage.after_batch", "stage.before_commit", "stage.after_commit", "publish.begin",
          "publish.after_ddl", "publish.after_dml", "publish.after_commit_row", "publish.after_commit")  # fmt: skip


def _run_and_die(place: Place, spec: TargetSpec, point: str) -> None:
    os.environ["DATASYNC_FAILPOINTS"] = f"{point}=kill"
    target = place.target()
    token = target.acquire(spec)
    rows = stage(target, spec, frame_of(spec, [(1, "new", None), (3, "new", 1.5)]))
    target.publish(spec, PublishRequest(token=token, rows=rows, seen=1, watermark="2"))


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_step_it_is_old_or_new(place: Place, point: str) -> None:
    first = spec_of(IV, write="replace")
    target = place.target()
    publish(target, first, [(1, "old"), (2, "old")], watermark="1")
    target.close()
    # The second run also adds a column: DDL is in the transaction too.
    second = spec_of({**IV, "x": "float64"}, "r2", write="replace")
    child = multiprocessing.get_context("spawn").Process(target=_run_and_die, args=(replace_opened(place), second, point))
    child.start()
    child.join(60)
    assert child.exitcode == -9
    rows = place.rows("SELECT id, v FROM t ORDER BY id")
    commits = place.rows("SELECT run_id, watermark FROM _datasync_commits ORDER BY sequence")
    if point == "publish.after_commit":
        assert (rows, commits) == ([(1, "new"), (3, "new")], [("r1", "1"), ("r2", "2")])
    else:
        assert (rows, commits) == ([(1, "old"), (2, "old")], [("r1", "1")])
    # Tried again, the run ends as if nothing had happened.
    _publish_when_released(target, second, [(1, "new", None), (3, "new", 1.5)])
    assert target.orphans() == []
    target.close()
    assert place.rows("SELECT id, v, x FROM t ORDER BY id") == [(1, "new", None), (3, "new", 1.5)]


def _publish_when_released(target: Target, spec: TargetSpec, rows: list[tuple[Any, ...]]) -> None:
    """Publish as soon as the server has noticed that the killed process is gone: until then it holds its locks."""
    for _ in range(300):
        try:
            publish(target, spec, rows, watermark="2")
        except Refused:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the locks of a killed process were never released")


def replace_opened(place: Place) -> Place:
    """A copy for another process: connections do not travel."""
    return replace(place, opened=[])


@pytest.mark.parametrize("by", ["rows", "truncate", "swap"])
def test_a_postgres_reader_sees_one_state(postgres: Place, by: str) -> None:
    spec = spec_of(IV, write="replace", replace_by=by)
    target = postgres.target()
    publish(target, spec, [(1, "old"), (2, "old")])
    with postgres.sql() as reader:
        reader("BEGIN ISOLATION LEVEL REPEATABLE READ")
        if by != "rows":
            # These two lock readers out, or show an old snapshot an empty table: the documentation says so.
            assert reader("SELECT count(*) FROM _datasync_commits") == [(1,)]
        else:
            assert reader("SELECT v FROM t") == [("old",), ("old",)]
        publish(target, replace(spec, run_id="r2"), [(3, "new")])
        if by == "rows":
            assert reader("SELECT v FROM t") == [("old",), ("old",)]
        reader("COMMIT")
        assert reader("SELECT v FROM t") == [("new",)]


def test_a_sqlite_reader_sees_one_state(tmp_path: Any) -> None:
    place, spec = Place("sqlite", tmp_path), spec_of(IV, write="replace")
    target = place.target()
    publish(target, spec, [(1, "old"), (2, "old")])
    with closing(sqlite3.connect(tmp_path / "db.sqlite", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT v FROM t").fetchall() == [("old",), ("old",)]
        publish(target, replace(spec, run_id="r2"), [(3, "new")])
        assert reader.execute("SELECT v FROM t").fetchall() == [("old",), ("old",)]
        reader.execute("COMMIT")
        assert reader.execute("SELECT v FROM t").fetchall() == [("new",)]
    target.close()
