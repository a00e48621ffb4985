"""`datasync compare`: what people name, what they are told, and what the process answers."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datasync.cli.app import invoke

Call = Callable[..., tuple[int, Any]]
ROWS = [(1, "a", 1.5), (2, "b", 2.5), (3, "c", None)]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Runs a comparison in a project of its own and gives its exit code and document."""
    monkeypatch.chdir(tmp_path)
    Path("datasync.toml").touch()
    with duckdb.connect("t.duckdb") as connection:
        connection.execute("CREATE TABLE t (id BIGINT, name VARCHAR, mass DECIMAL(9,2))")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [list(row) for row in ROWS])
        for form in ("parquet", "json"):
            connection.execute(f"COPY t TO 't.{form}'")
        connection.execute("COPY t TO 'list.json' (ARRAY true)")
    Path("t.json").rename("t.ndjson")
    Path("t.csv").write_text("id,name,mass\n1,a,1.50\n2,b,+2.5\n3,c,\n", encoding="utf-8")
    with gzip.open("t.csv.gz", "wb") as file:
        file.write(Path("t.csv").read_bytes())
    with closing(sqlite3.connect("t.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE t (id INTEGER, name TEXT, mass NUMERIC)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", ROWS)

    def run(*arguments: str) -> tuple[int, Any]:
        capfd.readouterr()
        code = invoke(["compare", *arguments, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return run


PLACES = [
    "sqlite:t.sqlite:t", "file:t.csv", "file:t.csv.gz", "file:t.parquet", "file:t.ndjson", "file:list.json", "duckdb:t.duckdb:main.t",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_the_same_rows_wherever_they_are(call: Call, place: str) -> None:
    code, found = call(place, "duckdb:t.duckdb:t", "--key", "id")
    assert (code, found["status"], found["a"]["rows"]) == (0, "same", 3)
    code, found = call("duckdb:t.duckdb:t", place, "--key", "name,id", "--where", "id >= 2")
    assert (code, found["b"]["rows"]) == (0, 2), found
    assert not [path for path in Path(".datasync").iterdir() if path.name.startswith("compare")]


def test_what_is_told(call: Call, capfd: pytest.CaptureFixture[str]) -> None:
    Path("u.csv").write_text("id,name,mass\n1,secret,1.5\n2,b,2.5\n4,d,\n4,d,\n,e,\n", encoding="utf-8")
    code, found = call("duckdb:t.duckdb:t", "file:u.csv", "--key", "id")
    assert (code, found["only_a"], found["only_b"], found["different"], found["by_column"]) == (1, 1, 3, 1, {"name": 1})
    assert (found["b"]["null_keys"], found["b"]["duplicate_keys"], found["b"]["duplicate_rows"]) == (1, 1, 2)
    assert "secret" not in json.dumps(found)
    assert invoke(["compare", "duckdb:t.duckdb:t", "file:u.csv", "--key", "id", "--show-values"]) == 1
    text = capfd.readouterr().out
    for line in (
        "1 only in A · 3 only in B · 1 different", "1 without a key · 1 keys several times (2 rows)", "name 1", "1  name: a → secret",
        "only in B NULL",
    ):  # fmt: skip
        assert line in text, text


def test_rows_that_cannot_be_read_are_not_lost(call: Call) -> None:
    Path("u.csv").write_text("id,name,mass\n1,a,1.5\n2,b,2.5\n3,c,,,\n3,c,\n", encoding="utf-8")
    code, found = call("duckdb:t.duckdb:t", "file:u.csv", "--key", "id")
    assert (code, found["status"], found["b"]["unreadable"], found["only_a"]) == (1, "different", 1, 0)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "error"),
    [
        (("duckdb:t.duckdb:t", "duckdb:t.duckdb:t"), 2, "E_KEY"),
        (("duckdb:t.duckdb:t", "duckdb:t.duckdb:t", "--key", "idd"), 2, "E_COLUMN"),
        (("duckdb:t.duckdb:t", "duckdb:t.duckdb:t", "--key", "id", "--columns", "x"), 2, "E_COLUMN"),
        (("duckdb:t.duckdb:t", "duckdb:t.duckdb:t", "--key", "id", "--where", "id +"), 2, "E_WHERE"),
        (("duckdb:t.duckdb:t", "duckdb:t.duckdb:t", "--key", "id", "--where", "id > 'x'"), 2, "E_WHERE"),
        (("duckdb:t.duckdb", "duckdb:t.duckdb:t", "--key", "id"), 2, "E_COMPARE"),
        (("nothing", "duckdb:t.duckdb:t", "--key", "id"), 2, "E_COMPARE"),
        (("contract:nothing", "duckdb:t.duckdb:t"), 2, "E_COMPARE"),
        (("file:t.txt", "duckdb:t.duckdb:t", "--key", "id"), 2, "E_DATA"),
        (("nowhere:t", "duckdb:t.duckdb:t", "--key", "id"), 3, "E_CONNECTION"),
        (("duckdb:t.duckdb:gone", "duckdb:t.duckdb:t", "--key", "id"), 3, "E_NO_TABLE"),
        (("sqlite:gone.sqlite:t", "duckdb:t.duckdb:t", "--key", "id"), 3, "E_SOURCE_MISSING"),
        (("sqlite:t.sqlite:gone", "duckdb:t.duckdb:t", "--key", "id"), 3, "E_NO_TABLE"),
        (("sqlite:../t.sqlite:t", "duckdb:t.duckdb:t", "--key", "id"), 3, "E_PATH"),
    ],
)
def test_what_is_wrong_is_said(call: Call, arguments: tuple[str, ...], exit_code: int, error: str) -> None:
    code, found = call(*arguments)
    assert (code, found["error"]["code"]) == (exit_code, error), found


def test_names_are_quoted(call: Call) -> None:
    with duckdb.connect("t.duckdb") as connection:
        connection.execute('CREATE TABLE "o""dd" AS SELECT id AS "i d", name AS "n""ame; --" FROM t')
    assert call('duckdb:t.duckdb:o"dd', 'duckdb:t.duckdb:o"dd', "--key", "i d")[0] == 0


def test_nothing_is_written(call: Call) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(".").iterdir() if path.is_file()}
    assert call("sqlite:t.sqlite:t", "duckdb:t.duckdb:t", "--key", "id")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in Path(".").iterdir() if path.is_file()} == before
