"""A project of small contracts for Airflow: one that passes, warns, breaks, is held, waits for its source, …"""

from __future__ import annotations

from pathlib import Path

import polars as pl

ROWS = "id,v,at\n1,5,2026-01-01T00:00:00Z\n2,6,2026-01-02T00:00:00Z\n3,-1,2026-01-03T00:00:00Z\n4,8,2026-01-04T00:00:00Z\n"
CONTRACT = """\
contract: {name}
version: 1.0.0
owner: {{team: retail-data, email: retail@example.com}}
description: Rows of {name}.
tags: [shop]
{more}
source: {{type: csv, path: "{source}"{source_more}}}
{transform}
columns:
  id: {{type: int64, key: true}}
  v: {{type: int64{check}}}
  at: {{type: "timestamp[us, UTC]", timezone: UTC}}
{allow}
target: {{type: duckdb, database: "{name}.duckdb", table: t, write: {write}}}
"""
DAG_FILE = 'from datasync.airflow import build_dags\n\nglobals().update(build_dags("contracts/"))\n'
GATE_FILE = """\
from pathlib import Path

from airflow.sdk import DAG

from datasync.airflow import ContractGateOperator

FOLDER = Path(__file__).parent.parent / "contracts"
for name, at in (("passing", "target"), ("fused_broken", "source")):
    with DAG(f"gate_{name}", schedule=None) as dag:
        ContractGateOperator(task_id="gate", contract=str(FOLDER / f"{name}.yaml"), at=at, retries=2)
    globals()[dag.dag_id] = dag
"""
SPLIT = "run: {tasks: split, retries: 1}"
DECLARED = ", columns: {id: {type: int64}, v: {type: int64}, at: {type: string}}"
FILTER = 'transform: [{filter: "id < 4"}]'


def contract(name: str, **parts: str) -> str:
    """Write a contract; parts fill CONTRACT."""
    known = {"more": "", "source": "rows.csv", "source_more": "", "transform": "", "check": "", "allow": "", "write": "merge"}
    return CONTRACT.format(name=name, **(known | parts))


CONTRACTS = {
    "passing": contract("passing", more=SPLIT),
    "warning": contract("warning", more=SPLIT, check=", min: 0", allow="quarantine: {allow: 50%}"),
    "broken_data": contract("broken_data", more=SPLIT, check=", min: 0", source_more=DECLARED, transform=FILTER),
    "fused_broken": contract("fused_broken", more="alerts: [{when: violated, to: [email]}]", check=", min: 0"),
    "fused": contract("fused", more='schedule: "*/5 * * * *"\ntimezone: Asia/Seoul'),
    "held": contract("held", more=SPLIT + "\non_violation: hold", check=", min: 0"),
    "fused_held": contract("fused_held", more="on_violation: hold", check=", min: 0"),
    "daily": contract(
        "daily",
        more='schedule: {cron: "0 0 * * *", catchup: true, start: 2026-01-01}',
        write="append",
        source_more=", cursor: {column: at}",
    )
    .replace("type: csv", "type: parquet")
    .replace("rows.csv", "rows.parquet")
    .replace(", timezone: UTC}", "}"),
    "waiting": contract("waiting", more=SPLIT, source_more=", changes: {by: modified, poll: 15s, timeout: 2m}"),
    "after_others": contract("after_others", more='schedule: {assets: [passing, "s3://lake/rates"]}\n' + SPLIT),
    "every": contract(
        "every",
        more="schedule: {every: 15m}\nparams: {region: {type: string, default: KR, one_of: [KR, US]}, size: {type: int64, default: 5}}",
    ),
    "checked_only": contract("checked_only").partition("target:")[0],
    "parted": contract("parted", more=SPLIT).replace(
        'type: csv, path: "rows.csv"', "type: postgres, connection: warehouse, table: numbers, partition: {column: id, size: 100}"
    ),
    "appended": contract("appended", more=SPLIT, write="append"),
}


def make_project(folder: Path) -> Path:
    """Write the project."""
    (folder / "dags").mkdir(parents=True)
    (folder / "contracts").mkdir()
    (folder / "datasync.toml").touch()
    (folder / "rows.csv").write_text(ROWS, encoding="utf-8")
    (folder / "dags" / "sync_dags.py").write_text(DAG_FILE, encoding="utf-8")
    (folder / "dags" / "gate_dags.py").write_text(GATE_FILE, encoding="utf-8")
    pl.read_csv(folder / "rows.csv", try_parse_dates=True).write_parquet(folder / "rows.parquet")
    for name, text in CONTRACTS.items():
        (folder / "contracts" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "contracts" / "wrong.yaml").write_text("contract: wrong\nversion: 1.0.0\nsorce: {}\n", encoding="utf-8")
    return folder
