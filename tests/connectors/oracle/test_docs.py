"""The contracts of the connector's page: as source and target they lint and plan, and run on the stand-in."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

import datasync
from datasync.compare.comparing import Question
from datasync.contract.loader import load_contract
from datasync.sync.comparing import compare_places
from tests.connectors.oracle.stand_in import Server

PAGE = Path(__file__).parents[3] / "docs" / "connectors" / "oracle.md"
ROWS = [
    (1, 7, "SKU-000001", "1.50", "2026-02-01 10:00", False), (2, 7, "SKU-000002", "2", "2026-02-01 11:00", None),
    (3, 9, "SKU-000003", "3", "2026-02-01 12:00", False), (4, 7, "", "4", "2026-02-01 13:00", False),
]  # fmt: skip


@pytest.fixture
def contract(oracle: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's second contract, with a source that it can read and the table that it refers to."""
    text = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    (tmp_path / "datasync.toml").touch()
    path = tmp_path / "shop_orders.yaml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("AIRFLOW_CONN_ERP", "oracle://app:hunter2@db.example.com:1521/ORCLPDB1")
    fill(tmp_path, ROWS)
    connection = oracle.connect(user="dba")
    with connection.cursor() as cursor:
        cursor.execute('CREATE TABLE "APP"."CUSTOMERS" ("ID" NUMBER(10), PRIMARY KEY ("ID"))')
        cursor.execute('INSERT INTO "APP"."CUSTOMERS" ("ID") VALUES (7)')
    connection.commit()
    connection.close()
    return path


def fill(root: Path, rows: list[Any]) -> None:
    with duckdb.connect(str(root / "shop.duckdb")) as shop:
        shop.execute("SET TimeZone = 'UTC'")
        shop.execute("CREATE OR REPLACE TABLE orders (ID BIGINT, CUSTOMER BIGINT, SKU VARCHAR, PRICE DECIMAL(12,2), "
                     "UPDATED_AT TIMESTAMPTZ, GONE BOOLEAN)")  # fmt: skip
        shop.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", rows)


def test_the_pages_contracts_lint(tmp_path: Path) -> None:
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)):
        path = tmp_path / f"c{number}.yaml"
        path.write_text(text, encoding="utf-8")
        assert not [problem for problem in load_contract(path).advice if problem.severity == "error"]


def test_the_pages_contract_plans_and_runs(contract: Path, oracle: Server) -> None:
    sync, before = datasync.load(contract), len(oracle.ran)
    planned = "\n".join(line for step in sync.plan() for line in (step.summary, *step.details))
    assert 'MERGE INTO "ORDERS" "t"' in planned
    assert 'CREATE TABLE "ORDERS"' in planned
    assert all(sql.startswith(("SELECT", "ALTER SESSION")) for _, sql in oracle.ran[before:])
    result = sync.run()
    failed = {check.name for check in result.checks if check.status in ("failed", "warned")}
    assert (result.status, result.rows.published, result.rows.quarantined) == ("warned", 2, 2), result.error
    assert failed == {"CUSTOMER.references", "SKU.min_length"}
    assert not [check for check in result.checks if check.status == "error"]
    stages = {stage.name: stage for stage in result.stages}
    assert stages["reconcile"].detail["verdict"] == "passed"
    sql = 'SELECT "ID", "SKU", "PRICE", "UPDATED_AT" FROM "APP"."ORDERS" ORDER BY "ID"'
    first = datetime(2026, 2, 1, 10, tzinfo=UTC)
    assert oracle.execute(sql)[0] == (1, "SKU-000001", Decimal("1.50"), first)
    assert not [table for _, table in oracle.columns if table.startswith("_datasync_stg_")]


def test_rows_that_the_source_deleted_go_within_the_limit(contract: Path, oracle: Server, tmp_path: Path) -> None:
    sync = datasync.load(contract)
    sync.run()
    gone = [(1, 7, "SKU-000001", "1.50", "2026-02-02 10:00", True)]
    fill(tmp_path, gone)
    blocked = sync.run(window_start="2026-02-02T00:00:00Z", window_end="2026-02-03T00:00:00Z")
    assert blocked.status == "failed"
    assert [check.name for check in blocked.checks if check.status == "failed"] == ["deletes.limit"]
    contract.write_text(
        contract.read_text(encoding="utf-8").replace("column: GONE", "column: GONE, limit: 50%"), encoding="utf-8"
    )
    passed = datasync.load(contract).run(window_start="2026-02-02T00:00:00Z", window_end="2026-02-03T00:00:00Z")
    assert passed.status == "passed", passed.error
    assert oracle.execute('SELECT "ID" FROM "APP"."ORDERS"') == [(2,)]
    checked = datasync.load(contract).check(at_target=True)
    assert checked.status in ("passed", "warned"), checked.error


def test_a_shadow_is_compared_by_copies(contract: Path, oracle: Server) -> None:
    datasync.load(contract).run()
    shadow = datasync.load(contract).run(shadow=True)
    assert (shadow.status, shadow.rows.published) == ("warned", 2), shadow.error
    assert compare_places((str(contract),), Question(())).same
    oracle.execute('UPDATE "APP"."ORDERS__shadow" SET "PRICE" = 9 WHERE "ID" = 2')
    assert compare_places((str(contract),), Question(())).by_column == {"PRICE": 1}
