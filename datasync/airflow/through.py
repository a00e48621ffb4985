"""What somebody wants started in, the DAG run that does it, or the answer to what Airflow asks people, out: nothing runs here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from airflow.models.dag import DagModel
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.exceptions import AirflowException
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType
from fastapi import HTTPException
from sqlalchemy import select

from datasync.airflow.operators import dag_run_of
from datasync.airflow.release import ELSEWHERE, REJECT, RELEASE, ReleaseOperator
from datasync.alerts.observing import contract_in, params_in
from datasync.contract.loader import load_contract
from datasync.errors import UsageError, shorten
from datasync.history.store import History
from datasync.sync.project import Project
from datasync.web.catalogue import files_of

if TYPE_CHECKING:
    from datasync.alerts.slack_desk import StartRequest

STARTS = frozenset({"run", "rerun", "release", "reject"})
"""What can be done through Airflow; rows are replayed on the command line."""


@dataclass(frozen=True, slots=True)
class Somebody(BaseUser):
    """Whoever answers Airflow's form from here or from Slack."""

    name: str

    def get_id(self) -> str:
        """Tell that the name says who and where."""
        return ELSEWHERE

    def get_name(self) -> str:
        """Say who and where."""
        return self.name


@dataclass(frozen=True, slots=True)
class ThroughAirflow:
    """Has Airflow do what people want.

    Args:
        project: whose contracts.
        history: which DAG run made a run.
    """

    project: Project
    history: History

    def start(self, request: StartRequest) -> str:
        """Do it, and say what Airflow does about it; the DAG run itself is not waited for.

        Raises:
            UsageError: there is no such DAG or run, it is paused, nobody is asked about it, or Airflow refuses.
        """
        if request.what not in STARTS:
            raise UsageError(f"nobody can '{request.what}' a run here", code="E_START", hint="datasync quarantine replay")
        return self._decide(request) if request.what in ("release", "reject") else self._trigger(request)

    def _trigger(self, request: StartRequest) -> str:
        contract = contract_in(request.subject)
        conf = self._conf(contract, params_in(request.subject))
        with create_session() as session:
            model = session.get(DagModel, contract)
            if model is None or model.is_stale:
                raise UsageError(f"Airflow has no DAG '{contract[:63]}'", code="E_START")
            if model.is_paused:
                raise UsageError(f"the DAG '{contract[:63]}' is paused", code="E_START", hint="unpause it in Airflow first")
        with _translated():
            run = trigger_dag(
                contract, triggered_by=DagRunTriggeredByType.UI, triggering_user_name=request.by[:500], conf=conf or None
            )
        return f"Airflow runs it: DAG run {run.run_id}" if run is not None else "Airflow runs it"

    def _conf(self, contract: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Give params as the DAG declares them: Airflow checks their JSON types."""
        file = next((file for file in files_of(self.project) if file.name == contract), None)
        declared = load_contract(file.file).contract.params if file is not None and params else {}
        kinds = {name: param.type for name, param in declared.items()}
        read: Mapping[str, Any] = {"int64": int, "float64": float, "bool": lambda text: text.lower() == "true"}
        try:
            return {name: read.get(kinds.get(name, ""), str)(text) for name, text in params.items()}
        except ValueError:
            raise UsageError("its params are not what the contract declares now", code="E_START") from None

    def _decide(self, request: StartRequest) -> str:
        facts = self.history.facts(request.run_id)
        ran = dag_run_of(facts.origin if facts is not None else None)
        if ran is None:
            raise UsageError(
                "no DAG run made this run", code="E_START", hint=f"datasync runs {request.what} {request.run_id[:100]}"
            )
        chosen = RELEASE if request.what == "release" else REJECT
        payload = UpdateHITLDetailPayload(chosen_options=[chosen], params_input={"reason": request.reason})
        with create_session() as session:
            task_id = _asking(session, *ran)
            with _translated():
                update_hitl_detail(*ran, task_id, payload, Somebody(request.by), session)
        return f"Airflow was told: {chosen.lower()}"


def _asking(session: Any, dag_id: str, run_id: str) -> str:
    """Give the task of a DAG run that waits for the answer."""
    query = select(TaskInstance.task_id, HITLDetail.assignees).join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
    query = query.where(
        TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.operator == ReleaseOperator.__name__
    )
    found = session.execute(query.where(HITLDetail.responded_at.is_(None))).first()
    if found is None:
        raise UsageError("Airflow asks nobody about this run any more", code="E_START", hint="see the DAG run")
    if found[1]:
        raise UsageError("only those whom Airflow asks may answer", code="E_START", hint="Required Actions, in Airflow")
    return str(found[0])


@contextmanager
def _translated() -> Iterator[None]:
    """Say Airflow's refusals in our words."""
    try:
        yield
    except HTTPException as error:
        raise UsageError(shorten(f"Airflow refuses: {error.detail}", 300), code="E_START") from error
    except (AirflowException, ValueError) as error:
        raise UsageError(shorten(f"Airflow did not start it: {error}", 300), code="E_START") from error
