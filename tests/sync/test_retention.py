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
from datasync.connectors.locks import FileLock
from datasync.connectors.registry import open_target
from datasync.connectors.sql.bookkeeping import staging_name
from datasync.history import tables
from datasync.history.store import History
from datasync.sync.api import Sync
from datasync.sync.systems import surroundings

CONTRACT = """\
contract: c
version: 1.0.0
{more}
source: {{type: csv, path: a.csv}}
columns:
  id: {{type: int64, key: true}}
  v: {{type: int64, min: 0}}
quarantine: {{{quarantine}}}
target: {target}
"""


TARGETS = {
    "duckdb": "{type: duckdb, database: t.duckdb, table: c, write: merge}",
    "sqlite": "{type: sqlite, database: t.sqlite, table: c, write: merge}",
    "parquet": "{type: parquet, path: t.parquet, write: merge}",
    "delta": "{type: delta, path: lake/c, write: merge}",
}


def project(folder: Path, more: str = "", quarantine: str = "allow: 50%, keep: 30d", target: str = "duckdb") -> Sync:
    (folder / "datasync.toml").touch()
    (folder / "contracts").mkdir(exist_ok=True)
    pl.DataFrame({"id": [1, 2, 3], "v": [5, 6, -1]}).write_csv(folder / "a.csv")
    path = folder / "contracts" / "c.yaml"
    path.write_text(CONTRACT.format(more=more, quarantine=quarantine, target=TARGETS[target]), encoding="utf-8")
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


def _orphans(sync: Sync) -> list[str]:
    assert sync.contract.target is not None
    target = open_target(sync.contract.target, surroundings(sync.project))
    try:
        return target.orphans()
    finally:
        target.close()


@pytest.mark.parametrize("kind", TARGETS)
def test_staging_goes_a_week_after_its_run(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync = project(tmp_path, more="count: {min: 10}", target=kind)
    run = sync.run()
    assert run.status == "failed"
    assert _orphans(sync) == [staging_name(run.run_id)]
    age(sync, 6)
    assert clean(capsys)["staging"] == []
    age(sync, 8)
    assert clean(capsys, "--dry-run")["staging"] == [run.run_id]
    assert clean(capsys)["staging"] == [run.run_id]
    assert _orphans(sync) == []
    assert clean(capsys)["staging"] == []


def test_staging_that_history_does_not_know_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync = project(tmp_path, more="count: {min: 10}", target="sqlite")
    run = sync.run()
    history = History(sync.project.history_url)
    history.forget_runs([run.run_id])
    history.close()
    # Another project may share the target, and hold a run there.
    assert clean(capsys)["staging"] == []
    assert _orphans(sync) == [staging_name(run.run_id)]


def test_staging_of_held_runs_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync = project(tmp_path, more="on_violation: hold", quarantine="keep: 30d")
    run = sync.run()
    age(sync, 400)
    assert clean(capsys)["staging"] == []
    assert _orphans(sync) == [staging_name(run.run_id)]


def test_staging_that_a_process_holds_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sync = project(tmp_path, more="count: {min: 10}", target="sqlite")
    run = sync.run()
    age(sync, 8)
    held = FileLock(surroundings(sync.project).home, f"{tmp_path / 't.sqlite'}|stg:{run.run_id}")
    held.acquire("staging")
    assert clean(capsys)["staging"] == []
    held.release()
    assert clean(capsys)["staging"] == [run.run_id]
