"""The earlier configuration rewritten as a contract, and what the contract does: from real PostgreSQL to an API on loopback."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from datasync.cli.app import invoke
from datasync.contract.loader import examine, load_contract
from tests.connectors.api.server import Api
from tests.services import mysql_connect
from tests.sync.earlier import NOON, run, table

pytestmark = pytest.mark.usefixtures("earlier")


def _import(*more: str) -> int:
    return invoke(["import", "example.yaml", "--format", "sync_config", *more])


def test_the_example_becomes_a_contract_that_does_the_same(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    assert _import("--name", "products", "--output", "native.yaml") == 0
    contract = load_contract("native.yaml").contract
    assert contract.run.tasks == "split"
    assert contract.key == ("id",)
    assert {name: declared.default for name, declared in contract.params.items()} == {
        "table_name": "product_info", "company_code": None, "store_code": None,
    }  # fmt: skip
    assert [(alert.when, alert.to, alert.message) for alert in contract.alerts] == [
        ("extracted_records > 1000", ("slack",), "대용량 데이터 처리: {extracted_records}건"),
        ("response_time > 10", ("email",), "API 응답 지연: {response_time}초"),
        ("error_occurred", ("both",), "동기화 실패: {error_message}"),
    ]
    code, result = run(capfd)
    assert (code, result["status"], result["error"]) == (0, "passed", None), result["checks"]
    (request,) = api.received
    assert (request.method, request.path) == ("POST", "/api/data/sync")
    assert (request.json["source"], request.json["batch_id"]) == ("airflow_sync", result["run_id"])
    rows = request.json["data"]
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert rows[1] == {
        **rows[1], "company_code": "C01", "store_code": "S9", "article_id": "2", "article_name": "우유", "article_price": 1000.5,
        "name": "n", "price": 1000.5,
    }  # fmt: skip
    assert datetime.fromisoformat(rows[0]["created_at"]) == datetime(2026, 1, 1, 3, tzinfo=UTC)
    assert rows[0]["created_at"].endswith("+09:00")
    names = {check["name"] for check in result["checks"]}
    assert names >= {
        "price.min", "price.required", "name.required", "id.required", "product_name.required", "freshness", "count.tolerance",
    }  # fmt: skip


def test_the_example_runs_as_it_is(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    """Verbatim: what is sent and judged is what the rewritten contract sends and judges."""
    assert invoke(["lint", "example.yaml"]) == 0
    assert invoke(["plan", "example.yaml", "--param", "store_code=S9"]) == 0
    assert _import("--name", "example", "--output", "native.yaml") == 0
    code, verbatim = run(capfd, file="example.yaml")
    assert (code, verbatim["status"]) == (0, "passed")
    _, rewritten = run(capfd)
    first, second = (request.json for request in api.received)
    assert first["data"] == second["data"]
    assert (first["batch_id"], second["batch_id"]) == (verbatim["run_id"], rewritten["run_id"])
    assert [(check["name"], check["status"]) for check in verbatim["checks"]] == [
        (check["name"], check["status"]) for check in rewritten["checks"]
    ]
    capfd.readouterr()
    assert invoke(["changed", "example.yaml", "--param", "store_code=S9", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"changed": False, "count": 0, "by": "query"}


def test_a_split_run_of_it_resumes(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    api.before = lambda request: (503, {}, b"") if len(api.received) < 9 else None
    code, result = run(capfd, file="example.yaml")
    assert (code, result["status"]) == (3, "error")
    api.before = lambda request: None
    code, again = run(capfd, "--from", "publish", file="example.yaml")
    assert (code, again["run_id"], again["rows"]["published"]) == (0, result["run_id"], 3)


def test_its_gates_hold(api: Api, postgres_database: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert _import("--name", "products", "--output", "native.yaml") == 0
    table(postgres_database, price="-1")
    code, result = run(capfd)
    assert (code, result["status"], api.received) == (1, "failed", [])
    assert [check["name"] for check in result["checks"] if check["status"] == "failed"] == ["price.min"]
    table(postgres_database, rows=0)
    code, result = run(capfd)
    # No row is older than a day, and none is fresh: nothing says that the source lives.
    assert [check["name"] for check in result["checks"] if check["status"] == "failed"] == ["freshness"]


@pytest.mark.parametrize("table", ['product_info"; DROP TABLE product_info; --', "product_info WHERE false --", "x' OR 'a'='a"])
def test_hostile_values_stay_data(table: str, api: Api, postgres_database: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert _import("--name", "products", "--output", "native.yaml") == 0
    code, _ = run(capfd, "--param", f"table_name={table}")
    assert code in (2, 3)
    assert api.received == []
    code, _ = run(capfd, "--param", f"company_code={table}")
    assert code == 0
    assert {row["company_code"] for row in api.received[0].json["data"]} == {table}
    with psycopg.connect(postgres_database) as connection:
        assert connection.execute("SELECT count(*) FROM product_info").fetchone() == (4,)


SWAPS = [
    ("'{start_time}'", "'%{start_time}%'", "within a longer quoted text"),
    ("'{start_time}'", "'{begin}'", "{begin} without a value in params"),
    ("{{ ds }}", "{{ dag_run.conf }}", "the variable {{ dag_run.conf }}"),
    ("{{ ds }}", "x {{ ds }}", "mixes text and variables"),
    ("table_name: product_info", 'table_name: "{{ ds }}"', "as the identifier"),
    ("type: numeric", "type: string", "string, and price is decimal(12,2)"),
    ("field: product_name", "field: product", "a promise about 'product'"),
    ('"airflow_sync"', '"{records}"', "single braces"),
    ("format: esl_format", "format: esl", "default, esl_format, inventory_format"),
    ("- created_at", "- made_at", "no column 'made_at'"),
    ("    - type: data_freshness\n", "    - type: data_freshness\n      field: id\n", "needs max_age_hours and a timestamp"),
    ("method: POST", "methud: POST", "target.methud: unknown key"),
    ("type: rest_api  ", "type: ftp  ", "'ftp'\n    allowed rest_api, postgres, mysql, file"),
    ("extracted_records > 1000", "extractd > 1000", "extractd"),
]


@pytest.mark.parametrize(("old", "new", "said"), SWAPS)
def test_what_has_no_counterpart_is_said(old: str, new: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = Path("example.yaml")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert _import() == 2
    assert said in capfd.readouterr().err


def test_what_import_refuses(capfd: pytest.CaptureFixture[str]) -> None:
    assert _import("--key", "sku") == 2
    assert "no column sku to be the key" in capfd.readouterr().err
    Path("native.yaml").touch()
    assert _import("--output", "native.yaml") == 2
    assert invoke(["import", "native.yaml", "--format", "sync_config"]) == 2
    assert invoke(["import", "none.yaml", "--format", "sync_config"]) == 2
    assert "datasync import" in str(examine(Path("example.yaml"))[1][0])


def test_mysql_as_the_source(
    api: Api, mysql_database: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE_MYSQL", mysql_database)
    with closing(mysql_connect(mysql_database)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE product_info (id bigint, name text, product_name text, price decimal(12,2), created_at datetime,"
            " updated_at datetime)"
        )
        row = (1, "n", "우유", "9.50", "2026-01-01 03:00:00", NOON.strftime("%Y-%m-%d %H:%M:%S"))
        cursor.execute("INSERT INTO product_info VALUES (%s, %s, %s, %s, %s, %s)", row)
        cursor.execute("INSERT INTO product_info SELECT 2, name, name, price, created_at, '2020-01-01' FROM product_info")
    text = Path("example.yaml").read_text(encoding="utf-8")
    changed = text.replace("type: postgres  ", "type: mysql  ", 1).replace("source_postgres", "source_mysql")
    Path("example.yaml").write_text(changed, encoding="utf-8")
    code, result = run(capfd, file="example.yaml")
    assert (code, result["status"]) == (0, "passed"), result
    (record,) = api.received[0].json["data"]
    assert (record["article_name"], record["price"]) == ("우유", 9.5)
    assert datetime.fromisoformat(record["created_at"]) == datetime(2026, 1, 1, 3, tzinfo=UTC)


def test_a_database_as_the_target(postgres_database: str, capfd: pytest.CaptureFixture[str]) -> None:
    text = Path("example.yaml").read_text(encoding="utf-8")
    head, tail = text.split("target:\n")
    rest = tail[tail.index("transform:") :]
    target = "target:\n  type: postgres\n  connection_id: source_postgres\n  table: product_copy\n\n"
    Path("example.yaml").write_text(head + target + rest, encoding="utf-8")
    for _ in range(2):
        code, result = run(capfd, file="example.yaml")
        assert (code, result["rows"]["published"]) == (0, 3), result
    with psycopg.connect(postgres_database) as connection:
        assert connection.execute("SELECT id, company_code FROM product_copy ORDER BY id").fetchall() == [
            (1, "C01"), (2, "C01"), (3, "C01"),
        ]  # fmt: skip
