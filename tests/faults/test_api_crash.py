"""F01 for APIs: kill -9 at every boundary of a send, then run again: every row has its effect once, no answered batch goes out twice.

The API honours idempotency keys and refuses one record, whose row must be in quarantine once whatever was killed.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from datasync.failpoints import INVENTORY, VARIABLE
from tests.connectors.api.server import Api, Received, Reply, ok
from tests.faults.test_crash_loop import Forker, forker

__all__ = ["forker"]

CONTRACT = """\
contract: crash
version: 1.0.0
source: {type: duckdb, database: src.duckdb, table: src, cursor: {column: seq}}
columns:
  id: {type: int64, key: true}
  price: {type: int64, min: 0}
  seq: {type: int64, required: true}
quarantine: {allow: 50%}
target:
  type: rest
  connection: shop
  endpoint: /v1/items
  write: WRITE
  batch_rows: 2
  response: {rejected: "$.errors[*]"}
"""
FIRST = (
    "send.",
    "publish.begin",
    "publish.after_commit",
    "quarantine.",
    "reconcile.",
    "history.",
    "audit.done",
    "stage.after_commit",
)
POINTS = [point for point in INVENTORY if point.startswith(FIRST) and point != "publish.after_commit_row"]
AGAIN = [f"{point}@2" for point in POINTS if point.startswith("send.") and point not in ("send.queued", "send.done")]
"""The same points in the second batch, where one is answered already."""


def _refusing(request: Received) -> Reply:
    return ok({"errors": [{"index": place, "message": "no"} for place, row in enumerate(request.json) if row["id"] == 3]})


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api(reply=_refusing)
    yield made
    made.close()


def _source(sql: str) -> None:
    with duckdb.connect("src.duckdb") as connection:
        connection.execute(sql)


def _run(forker: Forker, api: Api, failpoint: str = "") -> int:
    point, _, nth = failpoint.partition("@")
    armed = f"{point}=kill{'@' + nth if nth else ''}" if failpoint else ""
    return forker.run(["run", "c.yaml"], {VARIABLE: armed, "AIRFLOW_CONN_SHOP": f"http://127.0.0.1:{api.port}"})


def _quarantined() -> int:
    """Rows in quarantine, of runs whose end was recorded."""
    with closing(sqlite3.connect(".datasync/history.db")) as history:
        query = "SELECT coalesce(sum(rows), 0) FROM quarantine WHERE state = 'open' AND gate = 'staged'"
        return int(history.execute(query).fetchone()[0])


def _conserved() -> None:
    with closing(sqlite3.connect(".datasync/history.db")) as history:
        results = [json.loads(row[0]) for row in history.execute("SELECT result FROM runs WHERE result IS NOT NULL")]
    for result in results:
        rows = result["rows"]
        assert rows["extracted"] + rows["added"] == rows["accepted"] + rows["quarantined"] + rows["dropped"]


@pytest.mark.parametrize("write", ["append", "merge"])
def test_killed_anywhere(write: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: Api, forker: Forker) -> None:
    met = 0
    points = [*POINTS, *AGAIN] if write == "append" else [point for point in POINTS if point.startswith("send.")]
    base = tmp_path / "base"
    base.mkdir()
    monkeypatch.chdir(base)
    Path("datasync.toml").touch()
    Path("c.yaml").write_text(CONTRACT.replace("WRITE", write), encoding="utf-8")
    _source("CREATE TABLE src(id BIGINT, price BIGINT, seq BIGINT); INSERT INTO src SELECT n, n, n FROM range(1, 6) t(n)")
    for number, point in enumerate(points):
        shutil.copytree(base, tmp_path / str(number))
        monkeypatch.chdir(tmp_path / str(number))
        api.received.clear()
        api.effects.clear()
        code = _run(forker, api, point)
        assert code in (-9, 0), point
        met += code == -9
        answered = {request.key for request in api.received[: -1 if point.startswith("send.after_a") else None]}
        before = len(api.received)
        _source("INSERT INTO src VALUES (6, 6, 6)")
        assert _run(forker, api) == 0, point
        # The refused record has its effect, a refusal, once as well.
        assert sorted(row["id"] for row in api.rows()) == [1, 2, 3, 4, 5, 6], point
        counts = Counter(request.key for request in api.received)
        assert sum(counts.values()) - len(counts) <= 1, point
        if point.startswith("send.after_batch"):
            assert not answered & {request.key for request in api.received[before:]}, point
        _conserved()
        assert _quarantined() == 1, point
    assert met == len(points)
