"""Whole runs from Delta table to Delta table, by the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from datasync.cli.app import invoke

CONTRACT = """\
contract: c
version: 1.0.0
source: {type: delta, path: lake/in}
columns:
  id: {type: int64, key: true}
  mail: {type: string, unique: true}
  price: {type: int64, min: 0}
quarantine: {allow: 50%}
target: {type: delta, path: lake/out, write: merge}
"""


def put(rows: list[tuple[int, str, int]], mode: Any = "overwrite") -> None:
    write_deltalake("lake/in", pl.DataFrame(rows, schema=["id", "mail", "price"], orient="row"), mode=mode)


def out() -> list[tuple[Any, ...]]:
    found = pl.from_arrow(DeltaTable("lake/out").to_pyarrow_table())
    assert isinstance(found, pl.DataFrame)
    return sorted(found.select("id", "mail", "price").rows())


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("datasync.toml").touch()
    Path("c.yaml").write_text(CONTRACT, encoding="utf-8")


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = invoke([*arguments, "--json"])
    captured = capfd.readouterr()
    return code, json.loads(captured.out) if captured.out else {}


def test_a_table_becomes_another(capfd: pytest.CaptureFixture[str]) -> None:
    put([(1, "a", 1), (2, "b", 2), (3, "c", -1)])
    code, result = run(capfd, "run", "c.yaml")
    assert (code, result["status"], result["rows"]["source_count"], result["rows"]["published"]) == (0, "warned", 3, 2)
    assert out() == [(1, "a", 1), (2, "b", 2)]
    assert run(capfd, "changed", "c.yaml")[1]["changed"] is False
    # A mail that a row which stays has already: the audit asks the published table.
    put([(4, "a", 4), (2, "B", 2)])
    code, changes = run(capfd, "changed", "c.yaml")
    assert (changes["changed"], changes["count"], changes["by"]) == (True, 1, "version")
    code, result = run(capfd, "run", "c.yaml")
    assert (code, result["rows"]["quarantined"]) == (0, 1)
    assert out() == [(1, "a", 1), (2, "B", 2)]
    assert [stage["status"] for stage in result["stages"] if stage["name"] == "reconcile"] == ["passed"]
    # Corrected, the row is published once.
    edited = Path("rows.csv")
    assert invoke(["quarantine", "export", result["run_id"], "--to", str(edited)]) == 0
    edited.write_text(edited.read_text(encoding="utf-8").replace(",a,", ",d,"), encoding="utf-8")
    for _ in range(2):
        invoke(["quarantine", "replay", result["run_id"], "--data", str(edited)])
    assert out() == [(1, "a", 1), (2, "B", 2), (4, "d", 4)]


def test_a_check_and_a_plan_write_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    put([(1, "a", 1)])
    assert run(capfd, "check", "c.yaml")[0] == 0
    assert invoke(["plan", "c.yaml"]) == 0
    text = capfd.readouterr().out
    assert "version 0" in text
    assert "merge the staged rows by id" in text
    assert not Path("lake/out").exists()
    assert run(capfd, "run", "c.yaml")[0] == 0
    put([(1, "x", 1), (2, "a", 2)])
    # As it would be after publish: 1 has x then, so a is free.
    assert run(capfd, "check", "c.yaml")[1]["status"] == "passed"
    assert run(capfd, "check", "c.yaml", "--at", "target")[1]["rows"]["extracted"] == 1


def test_references_to_another_contracts_table(capfd: pytest.CaptureFixture[str]) -> None:
    put([(1, "a", 1), (2, "b", 2)])
    assert run(capfd, "run", "c.yaml")[0] == 0
    other = CONTRACT.replace("contract: c", "contract: d").replace("lake/out", "lake/other")
    Path("d.yaml").write_text(
        other.replace("{type: int64, min: 0}", "{type: int64, references: {contract: c, column: id}}"), encoding="utf-8"
    )
    put([(1, "a", 1), (2, "b", 9)])
    code, result = run(capfd, "run", "d.yaml")
    assert code == 0
    assert {check["name"]: check["failed"] for check in result["checks"]}["price.references"] == 1
    assert DeltaTable("lake/other").count() == 1


def test_windows_of_a_table(capfd: pytest.CaptureFixture[str]) -> None:
    text = CONTRACT.replace("path: lake/in", "path: lake/in, cursor: {column: price}").replace("write: merge", "write: append")
    Path("c.yaml").write_text(text.replace("unique: true", "required: true"), encoding="utf-8")
    put([(1, "a", 1), (2, "b", 2)])
    assert run(capfd, "run", "c.yaml")[1]["rows"]["published"] == 2
    put([(3, "c", 3)], mode="append")
    changes = run(capfd, "changed", "c.yaml")[1]
    assert (changes["count"], changes["by"]) == (1, "cursor")
    code, result = run(capfd, "run", "c.yaml")
    assert (code, result["rows"]["extracted"], result["window"]) == (0, 1, {"start": "3", "end": "4"})
    assert len(out()) == 3
    # The key is judged against what was appended before.
    put([(1, "again", 4)], mode="append")
    code, result = run(capfd, "run", "c.yaml")
    assert (code, result["status"]) == (1, "failed")
    assert len(out()) == 3


def test_the_contract_of_the_documentation_runs(capfd: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[2] / "docs" / "connectors" / "delta.md"
    contract = page.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    Path("c.yaml").write_text(contract, encoding="utf-8")
    rows = pl.DataFrame({"id": [1, 2], "amount": ["1.50", "2.00"], "updated_at": [datetime(2026, 1, 2, tzinfo=UTC)] * 2})
    write_deltalake("lake/orders_raw", rows.with_columns(pl.col("amount").cast(pl.Decimal(12, 2))))
    code, result = run(capfd, "run", "c.yaml")
    assert (code, result["status"]) == (0, "passed")
    assert DeltaTable("lake/orders").count() == 2
