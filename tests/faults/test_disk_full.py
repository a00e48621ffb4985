"""F21: the disk is full in staging, in quarantine, in the workspace: the run says so, and the target is as it was.

Two small disks: a tmpfs of a few megabytes where mounting is allowed, and a limit on the size of files, which needs no rights.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

ROWS = 60_000
LIMIT = 4 * 1024 * 1024
CONTRACT = """\
contract: c
version: 1.0.0
run: {{tasks: {tasks}, batch_rows: 60000}}
source: {{type: parquet, path: a.parquet}}
transform: [{transform}]
columns:
  id: {{type: int64, key: true}}
  text: {{type: string, {promise}}}
quarantine: {{allow: 100%}}
target: {target}
"""
TARGETS = {
    "duckdb": "{type: duckdb, database: small/t.duckdb, table: t, write: replace}",
    "sqlite": "{type: sqlite, database: small/t.sqlite, table: t, write: replace}",
    "parquet": "{type: parquet, path: small/t.parquet, write: replace}",
}
ELSEWHERE = "{type: duckdb, database: t.duckdb, table: t, write: replace}"


@dataclass(frozen=True)
class Disk:
    """A project with a folder `small`; `limited`: files are, instead of the folder."""

    root: Path
    limited: bool

    def run(self, **environment: str) -> tuple[int, dict[str, Any], str]:
        """Run the contract in a process of its own; give its exit code, result and everything it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "datasync.cli.app", "run", "c.yaml", "--json"], cwd=self.root, capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])} | environment, check=False, timeout=120,
            preexec_fn=self._limit if self.limited and environment.get("FULL") else None,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout), done.stdout + done.stderr

    @staticmethod
    def _limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))

    def write(self, contract: dict[str, str], frame: pl.DataFrame) -> None:
        """Write contract and source."""
        (self.root / "c.yaml").write_text(CONTRACT.format(**{"transform": ""} | contract), encoding="utf-8")
        frame.write_parquet(self.root / "a.parquet")


@pytest.fixture(params=["tmpfs", "limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    (tmp_path / "datasync.toml").touch()
    small = tmp_path / "small"
    small.mkdir()
    if request.param == "limit":
        yield Disk(tmp_path, True)
        return
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={LIMIT}", "datasync-test", str(small)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here; the same is tried with a limit on the size of files")
    yield Disk(tmp_path, False)
    subprocess.run(["umount", str(small)], check=True)


def _large() -> pl.DataFrame:
    """Rows whose text no compression makes small."""
    numbers = pl.int_range(ROWS, eager=True)
    parts = [numbers.hash(seed).cast(pl.String).alias(str(seed)) for seed in range(1, 13)]
    return pl.DataFrame({"id": numbers, "text": pl.DataFrame(parts).select(pl.concat_str(pl.all())).to_series()})


SMALL = pl.DataFrame({"id": [1, 2], "text": ["one", "two"]})


def _rows(disk: Disk, target: str) -> list[tuple[Any, ...]]:
    query = "SELECT id, text FROM t ORDER BY id"
    if target == "sqlite":
        with closing(sqlite3.connect(disk.root / "small" / "t.sqlite")) as connection:
            return list(connection.execute(query).fetchall())
    if target == "parquet":
        return pl.read_parquet(disk.root / "small" / "t.parquet").select("id", "text").sort("id").rows()
    with duckdb.connect(str(disk.root / ("small/t.duckdb" if target == "duckdb" else "t.duckdb")), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _full(found: tuple[int, dict[str, Any], str]) -> None:
    code, result, printed = found
    assert (code, result["status"]) == (3, "error"), printed
    assert result["rows"]["published"] == 0
    error = result["error"]
    if error["message"].startswith("sqlite") and error["code"] == "E_STORAGE":
        # SQLite has no word for a file that may not grow.
        return
    assert error["code"] == "E_DISK_FULL", error
    assert "space" in error["hint"]
    assert "Traceback" not in printed


@pytest.mark.parametrize("target", TARGETS)
def test_staging(disk: Disk, target: str) -> None:
    contract = {"tasks": "fused", "promise": "required: true", "target": TARGETS[target]}
    disk.write(contract, SMALL)
    assert disk.run()[0] == 0
    disk.write(contract, _large())
    _full(disk.run(FULL="1"))
    assert _rows(disk, target) == [(1, "one"), (2, "two")]


@pytest.mark.parametrize("what", ["quarantine", "parts", "dedupe"])
def test_workspace(disk: Disk, what: str) -> None:
    place = str(disk.root / "small")
    contract = {"tasks": "fused", "promise": "max_length: 9", "target": ELSEWHERE}
    if what == "parts":
        contract |= {"tasks": "split", "promise": "required: true"}
    if what == "dedupe":
        contract |= {"promise": "required: true", "transform": "{dedupe: {by: [id]}}"}
    disk.write(contract, SMALL)
    assert disk.run(DATASYNC_WORKSPACE=place)[0] == 0
    disk.write(contract, _large())
    _full(disk.run(DATASYNC_WORKSPACE=place, FULL="1"))
    assert _rows(disk, "elsewhere") == [(1, "one"), (2, "two")]
