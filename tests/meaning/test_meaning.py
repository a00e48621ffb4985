"""The meaning of a contract, pinned by example: every case of cases.yaml runs through the command line's own front door."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from datasync.cli.app import invoke

CASES = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text(encoding="utf-8"))


def _write(files: dict[str, Any]) -> None:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else _generated(content), encoding="utf-8", newline="")


def _generated(content: dict[str, Any]) -> str:
    replaced = content.get("replace", {})
    lines = [replaced.get(number, content["row"].replace("{i}", str(number))) for number in range(1, content["rows"] + 1)]
    return "".join(line + "\n" for line in [content["header"], *lines])


def _setup(statements: dict[str, str]) -> None:
    for database, sql in statements.items():
        if _is_sqlite(database):
            with closing(sqlite3.connect(database)) as other:
                other.executescript(sql)
            continue
        with duckdb.connect(database) as connection:
            connection.execute(sql)


def _is_sqlite(database: str) -> bool:
    path = Path(database)
    return path.suffix in (".sqlite", ".db") or (path.is_file() and path.read_bytes()[:15] == b"SQLite format 3")


def _target(contract: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(contract)["target"]
    return found


def _check_target(expected: Any, target: dict[str, Any]) -> None:
    database = target.get("database")
    if expected == "absent":
        if database is None:
            assert not Path(target["path"]).exists()
        elif Path(database).exists() and not _is_sqlite(database):
            with duckdb.connect(database, read_only=True) as connection:
                tables = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
            assert target["table"] not in tables
        return
    if database is not None and _is_sqlite(database):
        with closing(sqlite3.connect(database)) as other:
            assert [list(row) for row in other.execute(expected["sql"]).fetchall()] == expected["result"]
        return
    with duckdb.connect(database or ":memory:", read_only=database is not None) as connection:
        found = [list(row) for row in connection.execute(expected["sql"]).fetchall()]
    assert found == expected["result"]


def _check_result(expected: dict[str, Any], result: dict[str, Any]) -> None:
    if "status" in expected:
        assert result["status"] == expected["status"], result.get("error")
    for part in ("rows", "quarantine"):
        for name, value in expected.get(part, {}).items():
            assert result[part][name] == value, (part, name, result[part])
    checks: dict[str, list[dict[str, Any]]] = {}
    for check in result.get("checks", []):
        checks.setdefault(check["name"], []).append(check)
    for name, wanted in expected.get("checks", {}).items():
        candidates = checks.get(name, [])
        fits = any(all(check[key] == value for key, value in wanted.items()) for check in candidates)
        assert fits, (name, wanted, candidates)


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_meaning(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _write({"contract.yaml": case["contract"], **case.get("files", {})})
    _setup(case.get("setup", {}))
    target = _target(case["contract"])
    run_id = ""
    for step in case["steps"]:
        for name in step.get("remove", []):
            Path(name).unlink(missing_ok=True)
        _write(step.get("files", {}))
        _setup(step.get("setup", {}))
        code = invoke([argument.replace("{run_id}", run_id) for argument in step["run"]])
        captured = capfd.readouterr()
        expected = step["expect"]
        assert code == expected["exit"], captured.out + captured.err
        result = json.loads(captured.out) if "--json" in step["run"] else {}
        run_id = result.get("run_id", run_id)
        _check_result(expected, result)
        for text in expected.get("output_lacks", []):
            assert text not in captured.out
            assert text not in captured.err
        if "target" in expected:
            _check_target(expected["target"], target)
