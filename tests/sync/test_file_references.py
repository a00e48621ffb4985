"""References of a contract that publishes files to what other contracts publish."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datasync.cli.app import invoke

CONTRACT = """\
contract: NAME
version: 1.0.0
source: {type: csv, path: NAME.csv}
columns:
  id: {type: int64, key: true}
  of: {type: int64REFERENCES}
quarantine: {allow: 50%}
target: {type: parquet, path: out/NAME.parquet, write: merge}
"""


def _run(name: str, rows: str, references: str = "") -> int:
    Path(f"{name}.csv").write_text(f"id,of\n{rows}", encoding="utf-8")
    Path(f"{name}.yaml").write_text(CONTRACT.replace("NAME", name).replace("REFERENCES", references), encoding="utf-8")
    return invoke(["run", f"{name}.yaml", "--json"])


def test_rows_without_what_they_refer_to_are_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import polars as pl

    monkeypatch.chdir(tmp_path)
    assert _run("parents", "1,\n") == 0
    assert _run("children", "1,1\n2,9\n3,1\n", ", references: {contract: parents, column: id}") == 0
    assert pl.read_parquet("out/children.parquet")["id"].to_list() == [1, 3]


def test_a_contract_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = _run("children", "1,1\n", ", references: {contract: nowhere, column: id}")
    captured = capsys.readouterr()
    assert code in (2, 3)
    assert "nowhere" in captured.out + captured.err
    assert "E_INTERNAL" not in captured.out + captured.err
    assert json.loads(captured.out)["status"] == "error"
