"""A DAG run that is over in, its run recorded and its messages sent out, whatever happened before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from datasync.airflow.links import ReportLink
from datasync.airflow.operators import RUN_ID
from datasync.airflow.places import find_path
from datasync.contract.loader import load_contract

if TYPE_CHECKING:
    from airflow.sdk import Context

LOST = "its task was killed, or its tries are used up; the target is as the last commit left it"


class NotifyOperator(BaseOperator):
    """The last task of every DAG of a contract: runs as a teardown, so that it never turns a red run green.

    A run whose process was killed is written down as broken, so that history, reports and alerts know of it; then the verdict is
    said once more, in one place.

    Args:
        contract: path of the contract's file.
        run_of: id of the task that began the run.
    """

    template_fields: Sequence[str] = ("contract",)
    operator_extra_links = (ReportLink(),)

    def __init__(self, *, contract: str, run_of: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.contract = contract
        self.run_of = run_of

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Close the run."""
        from datasync.airflow.outcome import measures, tell
        from datasync.sync.unfinished import end

        run_id = context["ti"].xcom_pull(task_ids=self.run_of, key=RUN_ID)
        if run_id is None:
            self.log.info("no run was begun")
            return None
        result = end(load_contract(find_path(self.contract)), run_id, LOST)
        if result is None:
            self.log.info("run %s was never recorded", run_id)
            return None
        tell(result)
        return measures(result)
