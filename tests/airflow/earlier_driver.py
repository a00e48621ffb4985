"""A project of the earlier style in, what Airflow makes of it out as JSON: a process of its own, as `driver`.

`python -m tests.airflow.earlier_driver HOME PROJECT` writes HOME/found.json.
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.airflow.driver import import_great_expectations, look, run, set_up


def main() -> None:
    """Carry the DAGs out, in the order that the tests tell of."""
    home, project = set_up()
    _set_variable("store_code", "S9")
    found: dict[str, Any] = {}
    dags = look(project, found)
    import_great_expectations()
    found["yes"] = earlier(dags["earlier_sync"])
    found["no"] = earlier(at_once(dags["earlier_sync"]))
    found["page"] = page(project, found["yes"]["run_id"])
    found["templates"] = earlier(dags["templates"], logical_date=datetime(2026, 3, 5, 4, 5, tzinfo=UTC))
    found["other_day"] = earlier(
        dags["templates"], logical_date=datetime(2026, 3, 7, tzinfo=UTC), run_conf={"start_time": "2026-03-05"}
    )
    # Airflow's dag.test() keeps a conf in the DAG's params: this one comes last.
    found["conf"] = earlier(dags["templates"], logical_date=datetime(2026, 3, 6, tzinfo=UTC), run_conf={"table_name": 'x"; --'})
    found["broken"] = earlier(dags["broken"])
    found["absent"] = earlier(dags["absent"])
    found["failing"] = earlier(dags["failing"])
    found["waited"] = waited(dags["waiting"])
    found["etag"] = etag(dags)
    (home / "found.json").write_text(json.dumps(found), encoding="utf-8")


def _set_variable(name: str, value: str) -> None:
    from airflow.models import Variable
    from airflow.utils.session import create_session

    with create_session() as session:
        Variable.set(name, value, session=session)


def at_once(dag: Any) -> Any:
    """Have its sensors give up at once; dag.test() would wait for a trigger for ever."""
    for task in dag.tasks:
        if "Sensor" in type(task).__name__:
            task.deferrable, task.timeout, task.poke_interval = False, 0.5, 0.2
    return dag


def earlier(dag: Any, **arguments: Any) -> dict[str, Any]:
    """Carry a DAG out; give also what its tasks handed on."""
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    done = run(dag, **arguments)
    with create_session() as session:
        newest = session.scalars(select(DagRun).where(DagRun.dag_id == dag.dag_id).order_by(DagRun.id.desc())).first()
        assert newest is not None
        rows = session.scalars(select(XComModel).where(XComModel.dag_id == dag.dag_id, XComModel.run_id == newest.run_id))
        pushed = {f"{row.task_id}.{row.key}": XComModel.deserialize_value(row) for row in rows}
        return {**done, "run_id": newest.run_id, "xcom": pushed}


def page(project: Path, run_id: str) -> str:
    """The report that the tab of a DAG run leads to."""
    from datasync.history.store import History
    from datasync.sync.project import open_project
    from datasync.sync.recorded import recorded
    from datasync.sync.reported import report_html

    known = open_project(project)
    history = History(known.history_url)
    try:
        (made,) = history.of_origin(f"airflow:earlier_sync:{run_id}")
    finally:
        history.close()
    return report_html(known, recorded(known, made))


def waited(dag: Any) -> dict[str, Any]:
    """A sensor's trigger, as it travels to the triggerer: nothing new, then a row."""
    import importlib

    import psycopg

    from datasync.airflow.sensor import DataChangeTrigger, Question

    first = earlier(dag)
    params = {"table_name": "ticks", "company_code": "C01", "store_code": "S9"}
    file = dag.get_task("check_changes").config_path
    question = Question(str(file), params, {}, None)
    name, arguments = DataChangeTrigger(**question.as_arguments(), poke_interval=0.1).serialize()
    module, _, kind = name.rpartition(".")
    trigger = getattr(importlib.import_module(module), kind)(**json.loads(json.dumps(arguments)))

    async def follow() -> dict[str, Any]:
        events = aiter(trigger.run())
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(1.0)
        early = waiting.done()
        with psycopg.connect(os.environ["SOURCE_URL"], autocommit=True) as connection:
            connection.execute("INSERT INTO ticks VALUES (7, 'n', 'p', 2, now(), now())")
        event = await asyncio.wait_for(waiting, 60)
        return {"early": early, "event": event.payload}

    return {"first": first, **asyncio.run(follow())}


def etag(dags: dict[str, Any]) -> dict[str, Any]:
    """A contract with a REST source: new, synced, still the same version, and a new one while the trigger waits."""
    from datasync.airflow.sensor import DataChangeTrigger

    dag = dags["versioned"]
    found = {"yes": earlier(dag)}
    found["no"] = earlier(at_once(dag))
    trigger = DataChangeTrigger(contract=str(dag.get_task("detect_changes").contract), contract_params={}, poke_interval=0.1)

    async def follow() -> dict[str, Any]:
        waiting = asyncio.ensure_future(anext(aiter(trigger.run())))
        await asyncio.sleep(1.0)
        early = waiting.done()
        await asyncio.to_thread(_change)
        event = await asyncio.wait_for(waiting, 60)
        return {"early": early, "event": event.payload}

    return {**found, "waited": asyncio.run(follow())}


def _change() -> None:
    """Ask the API for a new version of its rows."""
    from urllib.request import ProxyHandler, Request, build_opener

    build_opener(ProxyHandler({})).open(Request(os.environ["API_URL"] + "/change", method="POST", data=b"{}"), timeout=10).close()


if __name__ == "__main__":
    main()
