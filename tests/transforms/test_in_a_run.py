"""Processors within whole runs: counts that add up, replays, tables of others, lint."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

import datasync
from datasync.contract.loader import examine
from tests.cli.test_commands import invoke

CONTRACT = """\
contract: orders
version: 1.0.0
run: {{tasks: {tasks}}}
source: {{type: csv, path: orders.csv, columns: {{id: {{type: int64}}, store: {{type: int64}}, lines: {{type: string}}}}}}
transform:
  - lookup: {{source: {table}, by: {{store: id}}, add: {{city: string}}, missing: reject}}
  - explode: lines
  - flatten: {{column: lines, fields: {{sku: string, qty: int32}}, prefix: ""}}
  - python: "own:positive"
columns:
  id: {{type: int64, required: true}}
  store: {{type: int64}}
  city: {{type: string, required: true}}
  sku: {{type: string}}
  qty: {{type: int32}}
quarantine: {{allow: 60%}}
target: {{type: duckdb, database: out.duckdb, table: lines, write: append}}
"""
ORDERS = """\
id,store,lines
1,1,"[{""sku"": ""a"", ""qty"": 2}, {""sku"": ""b"", ""qty"": 0}]"
2,2,[]
3,9,"[{""sku"": ""c"", ""qty"": 1}]"
4,1,nonsense
5,1,"[{""sku"": ""d"", ""qty"": ""many""}]"
"""
TABLES = {
    "csv": "{type: csv, path: stores.csv}",
    "duckdb": '{type: duckdb, database: stores.duckdb, query: "SELECT id, city FROM stores"}',
}


def _project(folder: Path, tasks: str = "fused", table: str = "csv") -> Path:
    (folder / "datasync.toml").touch()
    (folder / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (folder / "stores.csv").write_text("id,city\n1,Seoul\n2,Busan\n", encoding="utf-8")
    with duckdb.connect(str(folder / "stores.duckdb")) as connection:
        connection.execute("CREATE TABLE stores AS SELECT * FROM (VALUES (1, 'Seoul'), (2, 'Busan')) AS t (id, city)")
    (folder / "own.py").write_text(
        "import pandas as pd\n\ndef positive(frame: pd.DataFrame) -> pd.DataFrame:\n    return frame[frame['qty'].fillna(1) > 0]\n",
        encoding="utf-8",
    )
    path = folder / "orders.yaml"
    path.write_text(CONTRACT.format(tasks=tasks, table=TABLES[table]), encoding="utf-8")
    return path


def _rows(folder: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "out.duckdb"), read_only=True) as connection:
        return connection.execute("SELECT id, city, sku, qty FROM lines ORDER BY id, sku").fetchall()


@pytest.mark.parametrize(("tasks", "table"), [("fused", "csv"), ("split", "duckdb")])
def test_rows_are_conserved(tasks: str, table: str, tmp_path: Path) -> None:
    result = datasync.load(_project(tmp_path, tasks, table)).run()
    rows = result.rows
    assert result.status == "warned", result.error
    assert (rows.extracted, rows.added, rows.dropped, rows.quarantined, rows.published) == (5, 1, 1, 3, 2)
    failed = {check.name: check.failed for check in result.checks if check.failed}
    assert failed == {"store.lookup": 1, "lines.explode": 1, "qty.flatten": 1}
    assert _rows(tmp_path) == [(1, "Seoul", "a", 2), (2, "Busan", None, None)]


def test_a_refused_row_is_replayed_in_front_of_its_processor(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = datasync.load(_project(tmp_path)).run()
    assert invoke(["quarantine", "export", run.run_id, "--to", "rows.csv"]) == 0
    capfd.readouterr()
    edited = pl.read_csv(tmp_path / "rows.csv", infer_schema=False).with_columns(
        pl.when(pl.col("id") == "4").then(pl.lit('[{"sku": "e", "qty": 4}]')).when(pl.col("id") == "5").then(pl.lit('{"sku": "f", "qty": 5}'))
        .otherwise(pl.col("lines")).alias("lines"),
        pl.when(pl.col("store") == "9").then(pl.lit("2")).otherwise(pl.col("store")).alias("store"),
    )  # fmt: skip
    edited.write_csv(tmp_path / "edited.csv")
    assert invoke(["quarantine", "replay", run.run_id, "--data", "edited.csv"]) == 0
    assert [row[0] for row in _rows(tmp_path)] == [1, 2, 3, 4, 5]


def test_a_refused_row_is_replayed_with_columns_that_are_null_in_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = _project(tmp_path)
    (tmp_path / "orders.csv").write_text(ORDERS.replace('3,9,"[{""sku"": ""c"", ""qty"": 1}]"', "3,9,"), encoding="utf-8")
    run = datasync.load(path).run()
    assert invoke(["quarantine", "export", run.run_id, "--to", "rows.csv"]) == 0
    capfd.readouterr()
    # The rows of other processors stay away: they would have other columns.
    rows = pl.read_csv(tmp_path / "rows.csv", infer_schema=False).filter(pl.col("id") == "3")
    rows.with_columns(store=pl.lit("2")).write_csv(tmp_path / "edited.csv")
    assert invoke(["quarantine", "replay", run.run_id, "--data", "edited.csv"]) == 0
    assert _rows(tmp_path)[-1] == (3, "Busan", None, None)


def test_a_large_table_is_refused(tmp_path: Path) -> None:
    path = _project(tmp_path)
    path.write_text(path.read_text().replace("missing: reject", "max_rows: 1"))
    result = datasync.load(path).run()
    assert result.status == "error"
    assert result.error is not None
    assert "more than 1 rows" in str(result.error)
    assert result.error.stage == "transform"
    path.write_text(
        path.read_text().replace("{city: string}", "{city: {column: town, type: string}}").replace("max_rows: 1", "max_rows: 9")
    )
    result = datasync.load(path).run()
    assert "the table has no column town" in str(result.error)


SWAPS = [
    ("by: {store: id}", "by: {}", "by"),
    ("add: {city: string}", "add: {store: string}", "there is a column 'store' already"),
    ("path: stores.csv}", "path: stores.csv, cursor: {column: id}}", "cursor in a lookup"),
    ("{type: csv, path: stores.csv}", "{type: duckdb, database: s.duckdb}", "neither table nor query"),
    ("{type: csv, path: stores.csv}", '{type: duckdb, database: s.duckdb, query: "DROP TABLE a"}', "one SELECT"),
    ("explode: lines", "explode: {column: id}", "explode takes lists and text, and id is int64"),
    ("explode: lines", "explode: {column: lines, type: strng}", "'strng'"),
    ("sku: string, qty: int32}, prefix", "sku: string, 'a..b': int32}, prefix", "an empty key"),
    ("sku: string, qty: int32}, prefix", 'sku: {path: "$.a[*]", type: string}}, prefix', "does not lead to one value"),
    ("sku: string, qty: int32}, prefix", "sku: {type: string, parse: '%d'}}, prefix", "parse on string"),
    ("own:positive", "owned:positive", "no owned.py in the project root"),
    ("own:positive", "positive", "'positive'"),
    ("own:positive", "own:positiv", "own.py has no function positiv; did you mean 'positive'?"),
    ("own:positive", "own:pd.x", "own:pd.x"),
    ("- explode: lines", "- hash: {columns: [lines], salt: pepper}\n  - explode: lines", "a literal, which is not shown"),
    (
        "- explode: lines",
        "- select: [id, store, lines, city]\n  - hash: {columns: [lin], salt: '${env:S}'}\n  - explode: lines",
        "no column 'lin'",
    ),
    ("- explode: lines", "- mask: {columns: [id]}\n  - explode: lines", "mask hides text, and id is int64"),
    ("- explode: lines", "- normalise_unicode: {columns: [lines], form: NFX}\n  - explode: lines", "'NFX'"),
    ("- explode: lines", "- format_payload: {company_code: '{x}'}\n  - explode: lines", "no variable 'x'"),
    ("- explode: lines", "- format_payload: {format: esl_format}\n  - explode: lines", "needs company_code and store_code"),
    ("- explode: lines", "- parse_json: {column: lines, fields: {city: string}}\n  - explode: lines", "column 'city' already"),
]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def positive(:", ["own.py cannot be read, line 1: SyntaxError"]),
        ("positive = 1 if (", ["own.py cannot be read, line 1: SyntaxError"]),
        ("\0", ["own.py cannot be read"]),
        ("class A:\n    def positive(self): ...\n", ["own.py has no function positive"]),
        ("def positive2(): ...\n", ["own.py has no function positive"]),
        ("from more import *\n", []),
        ("from more import other as positive\n", []),
        ("try:\n    import more\nexcept ImportError:\n    def positive(): ...\n", []),
        ("def __getattr__(name): ...\n", []),
    ],
)
def test_lint_reads_the_file_of_a_function(text: str, said: list[str], tmp_path: Path) -> None:
    path = _project(tmp_path)
    (tmp_path / "own.py").write_text(text, encoding="utf-8")
    found = [problem.found for problem in examine(path)[1] if problem.severity != "advice"]
    assert [problem.startswith(words) for problem, words in zip(found, said, strict=True)] == [True] * len(said)


@pytest.mark.parametrize(("old", "new", "said"), SWAPS)
def test_lint_says_what_is_wrong(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = _project(tmp_path)
    text = path.read_text()
    assert old in text
    assert [str(problem) for problem in examine(path)[1] if problem.severity != "advice"] == []
    path.write_text(text.replace(old, new))
    problems = [str(problem) for problem in examine(path)[1] if problem.severity != "advice"]
    assert any(said in problem for problem in problems), problems
