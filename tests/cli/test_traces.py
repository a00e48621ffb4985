"""Tracebacks, in --debug and in logs: where, but nothing that a server, a library or Python said (I8, F73)."""

from __future__ import annotations

import logging
from pathlib import Path

import psycopg
import pytest

from datasync.cli.app import invoke
from datasync.cli.logs import Text
from datasync.cli.traces import trace
from datasync.errors import PermanentError
from tests.canary import PERSON, SECRET, leaks

CONTRACT = """\
contract: people
version: 1.0.0
source: {type: postgres, connection: shop, query: "SELECT id, CAST(name AS integer) AS name FROM people"}
columns: {id: {type: int64, key: true}, name: {type: int32}}
target: {type: duckdb, database: out.duckdb, table: people, write: merge}
"""


def _broken() -> PermanentError:
    try:
        try:
            raise ValueError(f"the cell {PERSON}") from KeyError(SECRET)
        except ValueError as error:
            raise PermanentError("a value does not fit", code="E_VALUE") from error
    except PermanentError as error:
        return error


def test_only_our_own_words_are_shown() -> None:
    text = trace(_broken())
    assert leaks(text) == []
    assert "datasync.errors.PermanentError: a value does not fit" in text.splitlines()[-1]
    assert [line for line in text.splitlines() if line.startswith("builtins.")] == ["builtins.KeyError", "builtins.ValueError"]
    assert text.count("Traceback") == 3


def test_logs_show_the_same() -> None:
    error = _broken()
    record = logging.LogRecord("datasync", logging.ERROR, "f", 1, "a job", (), (type(error), error, error.__traceback__))
    text = Text("%(message)s").format(record)
    assert leaks(text) == []
    assert "ValueError" in text


def test_a_cell_that_the_server_stumbled_over(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as server:
        server.execute("CREATE TABLE people (id bigint, name text)")
        server.execute("INSERT INTO people VALUES (1, %s)", [PERSON])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", postgres_database)
    Path("datasync.toml").touch()
    Path("c.yaml").write_text(CONTRACT, encoding="utf-8")
    assert invoke(["--debug", "run", "c.yaml"]) == 3
    told = capfd.readouterr()
    assert "Traceback" in told.err
    assert leaks(told.out + told.err) == []
