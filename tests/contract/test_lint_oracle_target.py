"""What lint says of Oracle as a target."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasync.contract.loader import lint_paths
from datasync.errors import Problem

CONTRACT = """\
contract: c
version: 1.0.0
source: {type: sqlite, database: s.sqlite, table: t}
columns:
  ID: {type: int64, key: true}
  NAME: {type: KIND}
target: {type: oracle, connection: erp, table: SHOP.T, write: WRITE}
"""


def _found(tmp_path: Path, kind: str = "date", write: str = "replace") -> list[Problem]:
    path = tmp_path / "c.yaml"
    path.write_text(CONTRACT.replace("KIND", kind).replace("WRITE", write), encoding="utf-8")
    return list(lint_paths((path,))[1])


def test_a_plain_one_has_no_problem(tmp_path: Path) -> None:
    assert _found(tmp_path) == []
    assert _found(tmp_path, write="scd2") == []
    assert _found(tmp_path, write="merge, deletes: {missing: delete}") == []


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ('"list<int64>"', "list<int64>, and the target is oracle"),
        ("time", "time, and the target is oracle"),
        ('"timestamp[ns]"', "nanoseconds"),
        ("json, key: true", "a key of type json"),
        ("binary, key: true", "a key of type binary"),
    ],
)
def test_types_that_it_cannot_hold_are_refused(tmp_path: Path, kind: str, found: str) -> None:
    problems = [problem for problem in _found(tmp_path, kind) if problem.severity == "error"]
    assert [found in problem.found for problem in problems] == [True]


@pytest.mark.parametrize("by", ["swap", "truncate"])
def test_ways_to_replace_that_commit_in_between_are_refused(tmp_path: Path, by: str) -> None:
    problem = _found(tmp_path, write=f"replace, replace_by: {by}")[0]
    assert (problem.where, problem.found, problem.allowed) == ("target.replace_by", f"{by} on oracle", "rows")
    assert "commits by itself" in problem.hint


def test_empty_texts_are_advised_of_unless_a_gate_sets_them_aside(tmp_path: Path) -> None:
    advice = _found(tmp_path, "string")
    assert [problem.severity for problem in advice] == ["advice"]
    assert "(NAME)" in advice[0].found
    assert _found(tmp_path, "string, min_length: 1") == []


def test_names_that_oracle_cannot_keep_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(CONTRACT.replace("KIND", "date").replace("WRITE", "replace").replace("NAME", "'a\"b'"), encoding="utf-8")
    assert "double quote" in lint_paths((path,))[1][0].found
