"""A shadow publishes beside the target as a sync of its own; nothing of the target, its history or its alerts is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datasync.cli.app import invoke
from datasync.contract.loader import load_contract
from datasync.history.store import History
from datasync.sync.project import open_project
from datasync.sync.shadow import shadow_target

COLUMNS = "columns: {id: {type: int64, key: true}, price: {type: int64, min: 0}, seq: {type: int64, required: true}}\nquarantine: {allow: 50%}\n"
Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Runs a command in a project of its own and gives its exit code and document."""
    monkeypatch.chdir(tmp_path)
    Path("datasync.toml").touch()

    def run(*arguments: str) -> tuple[int, Any]:
        capfd.readouterr()
        code = invoke([*arguments, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return run


def _source(*rows: tuple[int, int, int]) -> None:
    with duckdb.connect("src.duckdb") as connection:
        connection.execute("CREATE OR REPLACE TABLE src (id BIGINT, price BIGINT, seq BIGINT)")
        connection.executemany("INSERT INTO src VALUES (?, ?, ?)", [list(row) for row in rows])


def _contract(target: str, more: str = "", cursor: str = ", cursor: {column: seq}") -> None:
    text = f"contract: c\nversion: '1'\nsource: {{type: duckdb, database: src.duckdb, table: src{cursor}}}\n{COLUMNS}{more}target: {target}\n"
    Path("c.yaml").write_text(text, encoding="utf-8")


TARGET = "{type: duckdb, database: wh.duckdb, table: t, write: merge}"


def _table(name: str) -> list[tuple[Any, ...]]:
    with duckdb.connect("wh.duckdb", read_only=True) as connection:
        return connection.execute(f"SELECT * FROM {name} ORDER BY id").fetchall()


def test_real_and_shadow_keep_watermarks_of_their_own(call: Call) -> None:
    _source((1, 10, 1), (2, 20, 2))
    _contract(TARGET)
    assert call("run", "c.yaml")[0] == 0
    _source((1, 10, 1), (2, 20, 2), (3, 30, 3), (4, -4, 4))
    code, result = call("run", "c.yaml", "--shadow")
    assert (code, result["status"], result["rows"]["published"], result["window"]) == (
        0,
        "warned",
        3,
        {"start": None, "end": "5"},
    )
    assert _table("t") == [(1, 10, 1), (2, 20, 2)]
    assert _table("t__shadow") == [(1, 10, 1), (2, 20, 2), (3, 30, 3)]
    code, result = call("compare", "c.yaml")
    assert (code, result["only_a"], result["only_b"], result["different"]) == (1, 0, 1, 0)
    # The real one goes on where it was, not where its shadow is.
    code, result = call("run", "c.yaml")
    assert (result["window"], result["rows"]["published"]) == ({"start": "3", "end": "5"}, 1)
    assert call("compare", "c.yaml")[0] == 0
    assert call("run", "c.yaml", "--shadow")[1]["window"] == {"start": "5", "end": "5"}


def test_a_shadow_tells_nobody_and_counts_nowhere(call: Call) -> None:
    _source((1, 10, 1))
    _contract(
        TARGET,
        "on_violation: hold\ncount: {drift: {against: last 7 runs, within: 10%}}\nalerts: [{when: violated, to: [slack]}]\n",
    )
    assert call("run", "c.yaml")[0] == 0
    _source((1, -1, 1), (2, -1, 2))
    code, result = call("run", "c.yaml", "--shadow", "--full")
    # What would wait for a person is blocked.
    assert (code, result["status"], result["alerts"]) == (1, "failed", [])
    project = open_project(Path("c.yaml"))
    history = History(project.history_url)
    try:
        with history.ledger() as ledger:
            assert ledger.incidents.listed(contract="c") == []
        kinds = {row.run_id: row.kind for row in history.list_runs("c")}
        assert sorted(kinds.values()) == ["run", "shadow"]
        real = next(run for run, kind in kinds.items() if kind == "run")
        facts = history.facts(real)
        assert facts is not None
        assert len(history.past_counts(facts.sync, 7)) == 1
        assert history.watermark(facts.sync) == "2"
        assert history.quarantine_batches(states=("open",)) == []
        assert history.unfinished("c") is None
    finally:
        history.close()


def test_a_held_run_waits_on_beside_its_shadow(call: Call) -> None:
    _source((1, -1, 1))
    _contract(TARGET, "on_violation: hold\n", "")
    code, held = call("run", "c.yaml")
    assert (code, held["status"]) == (1, "held")
    _source((1, 1, 1))
    assert call("run", "c.yaml", "--shadow")[0] == 0
    assert call("runs", "show", held["run_id"])[1]["status"] == "held"


def test_its_plan_says_where_and_from_which_watermark(call: Call) -> None:
    _source((1, 10, 1), (2, 20, 2))
    _contract(TARGET)
    assert call("run", "c.yaml")[0] == 0
    code, steps = call("plan", "c.yaml", "--shadow")
    said = {step["name"]: step for step in steps}
    assert (code, said["extract"]["summary"]) == (0, "read the beginning <= seq < 3")
    assert said["publish"]["summary"].startswith("merge in one atomic step, in duckdb:wh.duckdb:t__shadow")
    assert 'MERGE INTO "t__shadow"' in said["publish"]["details"][-1]
    assert "t__shadow" not in json.dumps(call("plan", "c.yaml")[1])
    assert call("run", "c.yaml", "--shadow")[0] == 0
    _source((1, 10, 1), (2, 20, 2), (3, 30, 3))
    assert call("plan", "c.yaml", "--shadow")[1][0]["summary"] == "read 3 <= seq < 4"


def test_a_report_is_of_the_contracts_own_newest_run(call: Call, capfd: pytest.CaptureFixture[str]) -> None:
    _source((1, 10, 1))
    _contract(TARGET)

    def reported(*arguments: str) -> str:
        capfd.readouterr()
        assert invoke(["report", "--format", "json", *arguments]) == 0
        return str(json.loads(capfd.readouterr().out)["run_id"])

    real = call("run", "c.yaml")[1]["run_id"]
    shadow = call("run", "c.yaml", "--shadow")[1]["run_id"]
    assert [reported(), reported("--contract", "c")] == [real, real]
    assert [reported(shadow), reported("--shadow"), reported("--shadow", "--contract", "c")] == [shadow] * 3
    assert invoke(["report", shadow, "--shadow"]) == 2
    assert invoke(["report", "--shadow", "--contract", "d"]) == 2


def test_an_append_shadow_begins_with_the_first_window_it_is_given(call: Call) -> None:
    _source(*((key, key, key) for key in range(1, 9)))
    _contract(TARGET.replace("merge", "append"))
    code, result = call("run", "c.yaml", "--shadow", "--window-start", "5", "--window-end", "7")
    assert (code, result["rows"]["published"]) == (0, 2)
    code, result = call("run", "c.yaml", "--shadow")
    assert (result["window"], result["rows"]["published"]) == ({"start": "7", "end": "9"}, 2)
    assert call("run", "c.yaml")[1]["rows"]["published"] == 8
    assert call("compare", "c.yaml", "--where", "seq >= 5")[0] == 0
    assert call("compare", "c.yaml")[1]["only_a"] == 4


def test_a_shadows_run_is_not_taken_up_as_the_targets(call: Call) -> None:
    _source((1, 10, 1))
    _contract(TARGET)
    _, result = call("run", "c.yaml", "--shadow", "--run-id", "mine")
    assert result["run_id"] == "mine"
    code, found = call("run", "c.yaml", "--run-id", "mine")
    assert (code, found["error"]["code"]) == (2, "E_SHADOW")
    code, found = call("run", "c.yaml", "--run-id", "mine", "--from", "audit")
    assert (code, found["error"]["code"]) == (2, "E_SHADOW")
    assert call("run", "c.yaml", "--from", "audit")[1]["error"]["code"] == "E_RUN_ID"
    assert call("run", "c.yaml", "--shadow", "--run-id", "mine")[1]["run_id"] == "mine"


@pytest.mark.parametrize("path", ["out/t.csv", "out/t.csv.gz", "out/t", "out/t.parquet"])
def test_files_have_a_sibling(call: Call, path: str) -> None:
    _source((1, 10, 1), (2, 20, 2))
    kind = "parquet" if path.endswith("parquet") else "csv"
    _contract(f"{{type: {kind}, path: {path}, write: replace}}", cursor="")
    assert call("run", "c.yaml")[0] == 0
    before = {file.name: file.stat().st_mtime_ns for file in Path("out").rglob("*") if "shadow" not in str(file)}
    _source((1, 10, 1), (2, 21, 2))
    assert call("run", "c.yaml", "--shadow")[0] == 0
    assert {file.name: file.stat().st_mtime_ns for file in Path("out").rglob("*") if "shadow" not in str(file)} == before
    assert Path(path.replace("/t", "/t__shadow")).exists()
    code, result = call("compare", "c.yaml", "--show-values")
    assert (code, result["different"], result["differences"][0]["columns"]) == (1, 1, {"price": ["20", "21"]})


def test_a_delta_table_has_one(call: Call) -> None:
    _source((1, 10, 1))
    _contract("{type: delta, path: out/lake, write: merge}")
    assert call("run", "c.yaml")[0] == 0
    assert call("run", "c.yaml", "--shadow")[0] == 0
    assert call("compare", "c.yaml")[0] == 0
    _source((1, 10, 1), (2, 20, 2))
    assert call("run", "c.yaml", "--shadow")[0] == 0
    assert call("compare", "c.yaml")[1]["only_b"] == 1


def test_an_api_is_refused(call: Call) -> None:
    _source((1, 10, 1))
    _contract("{type: rest, connection: shop, endpoint: /v1/items, write: append}")
    code, result = call("run", "c.yaml", "--shadow")
    assert (code, result["error"]["code"]) == (2, "E_SHADOW")
    code, result = call("plan", "c.yaml", "--shadow")
    assert (code, result["error"]["code"]) == (2, "E_SHADOW")
    assert call("compare", "c.yaml")[0] == 2


@pytest.mark.parametrize(
    ("path", "beside"),
    [
        ("s3://lake/orders", "s3://lake/orders__shadow"), ("a/b.csv.gz", "a/b__shadow.csv.gz"), ("orders.v2/", "orders__shadow.v2"),
        ("x.ndjson", "x__shadow.ndjson"),
    ],
)  # fmt: skip
def test_the_place_beside_a_path(tmp_path: Path, path: str, beside: str) -> None:
    text = f"contract: c\nversion: '1'\nsource: {{type: csv, path: a.csv}}\n{COLUMNS}target: {{type: csv, path: {path}, write: replace}}\n"
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    contract = load_contract(tmp_path / "c.yaml").contract if "://" not in path else None
    if contract is None:
        (tmp_path / "c.yaml").write_text(text.replace("type: csv, path: s3", "type: delta, path: s3"), encoding="utf-8")
        contract = load_contract(tmp_path / "c.yaml").contract
    assert shadow_target(contract).path == beside


def test_postgres(call: Call, postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    monkeypatch.setenv("AIRFLOW_CONN_WH", postgres_database)
    _source((1, 10, 1), (2, 20, 2))
    _contract("{type: postgres, connection: wh, table: t, write: merge}")
    assert call("run", "c.yaml")[0] == 0
    assert call("run", "c.yaml", "--shadow")[0] == 0
    assert call("compare", "c.yaml")[0] == 0
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        syncs = connection.execute("SELECT sync, count(*) FROM _datasync_commits GROUP BY sync ORDER BY sync").fetchall()
        assert [count for _, count in syncs] == [1, 1]
        connection.execute("UPDATE t__shadow SET price = 21 WHERE id = 2")
    code, found = call("compare", "contract:c.yaml", "wh:public.t__shadow")
    assert (code, found["different"], found["by_column"]) == (1, 1, {"price": 1})


@pytest.mark.parametrize("target", ["{type: delta, path: out/t, write: merge}", "{type: parquet, path: out/t, write: merge}"])
def test_comparing_what_was_never_published_says_what_publishes_it(call: Call, target: str) -> None:
    _source((1, 10, 1))
    _contract(target)
    assert call("run", "c.yaml")[0] == 0
    code, found = call("compare", "c.yaml")
    assert (code, found["error"]["code"], found["error"]["hint"]) == (
        3,
        "E_SOURCE_MISSING",
        "publish first: datasync run c --shadow",
    )
    assert call("run", "c.yaml", "--shadow")[0] == 0
    assert call("compare", "c.yaml")[0] == 0
