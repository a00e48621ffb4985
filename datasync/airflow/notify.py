"""A DAG run that is over in, its run recorded and its messages sent out, whatever happened before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from datasync.airflow.links import ReportLink, message_links
from datasync.airflow.operators import RUN_ID, params_of
from datasync.airflow.places import airflow_connection, find_path
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
        from datasync.contract.variables import resolve_params
        from datasync.sync.project import open_project
        from datasync.sync.telling import send
        from datasync.sync.unfinished import Begun, end

        run_id = context["ti"].xcom_pull(task_ids=self.run_of, key=RUN_ID)
        if run_id is None:
            self.log.info("no run was begun")
            return None
        loaded = load_contract(find_path(self.contract))
        begun = Begun(resolve_params(loaded.contract, params_of(loaded, context)), message_links(context))
        result = end(loaded, run_id, LOST, begun)
        if result is None:
            self.log.info("run %s was never recorded", run_id)
            return None
        sent = send(open_project(loaded.path), run_id, airflow_connection)
        self.log.info("messages: %d sent, %d to be tried again, %d given up", sent.sent, sent.failed, sent.dead)
        tell(result)
        return measures(result)


class SweepOperator(BaseOperator):
    """Delivers what waits in a project's outbox: what a channel did not take, escalations and snoozes that are over.

    Args:
        project: a folder or contract of the project.

    Never fails for a message: what cannot be sent is tried again by the next sweep.
    """

    template_fields: Sequence[str] = ("project",)

    def __init__(self, *, project: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.project = project

    def execute(self, context: Context) -> dict[str, int]:
        """Deliver."""
        from datasync.sync.project import open_project
        from datasync.sync.telling import send

        tally = send(open_project(find_path(self.project)), None, airflow_connection)
        for reason in tally.errors:
            self.log.warning("%s", reason)
        return {name: getattr(tally, name) for name in ("sent", "failed", "dead", "suppressed")}
