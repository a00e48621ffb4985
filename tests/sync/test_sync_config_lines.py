"""The earlier configuration line by line: what each key promised, kept by a run of it against real systems."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from datasync.cli.app import invoke
from datasync.testing.slack import FakeSlack
from tests.connectors.api.server import Api, Received
from tests.mail import Mailbox, body_of, mail_server
from tests.sync.earlier import EXAMPLE, run, table

pytestmark = pytest.mark.usefixtures("earlier")
FORMATTER = (
    EXAMPLE.read_text(encoding="utf-8").partition("    - type: payload_formatter\n")[2].partition("    - type: data_validator")[0]
)


def edit(*swaps: tuple[str, str]) -> None:
    """Change the example."""
    path = Path("example.yaml")
    text = path.read_text(encoding="utf-8")
    for old, new in swaps:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def example(capfd: pytest.CaptureFixture[str], *more: str) -> tuple[int, Any]:
    return run(capfd, *more, file="example.yaml")


def failed(result: Any) -> list[str]:
    return [check["name"] for check in result["checks"] if check["status"] == "failed"]


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    with FakeSlack() as fake:
        extra = {"base_url": fake.api_url, "channel": "#data-alerts"}
        monkeypatch.setenv(
            "AIRFLOW_CONN_SLACK_DEFAULT", json.dumps({"conn_type": "slack", "password": "xoxb-fake", "extra": extra})
        )
        yield fake


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with mail_server() as (mailbox, port):
        extra = {"disable_tls": True, "from_email": "d@example.com", "to_email": "team@example.com"}
        known = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(known))
        yield mailbox


def told(slack: FakeSlack, mails: Mailbox) -> tuple[str, str]:
    """What was said in Slack, and by mail."""
    said = [message.text + json.dumps(message.blocks, ensure_ascii=False) for message in slack.world.messages]
    return " ".join(said), " ".join(body_of(mail, "plain") for mail in mails.mails)


def test_a_large_batch_is_told_in_slack(
    slack: FakeSlack, mails: Mailbox, postgres_database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """`extracted_records > 1000`: 1,000 are no more than that."""
    table(postgres_database, rows=1000)
    assert example(capfd)[0] == 0
    assert told(slack, mails) == ("", "")
    table(postgres_database, rows=1001)
    assert example(capfd)[0] == 0
    said, mailed = told(slack, mails)
    assert "대용량 데이터 처리: 1001건" in said
    assert mailed == ""


def test_a_slow_api_is_told_by_mail(slack: FakeSlack, mails: Mailbox, api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    def slowly(request: Received) -> None:
        time.sleep(0.5)

    api.before = slowly
    edit(("response_time > 10", "response_time > 0.4"))
    assert example(capfd)[0] == 0
    said, mailed = told(slack, mails)
    assert said == ""
    assert "API 응답 지연: 0." in mailed


def test_a_failure_is_told_in_both(slack: FakeSlack, mails: Mailbox, api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    api.before = lambda request: (422, {}, b"{}")
    code, result = example(capfd)
    assert (code, result["status"]) == (3, "error")
    for text in told(slack, mails):
        assert "동기화 실패: target_api refused a batch" in text


@pytest.mark.parametrize(("rows", "code", "status"), [(20, 0, "warned"), (19, 1, "failed")])
def test_record_count_match(
    rows: int, code: int, status: str, api: Api, postgres_database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """One row of twenty is 5 %, which is allowed; of nineteen it is more."""
    table(postgres_database, rows=rows)
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("UPDATE product_info SET price = -1 WHERE id = 7")
    found, result = example(capfd)
    assert (found, result["status"], result["rows"]["quarantined"]) == (code, status, 1)
    assert len(api.received) == (1 if code == 0 else 0)


@pytest.mark.parametrize(("age", "code"), [("23 hours 50 minutes", 0), ("24 hours 10 minutes", 1)])
def test_data_freshness(age: str, code: int, postgres_database: str, capfd: pytest.CaptureFixture[str]) -> None:
    edit(('start_time: "{{ ds }}"', 'start_time: "2026-01-01"'))
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("UPDATE product_info SET updated_at = now() - %s::interval", [age])
    found, result = example(capfd)
    assert (found, failed(result)) == (code, ["freshness"] if code else [])


@pytest.mark.parametrize("field", ["id", "name", "price"])
def test_schema_validation(field: str, api: Api, postgres_database: str, capfd: pytest.CaptureFixture[str]) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(f"UPDATE product_info SET {field} = NULL WHERE id = 2".encode())
    code, result = example(capfd)
    assert (code, failed(result), api.received) == (1, [f"{field}.required"], [])
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE product_info DROP COLUMN {field}".encode())
    capfd.readouterr()
    assert invoke(["run", "example.yaml", "--param", "store_code=S9"]) == 2
    assert field in capfd.readouterr().err


RULES = [
    ("field: price, type: numeric, max: 1000", "price.max"),
    ("field: id, type: integer, min: 2", "id.min"),
    ('field: name, type: string, pattern: "^m"', "name.pattern"),
    ("field: product_name, required: true", None),
    ("field: updated_at, type: datetime", None),
    ("field: price, type: number, min: 0, max: 5000", None),
]


@pytest.mark.parametrize(("rule", "broken"), RULES)
def test_rules_of_the_validator(rule: str, broken: str | None, capfd: pytest.CaptureFixture[str]) -> None:
    edit(("      rules:\n", f"      rules:\n        - {{{rule}}}\n"))
    code, result = example(capfd)
    assert (code, failed(result)) == ((1, [broken]) if broken else (0, []))


FORMATS = [
    ("", ["id", "name", "product_name", "price", "created_at", "updated_at", "stock"]),
    ("format: default\n", ["id", "name", "product_name", "price", "created_at", "updated_at", "stock"]),
    (
        'format: inventory_format\n      company_code: "{{ var.value.company_code }}"\n      store_code: S1\n',
        ["company_code", "store_code", "item_id", "item_quantity", "id", "name", "product_name", "price", "created_at", "updated_at",
         "stock"],
    ),
    (
        "format: esl_format\n      company_code: C2\n      store_code: S2\n",
        ["company_code", "store_code", "article_id", "article_name", "article_price", "id", "name", "product_name", "price",
         "created_at", "updated_at", "stock"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "keys"), FORMATS)
def test_formats_of_the_payload(
    given: str, keys: list[str], api: Api, postgres_database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("ALTER TABLE product_info ADD COLUMN stock int DEFAULT 7")
    edit((FORMATTER, f"      {given}\n"))
    code, result = bare(capfd)
    assert (code, result["status"]) == (0, "passed"), result["error"]
    rows = api.received[0].json["data"]
    assert list(rows[0]) == keys
    if "item_quantity" in keys:
        assert (rows[0]["company_code"], rows[0]["item_id"], rows[0]["item_quantity"]) == ("C01", "1", 7)
    if "article_price" in keys:
        assert (rows[0]["store_code"], rows[0]["article_id"], rows[0]["article_price"]) == ("S2", "1", 5)


def bare(capfd: pytest.CaptureFixture[str], *more: str) -> tuple[int, Any]:
    """Run the example without a param of its own."""
    capfd.readouterr()
    code = invoke(["run", "example.yaml", "--json", *more])
    return code, json.loads(capfd.readouterr().out)


def test_days(api: Api, postgres_database: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`next_ds` is the day after `ds`, over the end of a year too; the query's bounds are theirs."""
    edit(
        ('source: "airflow_sync"', 'source: "{{ ds }} to {{ next_ds }}"'),
        ("    - type: data_freshness\n      max_age_hours: 24\n", ""),
    )
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(
            "UPDATE product_info SET updated_at = '2025-12-31 00:00Z'::timestamptz + (id - 1) * interval '12 hours'"
        )
    code, _ = example(capfd, "--window-start", "2025-12-31", "--window-end", "2026-01-01")
    assert code == 0
    assert api.received[0].json["source"] == "2025-12-31 to 2026-01-01"
    # > the start, <= the end.
    assert [row["id"] for row in api.received[0].json["data"]] == [2, 3]


def test_a_backfill_of_days(api: Api, postgres_database: str, capfd: pytest.CaptureFixture[str]) -> None:
    edit(("    - type: data_freshness\n      max_age_hours: 24\n", ""))
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("UPDATE product_info SET updated_at = '2025-12-30 12:00Z'::timestamptz + (id - 1) * interval '1 day'")
    days = ["--start", "2025-12-30", "--end", "2026-01-01", "--every", "1d", "--param", "store_code=S9"]
    assert invoke(["backfill", "example.yaml", *days]) == 0, capfd.readouterr()
    assert [[row["id"] for row in request.json["data"]] for request in api.received] == [[1], [2]]


def test_where_variables_come_from(api: Api, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert invoke(["run", "example.yaml"]) == 2
    assert "AIRFLOW_VAR_STORE_CODE" in capfd.readouterr().err
    monkeypatch.setenv("AIRFLOW_VAR_STORE_CODE", "from the environment")
    monkeypatch.setenv("AIRFLOW_VAR_TABLE", "product_info")
    edit(("table_name: product_info", 'table_name: "{{ var.value.table }}"'))
    assert bare(capfd)[0] == 0
    assert bare(capfd, "--param", "store_code=given")[0] == 0
    assert [request.json["data"][0]["store_code"] for request in api.received] == ["from the environment", "given"]
    monkeypatch.delenv("AIRFLOW_VAR_TABLE")
    assert invoke(["run", "example.yaml"]) == 2
    assert "param 'table' has no value" in capfd.readouterr().err


def test_values_in_place_of_the_files_own(api: Api, postgres_database: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert example(capfd, "--param", "start_time=2000-01-01")[0] == 0
    assert [row["id"] for row in api.received[0].json["data"]] == [1, 2, 3, 99]
    hostile = "2000-01-01' OR 'a'='a"
    code, _ = example_or_nothing(capfd, "--param", f"start_time={hostile}")
    assert code == 3
    with psycopg.connect(postgres_database) as connection:
        assert connection.execute("SELECT count(*) FROM product_info").fetchone() == (4,)


def example_or_nothing(capfd: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    capfd.readouterr()
    code = invoke(["run", "example.yaml", "--param", "store_code=S9", *more])
    return code, capfd.readouterr().err


def test_changes_are_detected(postgres_database: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`{last_run_time}`: 1970 at first, then when the sync was last published."""

    def changed() -> Any:
        capfd.readouterr()
        assert invoke(["changed", "example.yaml", "--param", "store_code=S9", "--json"]) == 0
        return json.loads(capfd.readouterr().out)

    assert changed() == {"changed": True, "count": 4, "by": "query"}
    assert example(capfd)[0] == 0
    assert changed() == {"changed": False, "count": 0, "by": "query"}
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("UPDATE product_info SET updated_at = now() + interval '1 second' WHERE id = 2")
    assert changed() == {"changed": True, "count": 1, "by": "query"}
    edit(("enabled: true", "enabled: false"))
    assert invoke(["changed", "example.yaml", "--param", "store_code=S9"]) == 2


def test_tasks_are_decomposed(capfd: pytest.CaptureFixture[str]) -> None:
    """`task_decomposition`: a stage at a time, each from what the one before wrote."""
    _, result = example(capfd)
    assert [stage["name"] for stage in result["stages"]] == [
        "extract", "gate_source", "transform", "gate_prepared", "stage", "audit", "publish", "reconcile",
    ]  # fmt: skip
    began = [stage["began"] for stage in result["stages"]]
    ended = [stage["ended"] for stage in result["stages"]]
    assert all(before <= after for before, after in zip(ended[:-1], began[1:], strict=True))
