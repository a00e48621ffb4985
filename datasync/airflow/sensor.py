"""A contract in, a wait out until its source has something new; the same question as `datasync changed` asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.triggers.base import BaseTrigger, TriggerEvent

from datasync.airflow.links import ReportLink
from datasync.airflow.places import airflow_connection, find_path
from datasync.contract.loader import load_contract

if TYPE_CHECKING:
    from airflow.sdk import Context

    from datasync.sync.changes import Changes

POLL = timedelta(seconds=60)


class DataChangeDetectionSensor(BaseSensorOperator):
    """Succeeds when the source has rows or files that no run has read; no row is read to find out.

    Args:
        contract: path of the contract's file.
        contract_params: values of the contract's declared params.
        deferrable: wait in the triggerer, which holds no worker (the default).

    `poke_interval`, `timeout` and `soft_fail` are Airflow's own; the DAG factory takes the first two from `source.changes`.
    """

    template_fields: Sequence[str] = ("contract", "contract_params")
    operator_extra_links = (ReportLink(),)
    ui_color = "#eef0e6"

    def __init__(
        self, *, contract: str, contract_params: Mapping[str, Any] | None = None, deferrable: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.contract = contract
        self.contract_params = contract_params
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        """Look once; when there is nothing new, wait."""
        if not self.deferrable:
            return super().execute(context)
        found = self._look()
        if found.changed:
            return self._said(found)
        trigger = DataChangeTrigger(
            contract=str(find_path(self.contract)), contract_params=self._params(), poke_interval=float(self.poke_interval)
        )
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timedelta(seconds=float(self.timeout)))
        return None

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        found = self._look()
        return PokeReturnValue(is_done=found.changed, xcom_value=self._said(found) if found.changed else None)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Go on with what the trigger saw.

        Raises:
            SystemFailed: the source could not be asked.
        """
        from datasync.airflow.outcome import SystemFailed

        if "error" in event:
            raise SystemFailed(event["error"])
        self.log.info("new: %s (by %s)", event["count"], event["by"])
        return event

    def _look(self) -> Changes:
        from datasync.sync.changes import changes

        return changes(load_contract(find_path(self.contract)), self._params(), airflow_connection)

    def _params(self) -> dict[str, str]:
        return {name: str(value) for name, value in (self.contract_params or {}).items()}

    def _said(self, found: Changes) -> dict[str, Any]:
        self.log.info("new: %s (by %s)", found.count, found.by)
        return {"count": found.count, "by": found.by}


class DataChangeTrigger(BaseTrigger):
    """Asks the source again and again, in the triggerer."""

    def __init__(self, *, contract: str, contract_params: Mapping[str, str], poke_interval: float) -> None:
        super().__init__()
        self.contract = contract
        self.contract_params = contract_params
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See `BaseTrigger`."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "contract": self.contract,
                "contract_params": dict(self.contract_params),
                "poke_interval": self.poke_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask until there is something new; a source that fails is asked again, unless it will never answer."""
        from datasync.errors import DataSyncError, TransientError
        from datasync.sync.changes import changes

        while True:
            try:
                loaded = load_contract(self.contract)
                found = await asyncio.to_thread(changes, loaded, dict(self.contract_params), airflow_connection)
            except TransientError as error:
                self.log.warning("the source could not be asked: %s", error.message)
            except DataSyncError as error:
                yield TriggerEvent({"error": f"the source could not be asked: {error.message}"})
                return
            else:
                if found.changed:
                    yield TriggerEvent({"count": found.count, "by": found.by})
                    return
            await asyncio.sleep(self.poke_interval)
