"""A held run in, a person's word about it out: from Airflow's own form, or from the command line, whoever is first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.triggers.hitl import HITLTrigger
from airflow.sdk import Param
from airflow.sdk.execution_time.hitl import upsert_hitl_detail
from airflow.sdk.timezone import utcnow
from airflow.triggers.base import TriggerEvent

from datasync.airflow.links import ReportLink
from datasync.airflow.operators import RUN_ID
from datasync.airflow.places import airflow_connection, find_path
from datasync.contract.loader import load_contract

if TYPE_CHECKING:
    from airflow.sdk import Context

    from datasync.results.model import RunResult

PATIENCE = timedelta(hours=24)
RELEASE, REJECT = "Release", "Reject"
ELSEWHERE = "elsewhere"
"""Id of whoever answers Airflow's form from another place; the name says where."""


class ReleaseOperator(HITLOperator):
    """Waits for a person when the run is held; passes at once when it is not.

    Args:
        contract: path of the contract's file.
        run_of: id of the task that began the run.

    Gives `{"released": who and why}` for `publish`, `{"published": True}` when the command line released it meanwhile, and
    raises `ContractViolated` when it was rejected, or when nobody decided within 24 hours.
    """

    template_fields: Sequence[str] = ("contract", "subject", "body")
    operator_extra_links = (ReportLink(),)

    def __init__(self, *, contract: str, run_of: str, poll_interval: float = 10.0, **kwargs: Any) -> None:
        super().__init__(
            subject="Publish in spite of what the audit found?",
            options=[RELEASE, REJECT],
            defaults=REJECT,
            params={"reason": Param("", type="string", description="Kept with the run.")},
            response_timeout=PATIENCE,
            **kwargs,
        )
        self.contract = contract
        self.run_of = run_of
        self.poll_interval = poll_interval

    def execute(self, context: Context) -> Any:
        """Ask, and wait without a worker."""
        from datasync.airflow.outcome import violation
        from datasync.sync.project import open_project
        from datasync.sync.telling import send

        run_id = context["ti"].xcom_pull(task_ids=self.run_of, key=RUN_ID)
        loaded = load_contract(find_path(self.contract))
        project = open_project(loaded.path)
        result = _result(project.history_url, run_id)
        if result is None or result.status != "held":
            return {"released": None}
        # Whoever is to decide must know of it now: the notify task comes when it is decided.
        send(project, run_id, airflow_connection)
        self.subject = f"{result.contract}: publish in spite of what the audit found?"
        self.body = f"{violation(result)}\n\nThe staged rows wait until {result.started_at + PATIENCE:%Y-%m-%d %H:%M} UTC."
        asked, mine = project.run_folder(result.contract, run_id), {"task_instance": str(context["task_instance"].id)}
        if mine not in asked.read_outcomes("release"):
            upsert_hitl_detail(
                ti_id=context["task_instance"].id, options=self.options, subject=self.subject, body=self.body,
                defaults=self.defaults, multiple=False, params=self.serialized_params, assigned_users=self.assigned_users,
            )  # fmt: skip
            # A scheduler that is slow to book the deferral tries the task again when the answer comes, and to ask again
            # would forget the answer.
            asked.write_outcome("release.asked", mine)
        trigger = HeldRunTrigger(
            ti_id=context["task_instance"].id, options=self.options, defaults=self.defaults, params=self.serialized_params,
            timeout_datetime=utcnow() + PATIENCE, poke_interval=self.poll_interval,
            history_url=project.history_url, run_id=run_id,
        )  # fmt: skip
        self.defer(trigger=trigger, method_name="execute_complete")
        return None

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Hand the word on to `publish`, or end the run."""
        from datasync.airflow.outcome import ContractViolated
        from datasync.sync.held import reject
        from datasync.sync.project import open_project

        run_id = context["ti"].xcom_pull(task_ids=self.run_of, key=RUN_ID)
        if "settled" in event:
            if event["settled"] in ("passed", "warned"):
                return {"published": True}
            raise ContractViolated(f"run {run_id} was rejected, or replaced by a newer one")
        answer = super().execute_complete(context, event)
        user = answer["responded_by_user"]
        reason = (answer["params_input"] or {}).get("reason") or "no reason given"
        word = f"{_who(user)}: {reason}"
        if answer["chosen_options"] == [RELEASE]:
            return {"released": word}
        reject(open_project(load_contract(find_path(self.contract)).path), run_id, word, deliver=False)
        raise ContractViolated(f"run {run_id} was rejected by {word}")


class HeldRunTrigger(HITLTrigger):
    """Waits for an answer in Airflow's form or for the run to be settled elsewhere."""

    def __init__(self, *, history_url: str, run_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.history_url = history_url
        self.run_id = run_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See `BaseTrigger`."""
        kwargs = super().serialize()[1]
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            kwargs | {"history_url": self.history_url, "run_id": self.run_id},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at both places in turn."""
        while True:
            settled = await asyncio.to_thread(self._settled)
            if settled:
                yield TriggerEvent({"settled": settled})
                return
            late = self.timeout_datetime is not None and self.timeout_datetime < utcnow()
            event = await (self._handle_timeout() if late else self._handle_response())
            if event:
                yield event
                return
            await asyncio.sleep(self.poke_interval)

    def _settled(self) -> str | None:
        result = _result(self.history_url, self.run_id)
        return None if result is None or result.status == "held" else result.status


def _who(user: Any) -> str:
    if not user:
        return "nobody within 24 hours in Airflow"
    return str(user["name"]) if user["id"] == ELSEWHERE else f"{user['name']} in Airflow"


def _result(history_url: str, run_id: str) -> RunResult | None:
    from datasync.history.store import History

    history = History(history_url)
    try:
        return history.result(run_id)
    finally:
        history.close()
