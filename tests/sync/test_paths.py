"""Variables of a run in a path: a given interval is that of its files too."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import datasync
from datasync.cli.app import invoke
from datasync.contract.loader import lint_paths

CONTRACT = """\
contract: daily
version: 1.0.0
source: {type: csv, path: "in/{ds}/*.csv"}
columns: {id: {type: int64, key: true}}
target: {type: duckdb, database: "out-{next_ds:%d}.duckdb", table: t, write: merge}
"""


def test_a_given_interval_reads_the_files_of_its_day(tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "daily.yaml").write_text(CONTRACT, encoding="utf-8")
    for day in (23, 24):
        (tmp_path / "in" / f"2026-11-{day}").mkdir(parents=True)
        (tmp_path / "in" / f"2026-11-{day}" / "a.csv").write_text(f"id\n{day}\n", encoding="utf-8")
    result = datasync.load(tmp_path / "daily.yaml").run(window_start="2026-11-23", window_end="2026-11-24")
    assert (result.status, result.rows.published) == ("passed", 1), result.error
    with duckdb.connect(str(tmp_path / "out-24.duckdb")) as connection:
        assert connection.execute("SELECT id FROM t").fetchall() == [(23,)]


def test_a_backfill_goes_through_the_days_that_a_path_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "daily.yaml").write_text(CONTRACT.replace("out-{next_ds:%d}", "out"), encoding="utf-8")
    for day in (23, 24, 25):
        (tmp_path / "in" / f"2026-11-{day}").mkdir(parents=True)
        (tmp_path / "in" / f"2026-11-{day}" / "a.csv").write_text(f"id\n{day}\n", encoding="utf-8")
    arguments = ["backfill", "daily.yaml", "--start", "2026-11-23", "--end", "2026-11-25", "--every", "1d"]
    assert invoke(arguments) == 0
    with duckdb.connect(str(tmp_path / "out.duckdb")) as connection:
        assert connection.execute("SELECT id FROM t ORDER BY id").fetchall() == [(23,), (24,)]
    (tmp_path / "daily.yaml").write_text(CONTRACT.replace("in/{ds}/", "in/*/"), encoding="utf-8")
    capfd.readouterr()
    assert invoke(arguments) == 2
    assert "{ds} in its path" in capfd.readouterr().err


def test_a_window_names_no_path(tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    text = CONTRACT.replace("in/{ds}/", "in/{window_start:%Y-%m-%d}/").replace("csv", "parquet")
    (tmp_path / "daily.yaml").write_text(text, encoding="utf-8")
    _, problems = lint_paths([tmp_path])
    assert [(problem.where, problem.line) for problem in problems] == [("source.path", 3)]
    assert "{ds}" in problems[0].allowed
