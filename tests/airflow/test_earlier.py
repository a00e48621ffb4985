"""The earlier style of DAG over the earlier configuration: real PostgreSQL, a real API, Airflow's variables and templates."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from datasync.history.store import History
from tests.airflow.test_dags import airflow_json
from tests.connectors.api.server import Api, Received, Reply, ok
from tests.mail import Mailbox, body_of, mail_server
from tests.services import connection_of

ROOT = Path(__file__).parents[2]
DAGS = """
from datetime import timedelta

from airflow.sdk import DAG, Param

from datasync.airflow import DataChangeDetectionSensor, DataSyncOperator

AGAIN = {"retries": 2, "retry_delay": timedelta(0)}

with DAG("templates", schedule=None, params={"table_name": Param("days")}, default_args=AGAIN):
    DataSyncOperator(
        task_id="sync_data",
        config_path="config/{{ dag.dag_id }}.yaml",
        params={"start_time": "{{ ds }}", "note": "{{ ds_nodash }}-{{ var.value.store_code }}"},
    )

with DAG("broken", schedule=None, default_args=AGAIN):
    DataSyncOperator(task_id="sync_data", config_path="config/broken.yaml")

with DAG("absent", schedule=None, default_args=AGAIN):
    DataChangeDetectionSensor(task_id="check_changes", config_path="config/absent.yaml") >> DataSyncOperator(
        task_id="sync_data", config_path="config/absent.yaml"
    )

with DAG("failing", schedule=None, default_args=AGAIN):
    DataSyncOperator(task_id="sync_data", config_path="config/failing.yaml")

with DAG("waiting", schedule=None, default_args=AGAIN):
    params = {"table_name": "ticks"}
    DataChangeDetectionSensor(task_id="check_changes", config_path="CONFIG/waiting.yaml", params=params) >> DataSyncOperator(
        task_id="sync_data", config_path="CONFIG/waiting.yaml", params=params
    )
"""
NEITHER = """
from airflow.sdk import DAG

from datasync.airflow import DataSyncOperator

with DAG("neither", schedule=None):
    DataSyncOperator(task_id="sync_data")
"""
TEMPLATES = """
source:
  type: postgres
  connection_id: source_postgres
  query: |
    SELECT id, name, note FROM {table_name} WHERE at >= '{start_time}' AND at < '{end_time}' AND note <> '{note}'
  params: {table_name: nothing, start_time: "{{ data_interval_start }}", end_time: "{{ next_ds }}", note: none}
target:
  type: rest_api
  connection_id: target_api
  endpoint: /days
  payload_template: {day: "{{ ds }}", next: "{{ next_ds }}", batch_id: "{{ run_id }}", note: "{{ var.value.store_code }}"}
"""
VERSIONED = """
contract: versioned
version: 1.0.0
source: {type: rest, connection: target_api, endpoint: /things, changes: {by: modified, poll: 15s, timeout: 1m}}
columns: {id: {type: int64, key: true}}
target: {type: duckdb, database: versioned.duckdb, table: things, write: merge}
"""


class Things:
    """An API whose rows have a version, and that refuses what goes to /refused."""

    def __init__(self) -> None:
        self.version = 1

    def reply(self, request: Received) -> Reply:
        if request.path == "/change":
            self.version += 1
        if request.path == "/refused":
            return ok({}, status=422)
        if request.path != "/things":
            return ok({})
        tag = f'"v{self.version}"'
        if request.headers.get("if-none-match") == tag:
            return 304, {"ETag": tag}, b""
        return ok([{"id": n} for n in range(self.version)], ETag=tag)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    made = Api()
    made.reply = Things().reply
    yield made
    made.close()


def _tables(url: str) -> None:
    moment = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    noon = max(moment + timedelta(microseconds=1), datetime.now(UTC) - timedelta(seconds=5))
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("product_info", "ticks"):
            connection.execute(f"DROP TABLE IF EXISTS {name}".encode())
            connection.execute(
                f"CREATE TABLE {name} (id bigint, name text, product_name text, price numeric(12,2), created_at timestamp,"
                " updated_at timestamptz)".encode()
            )
            connection.execute(
                f"INSERT INTO {name} SELECT i, 'n', '우유', 1000.5, '2026-01-01', %s FROM generate_series(1, 3) i".encode(),
                [noon],
            )
        connection.execute("DROP TABLE IF EXISTS days")
        connection.execute("CREATE TABLE days (id bigint, name text, note text, at timestamptz)")
        connection.execute(
            "INSERT INTO days SELECT i, 'n', CASE i WHEN 45 THEN '20260305-S9' ELSE 'x' END,"
            " '2026-03-01 12:00Z'::timestamptz + i / 10 * interval '1 day' FROM generate_series(40, 69) i"
        )


def _project(folder: Path) -> Path:
    for name in ("dags", "config", "contracts"):
        (folder / name).mkdir(parents=True)
    (folder / "datasync.toml").touch()
    shutil.copy(ROOT / "dags" / "earlier_sync.py", folder / "dags")
    example = (ROOT / "config" / "example_config.yaml").read_text(encoding="utf-8")
    for name, text in {
        "example_config": example,
        "waiting": example,
        "templates": TEMPLATES,
        "broken": example.replace("method: POST", "methud: POST"),
        "failing": example.replace("/api/data/sync", "/refused"),
    }.items():
        (folder / "config" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "contracts" / "versioned.yaml").write_text(VERSIONED, encoding="utf-8")
    (folder / "dags" / "more.py").write_text(DAGS.replace("CONFIG/", f"{folder}/config/"), encoding="utf-8")
    (folder / "dags" / "neither.py").write_text(NEITHER, encoding="utf-8")
    native = 'from datasync.airflow import build_dags\n\nglobals().update(build_dags("contracts/"))\n'
    (folder / "dags" / "native.py").write_text(native, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def mails() -> Iterator[tuple[Mailbox, int]]:
    with mail_server() as served:
        yield served


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _project(tmp_path_factory.mktemp("earlier") / "project")


@pytest.fixture(scope="module")
def said(
    project: Path, api: Api, mails: tuple[Mailbox, int], tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> tuple[dict[str, Any], str]:
    home = tmp_path_factory.mktemp("earlier_home")
    _tables(postgres_url)
    mail = {
        "conn_type": "smtp", "host": "127.0.0.1", "port": mails[1],
        "extra": {"disable_tls": True, "from_email": "d@example.com", "to_email": "team@example.com"},
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "tests.airflow.earlier_driver", str(home), str(project)], capture_output=True, text=True, check=False,
        env=os.environ | {
            "AIRFLOW_CONN_SOURCE_POSTGRES": airflow_json(connection_of(postgres_url)), "SOURCE_URL": postgres_url,
            "AIRFLOW_CONN_TARGET_API": f"http://127.0.0.1:{api.port}", "API_URL": f"http://127.0.0.1:{api.port}",
            "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(mail), "AIRFLOW_VAR_COMPANY_CODE": "C01",
        },
    )  # fmt: skip
    assert (home / "found.json").exists(), done.stdout[-3000:] + done.stderr[-5000:]
    return json.loads((home / "found.json").read_text()), done.stdout + done.stderr


@pytest.fixture
def found(said: tuple[dict[str, Any], str]) -> dict[str, Any]:
    return said[0]


def sent(api: Api, path: str) -> list[Received]:
    return [request for request in api.received if request.path == path]


def states(run: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: list(state) for name, state in run["tasks"].items()}


def test_it_is_parsed_cheaply_and_reads_no_configuration(found: dict[str, Any]) -> None:
    assert found["heavy"] == []
    (error,) = found["import_errors"].values()
    assert "give contract=… or config_path=…" in error
    dag = found["dags"]["earlier_sync"]
    assert dag["tasks"] == {"check_changes": ["sync_data"], "sync_data": []}
    assert (dag["schedule"], dag["max_active_runs"], dag["catchup"]) == ("*/5 * * * *", 1, False)
    assert dag["links"]["sync_data"] == ["Validation report"]
    # Its configuration is not there, or is wrong: that is the run's to say.
    assert {"absent", "broken"} <= set(found["dags"])


def test_changes_are_synced(found: dict[str, Any], api: Api) -> None:
    run = found["yes"]
    assert states(run) == {"check_changes": ["success", 1], "sync_data": ["success", 1]}
    assert run["xcom"]["check_changes.return_value"] == {"count": 3, "by": "query"}
    known = run["xcom"]["sync_data.return_value"]
    assert (known["contract"], known["verdict"], known["rows"]) == ("example_config", "passed", 3)
    (request,) = sent(api, "/api/data/sync")[:1]
    assert (request.json["source"], request.json["batch_id"]) == ("airflow_sync", run["run_id"])
    # One code is a variable of the environment, the other one of Airflow's database.
    assert {(row["company_code"], row["store_code"]) for row in request.json["data"]} == {("C01", "S9")}
    assert [row["id"] for row in request.json["data"]] == [1, 2, 3]


def test_nothing_new_skips_the_sync(found: dict[str, Any], api: Api) -> None:
    run = found["no"]
    assert (run["state"], states(run)["check_changes"][0], states(run)["sync_data"][0]) == ("success", "skipped", "skipped")
    # The other request is of the DAG that waits.
    assert len(sent(api, "/api/data/sync")) == 2


def test_the_tab_and_history_know_the_run(found: dict[str, Any], project: Path) -> None:
    assert "example_config" in found["page"]
    assert "price.min" in found["page"]
    history = History(f"sqlite:///{project / '.datasync' / 'history.db'}")
    try:
        (run_id,) = history.of_origin(f"airflow:earlier_sync:{found['yes']['run_id']}")
        assert run_id == found["yes"]["xcom"]["sync_data.datasync_run_id"]
    finally:
        history.close()


def test_templates_in_params_and_in_the_file(found: dict[str, Any], api: Api) -> None:
    run = found["templates"]
    assert run["state"] == "success"
    first, last = (request.json for request in sent(api, "/days"))
    assert (first["day"], first["next"], first["batch_id"], first["note"]) == ("2026-03-05", "2026-03-06", run["run_id"], "S9")
    # 45 has the note that the params rendered; the day is that of `{{ ds }}`.
    assert [row["id"] for row in first["data"]] == [40, 41, 42, 43, 44, 46, 47, 48, 49]
    # The DAG run's conf wins over the task's own.
    assert found["other_day"]["state"] == "success"
    assert (last["day"], len(last["data"])) == ("2026-03-07", 30)


def test_a_hostile_value_stays_one(found: dict[str, Any], postgres_url: str) -> None:
    assert states(found["conf"])["sync_data"][0] == "failed"
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM days").fetchone() == (30,)


def test_a_broken_configuration_fails_at_once_and_says_where(said: tuple[dict[str, Any], str]) -> None:
    found, log = said
    assert states(found["broken"])["sync_data"] == ["failed", 1]
    assert "broken.yaml:18:3: target.methud: unknown key" in log
    assert states(found["absent"]) == {"check_changes": ["failed", 1], "sync_data": ["upstream_failed", 0]}
    assert "absent.yaml" in log


def test_a_broken_system_is_told_by_mail(found: dict[str, Any], mails: tuple[Mailbox, int]) -> None:
    assert states(found["failing"])["sync_data"][0] == "failed"
    subjects = [str(mail["Subject"]) for mail in mails[0].mails]
    assert any("failing" in subject for subject in subjects), subjects
    assert any("동기화 실패" in body_of(mail, "plain") for mail in mails[0].mails)


def test_the_trigger_waits_for_what_the_sync_has_not_read(found: dict[str, Any]) -> None:
    waited = found["waited"]
    assert waited["first"]["state"] == "success"
    assert (waited["early"], waited["event"]) == (False, {"count": 1, "by": "query"})


def test_an_api_that_tells_its_version(found: dict[str, Any]) -> None:
    run = found["etag"]
    assert states(run["yes"])["sync"] == ["success", 1]
    assert run["yes"]["xcom"]["detect_changes.return_value"] == {"count": None, "by": "modified"}
    assert (states(run["no"])["detect_changes"][0], states(run["no"])["sync"][0]) == ("skipped", "skipped")
    assert (run["waited"]["early"], run["waited"]["event"]) == (False, {"count": None, "by": "modified"})
