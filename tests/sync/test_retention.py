"""What `clean` removes, and what it never does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from sqlalchemy import update

import datasync
from datasync.cli.app import invoke
from datasync.history import tables
from datasync.history.store import History
from datasync.sync.api import Sync

CONTRACT = """\
contract: c
version: 1.0.0
{more}
source: {{type: csv, path: a.csv}}
columns:
  id: {{type: int64, key: true}}
  v: {{type: int64, min: 0}}
quarantine: {{{quarantine}}}
target: {{type: duckdb, database: t.duckdb, table: c, write: merge}}
"""


def project(folder: Path, more: str = "", quarantine: str = "allow: 50%, keep: 30d") -> Sync:
    (folder / "datasync.toml").touch()
    (folder / "contracts").mkdir(exist_ok=True)
    pl.DataFrame({"id": [1, 2, 3], "v": [5, 6, -1]}).write_csv(folder / "a.csv")
    path = folder / "contracts" / "c.yaml"
    path.write_text(CONTRACT.format(more=more, quarantine=quarantine), encoding="utf-8")
    return datasync.load(path)


def age(sync: Sync, days: int) -> None:
    """Make everything in history older."""
    then = datetime.now(UTC) - timedelta(days=days)
    history = History(sync.project.history_url)
    with history._engine.begin() as connection:
        connection.execute(update(tables.runs).values(started_at=then))
        connection.execute(update(tables.quarantine).values(created_at=then))
    history.close()


def clean(capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, object]:
    capsys.readouterr()
    assert invoke(["clean", "--json", *flags]) == 0
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_young_runs_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync = project(tmp_path)
    run = sync.run()
    assert run.status == "warned"
    clean(capsys)
    history = History(sync.project.history_url)
    assert history.result(run.run_id) is not None
    assert [batch.state for batch in history.quarantine_batches()] == ["open"]
    history.close()


def test_a_dry_run_says_and_leaves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync = project(tmp_path)
    run = sync.run()
    age(sync, 400)
    said = clean(capsys, "--dry-run")
    assert run.run_id in json.dumps(said)
    files = list((tmp_path / ".datasync" / "quarantine").rglob("*.parquet"))
    assert len(files) == 1


def test_rows_are_kept_as_long_as_the_contract_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync = project(tmp_path)
    sync.run()
    age(sync, 29)
    clean(capsys)
    assert list((tmp_path / ".datasync" / "quarantine").rglob("*.parquet"))
    age(sync, 31)
    clean(capsys)
    assert not list((tmp_path / ".datasync" / "quarantine").rglob("*.parquet"))


def test_open_rows_without_a_term_stay_for_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync = project(tmp_path, quarantine="allow: 50%")
    sync.run()
    age(sync, 4000)
    clean(capsys)
    assert list((tmp_path / ".datasync" / "quarantine").rglob("*.parquet"))


def test_the_target_and_its_commits_are_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync = project(tmp_path)
    sync.run()
    age(sync, 4000)
    clean(capsys)
    with duckdb.connect(str(tmp_path / "t.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM c").fetchall() == [(2,)]
        assert connection.execute("SELECT count(*) FROM _datasync_commits").fetchall() == [(1,)]
    assert sync.run().status == "warned"


def test_a_held_run_can_be_released_after_a_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync = project(tmp_path, more="on_violation: hold", quarantine="keep: 30d")
    run = sync.run()
    assert run.status == "held"
    clean(capsys)
    assert invoke(["runs", "release", run.run_id, "--reason", "seen"]) == 0
    with duckdb.connect(str(tmp_path / "t.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM c").fetchall() == [(2,)]
