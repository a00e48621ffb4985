"""A task instance in, the address of its run's validation report out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import TaskInstanceKey

MOUNT = "/datasync"
"""Where the plugin's pages are, below Airflow's own address."""


def report_path(dag_id: str, dag_run_id: str) -> str:
    """Give the page of one DAG run's report."""
    return f"{MOUNT}/dags/{quote(dag_id, safe='')}/runs/{quote(dag_run_id, safe='')}"


def base_url() -> str:
    """Give Airflow's address without a slash at its end; empty where it is not set."""
    from airflow.sdk.configuration import conf

    return (conf.get("api", "base_url", fallback="") or "").rstrip("/")


def message_links(context: Context) -> dict[str, str]:
    """Give the addresses that a run is recorded with: its report, its DAG run, and the log of the task that ends it.

    They begin with Airflow's `[api] base_url`; none where it is not set.
    """
    base = base_url()
    if not base:
        return {}
    dag_id, run_id = context["dag_run"].dag_id, context["run_id"]
    run = f"{base}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"
    log = getattr(context["ti"], "log_url", None)
    return {"report": base + report_path(dag_id, run_id), "Airflow run": run} | ({"Airflow log": str(log)} if log else {})


class ReportLink(BaseOperatorLink):
    """The button "Validation report" of every task that belongs to a contract's run."""

    @property
    def name(self) -> str:
        """The button's words."""
        return "Validation report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Give the report's address."""
        return base_url() + report_path(ti_key.dag_id, ti_key.run_id)
