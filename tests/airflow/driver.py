"""A project in, what Airflow makes of it out as JSON: a process of its own, for Airflow keeps one database per process.

`python -m tests.airflow.driver HOME PROJECT` writes HOME/found.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

HEAVY = ("great_expectations", "pandera", "polars", "pandas", "duckdb", "pyarrow")
TESTED = ("passing", "warning", "broken_data", "fused_broken", "fused", "checked_only", "parted",
          "datasync_alerts")  # fmt: skip


def set_up() -> tuple[Path, Path]:
    """Make an Airflow in the folder of the first argument; give it and the project's, the second."""
    home, project = Path(sys.argv[1]), Path(sys.argv[2])
    os.environ |= {
        "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False", "AIRFLOW__DATASYNC__PROJECT": str(project),
        "AIRFLOW__API__BASE_URL": "http://127.0.0.1:8080",
    }  # fmt: skip
    warnings.simplefilter("ignore")
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    return home, project


def import_great_expectations() -> None:
    """Import it once, behind the look at what parsing imports: audits then fork from this process, and need not import it each."""
    from datasync.gates import gx_worker

    gx_worker.prepare()


def main() -> None:
    """Look at the DAGs, run some of them, write down what happened."""
    home, project = set_up()
    found: dict[str, Any] = {}
    dags = look(project, found)
    import_great_expectations()
    found["only_one"] = only_one(project)
    found["runs"] = {name: run(dags[name]) for name in TESTED}
    found["transient"] = transient(dags["appended"], "extract.connected=raise@1-1")
    found["resumed"] = transient(dags["after_others"], "audit.begin=raise@1-1")
    found["lineage"] = lineage(project)
    found["metrics"] = metrics(dags["fused"])
    found["hook"] = hook(project)
    found["provider"] = provider()
    found["interval"] = interval(dags["daily"])
    found["gate"] = {name: run(dags[f"gate_{name}"]) for name in ("passing", "fused_broken")}
    (home / "found.json").write_text(json.dumps(found), encoding="utf-8")


def look(project: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Parse the folder as Airflow does."""
    from airflow.dag_processing.dagbag import DagBag

    before = set(sys.modules)
    bag = DagBag(str(project / "dags"))
    found["heavy"] = [name for name in HEAVY if name in sys.modules and name not in before]
    found["import_errors"] = dict(bag.import_errors)
    found["dags"] = {dag.dag_id: describe(dag) for dag in bag.dags.values()}
    return dict(bag.dags)


def describe(dag: Any) -> dict[str, Any]:
    """Say what matters of a DAG."""
    return {
        "tasks": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
        "kinds": {task.task_id: type(task).__name__ for task in dag.tasks},
        "owner": dag.owner, "tags": sorted(dag.tags), "doc": dag.doc_md, "display": dag.dag_display_name, "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs, "timetable": type(dag.timetable).__name__, "schedule": str(dag.schedule),
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
        "retries": {task.task_id: task.retries for task in dag.tasks},
        "outlets": {task.task_id: [str(asset.uri) for asset in task.outlets] for task in dag.tasks if getattr(task, "outlets", None)},
        "teardown": [task.task_id for task in dag.tasks if task.is_teardown],
        "links": {task.task_id: [link.name for link in task.operator_extra_links] for task in dag.tasks},
    }  # fmt: skip


def only_one(project: Path) -> list[str]:
    """What a task's process builds, which is told its DAG."""
    from datasync.airflow import build_dags

    os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = "passing"
    try:
        return sorted(build_dags(project / "contracts"))
    finally:
        del os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"]


def run(dag: Any, **arguments: Any) -> dict[str, Any]:
    """Carry a DAG out in this process."""
    for task in dag.tasks:
        task.retry_delay = task.retry_delay * 0
    done = dag.test(**arguments)
    return {
        "state": str(done.state.value),
        "tasks": {
            task.task_id + (f"[{task.map_index}]" if task.map_index >= 0 else ""): [str(task.state), task.try_number]
            for task in done.get_task_instances()
        },
        "events": events(dag.dag_id),
    }


def events(dag_id: str) -> list[dict[str, Any]]:
    """Asset events that a DAG made."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        rows = session.scalars(select(AssetEvent).where(AssetEvent.source_dag_id == dag_id))
        return [{"uri": row.asset.uri, "task": row.source_task_id, "extra": row.extra} for row in rows]


def lineage(project: Path) -> dict[str, Any]:
    """What OpenLineage would be told of the newest run."""
    import attr

    from datasync.airflow.lineage import facets
    from datasync.contract.loader import load_contract
    from datasync.sync.project import open_project
    from datasync.sync.recorded import recorded

    file = project / "contracts" / "warning.yaml"
    result = recorded(open_project(file), None, "warning")
    told = facets(load_contract(file), {"run_id": result.run_id})
    nothing = facets(load_contract(file), None)
    plain = json.loads(json.dumps(attr.asdict(told), default=str))
    return {"told": plain, "nothing": [len(nothing.inputs), len(nothing.outputs)]}


class Counted:
    """Airflow's metrics, kept."""

    def __init__(self) -> None:
        self.kept: dict[str, float] = {}

    def _keep(self, name: str, value: Any = 1, *_: Any, **__: Any) -> None:
        self.kept[name] = float(value)

    incr = decr = gauge = timing = _keep


def metrics(dag: Any) -> dict[str, float]:
    """What a run counts."""
    from airflow.sdk.observability import stats

    counted = Counted()
    names = ("incr", "gauge", "timing")
    before = {name: getattr(stats, name) for name in names}
    for name in names:
        setattr(stats, name, getattr(counted, name))
    try:
        run(dag)
    finally:
        for name in names:
            setattr(stats, name, before[name])
    return {name: value for name, value in counted.kept.items() if name.startswith("datasync.")}


def hook(project: Path) -> dict[str, Any]:
    """Connections and runs through the hook."""
    from datasync.airflow import DataSyncHook

    found = DataSyncHook("warehouse")
    connection = found.get_conn()
    return {
        "kind": connection.kind,
        "answers": found.test_connection(),
        "missing": DataSyncHook("nobody").test_connection(),
        "check": found.check(project / "contracts" / "parted.yaml").status,
    }


def provider() -> dict[str, Any]:
    """What Airflow finds installed."""
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    return {
        "known": "datasync" in manager.providers,
        "hook": "datasync" in manager.hooks,
        "links": [link for link in manager.extra_links_class_names if "datasync" in link],
    }


def transient(dag: Any, failpoint: str) -> dict[str, Any]:
    """Something fails once; then the very same DAG run goes on."""
    os.environ["DATASYNC_FAILPOINTS"] = failpoint
    try:
        return run(dag)
    finally:
        del os.environ["DATASYNC_FAILPOINTS"]


def interval(dag: Any) -> dict[str, Any]:
    """A scheduled interval reads its own window; doing it again adds nothing."""
    from datetime import UTC, datetime

    for _ in range(2):
        found = run(dag, logical_date=datetime(2026, 1, 2, tzinfo=UTC))
    return found


if __name__ == "__main__":
    main()
