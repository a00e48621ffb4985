"""Contracts as DAGs: what Airflow is given, and what becomes of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from datasync.history.store import History
from datasync.seams import Connection
from tests.airflow.project import CONTRACTS, make_project
from tests.mail import body_of, mail_server
from tests.services import connection_of


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("airflow") / "project")


@pytest.fixture(scope="module")
def found(project: Path, tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("airflow_home")
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("DROP TABLE IF EXISTS numbers")
        server.execute(
            "CREATE TABLE numbers AS SELECT i::bigint AS id, i::bigint AS v, now() AS at FROM generate_series(1, 250) i"
        )
    with mail_server() as (mailbox, port):
        mail = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": port,
            "extra": {"disable_tls": True, "from_email": "d@example.com"},
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.airflow.driver", str(home), str(project)], capture_output=True, text=True, check=False,
            env=os.environ | {"AIRFLOW_CONN_WAREHOUSE": airflow_json(connection_of(postgres_url)),
                              "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(mail)},
        )  # fmt: skip
    MAILS[:] = [str(one["Subject"]) + "\n" + body_of(one, "plain") for one in mailbox.mails]
    assert (home / "found.json").exists(), done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads((home / "found.json").read_text())  # type: ignore[no-any-return]


MAILS: list[str] = []
"""What arrived by mail while the DAGs ran."""


def test_the_last_task_sends_and_a_sweeper_tries_again(found: dict[str, Any]) -> None:
    assert len(MAILS) == 1, "one message for one violation"
    assert MAILS[0].startswith("[datasync] fused_broken blocked: v.min")
    assert "/dags/fused_broken/runs/" in MAILS[0], "the links are those of Airflow"
    assert found["dags"]["datasync_alerts"]["schedule"] == "*/5 * * * *"
    assert found["runs"]["datasync_alerts"]["state"] == "success"


def airflow_json(found: Connection) -> str:
    """Write a connection in Airflow's own form."""
    return json.dumps({"conn_type": "postgres", "host": found.host, "port": found.port, "login": found.login,
                       "password": found.password, "schema": found.database, "extra": dict(found.extra)})  # fmt: skip


def rows(project: Path, name: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project / f"{name}.duckdb"), read_only=True) as connection:
        return connection.execute("SELECT id FROM t ORDER BY id").fetchall()


def test_every_contract_is_a_dag_and_a_broken_one_says_so(found: dict[str, Any]) -> None:
    assert not found["import_errors"]
    assert set(found["dags"]) == set(CONTRACTS) | {"wrong", "gate_passing", "gate_fused_broken", "datasync_alerts"}
    wrong = found["dags"]["wrong"]
    assert "broken contract" in wrong["display"]
    assert "sorce" in wrong["doc"]
    assert list(wrong["tasks"]) == ["contract_is_broken"]


def test_parsing_imports_nothing_heavy(found: dict[str, Any]) -> None:
    assert found["heavy"] == []


def test_a_tasks_process_builds_its_own_dag_only(found: dict[str, Any]) -> None:
    assert found["only_one"] == ["passing"]


def test_a_split_contract_shows_every_stage(found: dict[str, Any]) -> None:
    dag = found["dags"]["broken_data"]
    assert dag["tasks"] == {
        "extract.extract": ["extract.gate_source"],
        "extract.gate_source": ["transform.transform"],
        "transform.transform": ["transform.gate_prepared"],
        "transform.gate_prepared": ["load.stage"],
        "load.stage": ["load.audit"],
        "load.audit": ["load.publish"],
        "load.publish": ["reconcile"],
        "reconcile": ["notify"],
        "notify": [],
    }
    assert dag["teardown"] == ["notify"]
    assert dag["outlets"] == {"load.publish": ["datasync://duckdb/broken_data.duckdb/t"]}
    assert set(map(tuple, dag["links"].values())) == {("Validation report",)}


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("passing", ["extract.extract", "transform.gate_prepared", "load.stage", "load.audit", "load.publish", "reconcile", "notify"]),
        ("fused", ["sync", "notify"]),
        ("held", ["extract.extract", "transform.gate_prepared", "load.stage", "load.audit", "load.release", "load.publish", "reconcile", "notify"]),
        ("fused_held", ["sync", "release", "publish", "notify"]),
        ("waiting", ["detect_changes", "extract.extract", "transform.gate_prepared", "load.stage", "load.audit", "load.publish", "reconcile", "notify"]),
        ("checked_only", ["check"]),
    ],
)  # fmt: skip
def test_tasks_follow_from_the_contract(found: dict[str, Any], name: str, tasks: list[str]) -> None:
    assert sorted(found["dags"][name]["tasks"]) == sorted(tasks)


def test_a_dag_says_what_the_contract_says(found: dict[str, Any]) -> None:
    dag = found["dags"]["every"]
    assert dag["owner"] == "retail-data"
    assert dag["tags"] == ["datasync", "shop"]
    assert "| `id.type` | int64 |" in dag["doc"]
    assert "Owner: retail-data" in dag["doc"]
    assert dag["max_active_runs"] == 1
    assert dag["params"]["region"]["enum"] == ["KR", "US"]
    assert dag["params"]["size"]["type"] == "integer"
    assert found["dags"]["passing"]["retries"]["load.publish"] == 1


@pytest.mark.parametrize(
    ("name", "timetable", "catchup"),
    [
        ("fused", "CronTriggerTimetable", False),
        ("daily", "CronDataIntervalTimetable", True),
        ("after_others", "AssetTriggeredTimetable", False),
        ("every", "DeltaTriggerTimetable", False),
        ("passing", "NullTimetable", False),
    ],
)
def test_schedules(found: dict[str, Any], name: str, timetable: str, catchup: bool) -> None:
    assert (found["dags"][name]["timetable"], found["dags"][name]["catchup"]) == (timetable, catchup)


def states(run: dict[str, Any]) -> dict[str, str]:
    return {task: state for task, (state, _) in run["tasks"].items()}


def test_a_run_that_passes_publishes_and_updates_its_asset(found: dict[str, Any], project: Path) -> None:
    run = found["runs"]["passing"]
    assert run["state"] == "success"
    assert set(states(run).values()) == {"success"}
    assert rows(project, "passing") == [(1,), (2,), (3,), (4,)]
    (event,) = run["events"]
    assert (event["uri"], event["task"]) == ("datasync://duckdb/passing.duckdb/t", "load.publish")
    assert event["extra"]["rows"] == 4
    assert event["extra"]["verdict"] == "passed"
    assert event["extra"]["version"] == "1.0.0"
    assert "/datasync/dags/passing/runs/" in event["extra"]["report"]


def test_a_run_with_warnings_is_green(found: dict[str, Any], project: Path) -> None:
    assert found["runs"]["warning"]["state"] == "success"
    assert rows(project, "warning") == [(1,), (2,), (4,)]
    assert found["runs"]["warning"]["events"][0]["extra"]["verdict"] == "warned"


def test_a_broken_contract_is_red_at_its_gate_and_is_not_tried_again(found: dict[str, Any], project: Path) -> None:
    run = found["runs"]["broken_data"]
    assert run["state"] == "failed"
    assert run["tasks"]["transform.gate_prepared"] == ["failed", 1]
    assert states(run)["extract.extract"] == "success"
    assert {states(run)[name] for name in ("load.stage", "load.audit", "load.publish", "reconcile")} == {"upstream_failed"}
    assert states(run)["notify"] == "success"
    assert run["events"] == []
    with pytest.raises(duckdb.CatalogException):
        rows(project, "broken_data")


def test_a_fused_broken_contract_is_red_at_once(found: dict[str, Any]) -> None:
    run = found["runs"]["fused_broken"]
    assert run["state"] == "failed"
    assert run["tasks"]["sync"] == ["failed", 1]


def test_a_contract_without_target_is_checked(found: dict[str, Any]) -> None:
    assert states(found["runs"]["checked_only"]) == {"check": "success"}


def test_a_source_that_fails_once_is_asked_again(found: dict[str, Any], project: Path) -> None:
    run = found["transient"]
    assert run["state"] == "success"
    assert run["tasks"]["extract.extract"] == ["success", 2]
    assert rows(project, "appended") == [(1,), (2,), (3,), (4,)]


def test_a_stage_that_fails_once_takes_up_what_lies_before_it(found: dict[str, Any], project: Path) -> None:
    run = found["resumed"]
    assert run["state"] == "success"
    assert (run["tasks"]["extract.extract"], run["tasks"]["load.audit"]) == (["success", 1], ["success", 2])
    assert rows(project, "after_others") == [(1,), (2,), (3,), (4,)]


def test_lineage_tells_what_the_checks_said(found: dict[str, Any]) -> None:
    told = found["lineage"]["told"]
    (source,), (target,) = told["inputs"], told["outputs"]
    assert (source["namespace"], source["name"]) == ("datasync://csv", "rows.csv")
    assert (target["namespace"], target["name"]) == ("datasync://duckdb", "warning.duckdb/t")
    assert target["outputFacets"]["outputStatistics"]["rowCount"] == 3
    said = {check["name"]: check for check in target["facets"]["dataQualityAssertions"]["assertions"]}
    assert (said["v.min"]["actual"], said["v.min"]["column"], said["v.min"]["severity"]) == ("1 of 4", "v", "error")
    assert [field["name"] for field in target["facets"]["schema"]["fields"]] == ["id", "v", "at"]
    assert found["lineage"]["nothing"] == [0, 0]


def test_metrics_count_rows_and_seconds(found: dict[str, Any]) -> None:
    kept = found["metrics"]
    assert kept["datasync.fused.rows.published"] == 4
    assert kept["datasync.fused.runs.passed"] == 1
    assert kept["datasync.fused.checks.failed"] == 0
    assert kept["datasync.fused.audit.seconds"] > 0


def test_the_hook_reaches_what_airflow_knows(found: dict[str, Any]) -> None:
    assert found["hook"]["kind"] == "postgres"
    assert found["hook"]["answers"] == [True, "the system answers"]
    assert found["hook"]["missing"][0] is False
    assert "no connection 'nobody'" in found["hook"]["missing"][1]
    assert found["hook"]["check"] == "passed"


def test_airflow_finds_the_provider(found: dict[str, Any]) -> None:
    assert found["provider"] == {"known": True, "hook": True, "links": ["datasync.airflow.links.ReportLink"]}


def test_an_interval_reads_its_window_and_a_rerun_adds_nothing(found: dict[str, Any], project: Path) -> None:
    assert found["interval"]["state"] == "success"
    # The run of the 2nd has the interval of the 1st.
    assert rows(project, "daily") == [(1,)]


def test_a_gate_judges_what_another_dag_wrote(found: dict[str, Any]) -> None:
    assert found["gate"]["passing"]["state"] == "success"
    assert found["gate"]["fused_broken"]["tasks"]["gate"] == ["failed", 1]


def test_a_partitioned_source_is_read_by_mapped_tasks(found: dict[str, Any], project: Path) -> None:
    assert found["dags"]["parted"]["tasks"]["extract.parts"] == ["extract.extract"]
    run = found["runs"]["parted"]
    assert run["state"] == "success"
    assert [run["tasks"][f"extract.extract[{number}]"] for number in range(3)] == [["success", 1]] * 3
    assert len(rows(project, "parted")) == 250


def test_history_knows_the_dag_run(found: dict[str, Any], project: Path) -> None:
    history = History(f"sqlite:///{project / '.datasync' / 'history.db'}")
    try:
        runs = history.list_runs("passing", None, 10)
        done = [row for row in runs if row.kind == "run"]
        assert [(row.status, row.published) for row in done] == [("passed", 4)]
    finally:
        history.close()
