"""F01: kill -9 at every stage boundary, for each kind of target, then run again.

After each kill the target holds the old rows or the new ones (I1), and its watermark and rows belong together (I5); the rerun reaches
the same content as a run that was never killed (I3), with every row accounted for (I2). Children are forked from a process that has
imported everything, or the imports alone would take half an hour.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import psycopg
import pytest

from datasync.failpoints import INVENTORY, VARIABLE
from tests.connectors.files.stores import Bucket, serving
from tests.connectors.files.stores import bucket as bucket_in
from tests.services import mysql_connect

OLD = [(1, 10), (2, 20), (3, 30)]
NEW = [(1, 11), (2, 20), (3, 30), (4, 40)]
CONTRACT = """\
contract: crash
version: 1.0.0
source: {type: duckdb, database: src.duckdb, table: src, cursor: {column: seq}}
columns:
  id: {type: int64, key: true}
  price: {type: int64, min: 0}
  seq: {type: int64, required: true}
quarantine: {allow: 50%}
target: TARGET
"""
TARGETS = {
    "duckdb": "{type: duckdb, database: out.duckdb, table: t, write: merge}",
    "sqlite": "{type: sqlite, database: out.sqlite, table: t, write: merge}",
    "postgres": "{type: postgres, connection: target, table: public.t, write: merge}",
    "postgres_swap": "{type: postgres, connection: target, table: public.t, write: replace, replace_by: swap}",
    "mysql": "{type: mysql, connection: target, table: t, write: merge}",
    "mysql_swap": "{type: mysql, connection: target, table: t, write: replace, replace_by: swap}",
    "mysql_scd2": "{type: mysql, connection: target, table: t, write: scd2}",
    "parquet": "{type: parquet, path: out/t.parquet, write: merge}",
    "folder": "{type: parquet, path: out/t, write: merge}",
    "delta": "{type: delta, path: out/t, write: merge}",
    "scd2": "{type: sqlite, database: out.sqlite, table: t, write: scd2}",
    "s3": "{type: parquet, path: s3://BUCKET/t, connection: lake, write: merge}",
}
SERVERS = {kind: f"{kind.partition('_')[0]}_database" for kind in TARGETS if kind.startswith(("postgres", "mysql"))}
"""Kinds whose target outlives a test's folder, and the fixture that gives it a database."""
BOOKS = ("_datasync_commits", "_datasync_fence", "_datasync_files")
ELSEWHERE = ("transform.batch", "spill.written", "audit.stored", "audit.moved", "alert.before_send", "alert.after_send")
"""Points that this contract does not pass; the runs of other tests do."""


STORES: list[Bucket] = []
"""The store of the s3 target, while there is one."""


@pytest.fixture(scope="module")
def lake() -> Iterator[Bucket]:
    """An S3 of our own."""
    with serving("s3") as connection, bucket_in("s3", connection) as made:
        STORES.append(made)
        yield made
        STORES.clear()


class Forker:
    """A process that forks a child for each command."""

    def __init__(self) -> None:
        root = Path(__file__).parent.parent.parent
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forker"], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, arguments: list[str], environment: dict[str, str]) -> int:
        """Run the command line in the working directory; give its exit code, negative for a signal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        command = {"arguments": arguments, "environment": environment, "folder": str(Path.cwd())}
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=20)


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    made = Forker()
    yield made
    made.close()


def _child(forker: Forker, failpoint: str | None) -> int:
    """Run the contract; with a failpoint, be killed there."""
    environment = {VARIABLE: f"{failpoint}=kill" if failpoint else ""}
    for name in ("AIRFLOW_CONN_TARGET", "AIRFLOW_CONN_LAKE"):
        if name in os.environ:
            environment[name] = os.environ[name]
    return forker.run(["run", "c.yaml"], environment)


def _source(rows: str) -> None:
    with duckdb.connect("src.duckdb") as connection:
        connection.execute(rows)


def _stored() -> list[tuple[Any, ...]]:
    """What a reader of the store sees through the newest manifest."""
    fs = STORES[0].store.fs
    place = f"{Path('bucket').read_text(encoding='utf-8')}/t/_datasync"
    parts = json.loads(fs.cat_file(max(fs.ls(f"{place}/manifests", detail=False))))["parts"]
    frames = [pl.read_parquet(fs.open(f"{place}/parts/{name}")) for name in parts]
    return sorted(pl.concat(frames).select("id", "price").rows())


def _on_server(kind: str, server: str | None, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements; give the rows of the last, if it has any."""
    assert server is not None
    if kind.startswith("postgres"):
        with psycopg.connect(server, autocommit=True) as connection:
            cursor = [connection.execute(statement.encode()) for statement in statements][-1]
            return cursor.fetchall() if cursor.description else []
    with closing(mysql_connect(server)) as other, other.cursor() as asked:
        for statement in statements:
            asked.execute(statement)
        return list(asked.fetchall())


def _asked(kind: str, server: str | None, query: str) -> list[tuple[Any, ...]]:
    if kind in SERVERS:
        return [tuple(row) for row in _on_server(kind, server, query)]
    with closing(sqlite3.connect("out.sqlite")) as connection:
        return list(connection.execute(query).fetchall())


def _content(kind: str, server: str | None) -> list[tuple[Any, ...]]:
    if kind == "s3":
        return _stored()
    query = "SELECT id, price FROM t ORDER BY id"
    if kind.endswith("scd2"):
        rows = _asked(kind, server, "SELECT id, price, is_current FROM t ORDER BY id")
        current = [tuple(row[:2]) for row in rows if row[2]]
        # One version for each of the first rows, one for what changed and one for what is new.
        assert len(rows) == (3 if current == OLD else 5)
        return current
    if kind == "delta":
        from deltalake import DeltaTable

        rows = DeltaTable("out/t").to_pyarrow_table(columns=["id", "price"]).to_pylist()
        return sorted((row["id"], row["price"]) for row in rows)
    if kind == "sqlite" or kind in SERVERS:
        return _asked(kind, server, query)
    if kind == "duckdb":
        with duckdb.connect("out.duckdb", read_only=True) as connection:
            return connection.execute(query).fetchall()
    files = "out/t.parquet" if kind == "parquet" else "out/t/*.parquet"
    return duckdb.sql(f"SELECT id, price FROM read_parquet('{files}') ORDER BY id").fetchall()


def _points(kind: str) -> list[str]:
    """Every boundary for one kind of target; for the others those that touch the target or the books."""
    if kind == "s3":
        return ["stage.after_commit", *(point for point in INVENTORY if point.startswith("publish."))]
    if kind == "postgres_swap":
        # Elsewhere it goes the way of postgres.
        return ["publish.after_ddl", "publish.after_dml", "publish.after_commit_row"]
    if kind == "duckdb":
        return [point for point in INVENTORY if point not in ELSEWHERE]
    return [
        point
        for point in INVENTORY
        if point.startswith(("stage.", "publish.")) or point in ("audit.done", "history.before_record")
    ]


@pytest.mark.parametrize("kind", TARGETS)
def test_killed_anywhere(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, forker: Forker
) -> None:
    server: str | None = request.getfixturevalue(SERVERS[kind]) if kind in SERVERS else None
    if server is not None:
        monkeypatch.setenv("AIRFLOW_CONN_TARGET", server)
    if kind == "s3":
        monkeypatch.setenv("AIRFLOW_CONN_LAKE", request.getfixturevalue("lake").airflow())
    _first(kind, tmp_path / "0", (monkeypatch, forker), server)
    passed = 0
    points = _points(kind)
    for number, point in enumerate(points, 1):
        if kind in SERVERS or kind == "s3":
            _first(kind, tmp_path / str(number), (monkeypatch, forker), server)
        else:
            shutil.copytree(tmp_path / "0", tmp_path / str(number), symlinks=True)
            monkeypatch.chdir(tmp_path / str(number))
        _source("UPDATE src SET price = 11, seq = 4 WHERE id = 1; INSERT INTO src VALUES (4, 40, 5), (5, -1, 6)")
        code = _child(forker, point)
        assert code in (-9, 0), point
        passed += code == -9
        assert _content(kind, server) in (OLD, NEW), point
        assert _child(forker, None) == 0, point
        assert _content(kind, server) == NEW, point
        _conserved()
    # Points that only another kind of target has are not met; most are.
    assert passed >= len(points) // 2


def _first(kind: str, folder: Path, tools: tuple[pytest.MonkeyPatch, Forker], server: str | None) -> None:
    """A target that was published once."""
    monkeypatch, forker = tools
    folder.mkdir()
    monkeypatch.chdir(folder)
    if server is not None:
        _on_server(kind, server, *(f"DROP TABLE IF EXISTS {name}" for name in ("t", *BOOKS)))
        if not kind.startswith("postgres"):
            _on_server(kind, server, "DROP TABLE IF EXISTS _datasync_swaps")
    Path("datasync.toml").touch()
    bucket = f"crash{secrets.token_hex(6)}"
    if kind == "s3":
        STORES[0].store.fs.mkdir(bucket)
        Path("bucket").write_text(bucket, encoding="utf-8")
    Path("c.yaml").write_text(CONTRACT.replace("TARGET", TARGETS[kind]).replace("BUCKET", bucket), encoding="utf-8")
    _source("CREATE TABLE src(id BIGINT, price BIGINT, seq BIGINT); INSERT INTO src VALUES (1, 10, 1), (2, 20, 2), (3, 30, 3)")
    assert _child(forker, None) == 0
    assert _content(kind, server) == OLD


def _conserved() -> None:
    with closing(sqlite3.connect(".datasync/history.db")) as connection:
        results = [json.loads(row[0]) for row in connection.execute("SELECT result FROM runs WHERE result IS NOT NULL")]
    for result in results:
        rows = result["rows"]
        assert rows["extracted"] + rows["added"] == rows["accepted"] + rows["quarantined"] + rows["dropped"]


def test_inventory_is_the_code() -> None:
    root = Path(sys.modules["datasync"].__path__[0])
    called = set()
    for file in root.rglob("*.py"):
        called |= set(re.findall(r'failpoint\("([a-z_.]+)"\)', file.read_text(encoding="utf-8")))
    assert called == set(INVENTORY)
