"""A contract in, a wait out until its source has something new; the same question as `datasync changed` asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.triggers.base import BaseTrigger, TriggerEvent

from datasync.airflow.given import chosen, given_of, interval_of, own_params, symbols_of
from datasync.airflow.links import ReportLink
from datasync.airflow.operators import params_of
from datasync.airflow.places import airflow_connection

if TYPE_CHECKING:
    from airflow.sdk import Context

    from datasync.sync.changes import Changes

POLL = timedelta(seconds=60)


class DataChangeDetectionSensor(BaseSensorOperator):
    """Succeeds when the source has rows or files that no run has read; no row is read to find out.

    Args:
        contract: path of the contract's file.
        config_path: the same for a file of any spelling, such as an earlier configuration; in place of `contract`.
        params: Airflow's own; with `config_path` they are `contract_params`, templates included.
        contract_params: values of the contract's declared params; the DAG run's own params and conf of these names win.
        deferrable: wait in the triggerer, which holds no worker (the default).

    `poke_interval`, `timeout` and `soft_fail` are Airflow's own; the DAG factory takes the first two from `source.changes`.
    Give it the params of the task that runs the sync: what is new is asked of the same sync.
    """

    template_fields: Sequence[str] = ("contract", "config_path", "contract_params")
    operator_extra_links = (ReportLink(),)
    ui_color = "#eef0e6"

    def __init__(
        self,
        *,
        contract: str | None = None,
        config_path: str | None = None,
        params: Any = None,
        contract_params: Mapping[str, Any] | None = None,
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        own, others = own_params(params) if config_path is not None else ({}, params)
        super().__init__(params=others, **kwargs)
        chosen(contract, config_path)
        self.contract = contract
        self.config_path = config_path
        self.contract_params = {**own, **(contract_params or {})}
        self.symbols = symbols_of(self.contract_params)
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        """Look once; when there is nothing new, wait."""
        if not self.deferrable:
            return super().execute(context)
        question = self._question(context)
        found = question.ask()
        if found.changed:
            return self._said(found)
        trigger = DataChangeTrigger(**question.as_arguments(), poke_interval=float(self.poke_interval))
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timedelta(seconds=float(self.timeout)))
        return None

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        found = self._question(context).ask()
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

    def _question(self, context: Context) -> Question:
        given = given_of(self, context)
        loaded = given.load()
        params = params_of(loaded, context, given.of_run(loaded))
        return Question(str(given.file), params, given.symbols, interval_of(context) if loaded.rewritten else None)

    def _said(self, found: Changes) -> dict[str, Any]:
        self.log.info("new: %s (by %s)", found.count, found.by)
        return {"count": found.count, "by": found.by}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a source, as it travels to the triggerer; all of it is resolved.

    Attributes:
        contract: path of the file.
        contract_params: values of declared params.
        symbols: params of an earlier configuration that are run variables, as they were written.
        interval: the data interval, for an earlier configuration.
    """

    contract: str
    contract_params: Mapping[str, str]
    symbols: Mapping[str, str] = field(default_factory=dict)
    interval: Sequence[str] | None = None

    def ask(self) -> Changes:
        """Look once.

        Raises:
            DataSyncError: the contract is wrong, or its source cannot be asked.
        """
        from datasync.sync.changes import changes
        from datasync.sync.loading import load_any

        interval = (self.interval[0], self.interval[1]) if self.interval else None
        loaded = load_any(self.contract, {**self.contract_params, **self.symbols}, airflow_connection, interval)
        return changes(loaded, self.contract_params, airflow_connection, interval)

    def as_arguments(self) -> dict[str, Any]:
        """Give it as plain values."""
        interval = list(self.interval) if self.interval else None
        return {
            "contract": self.contract, "contract_params": dict(self.contract_params), "symbols": dict(self.symbols),
            "interval": interval,
        }  # fmt: skip


class DataChangeTrigger(BaseTrigger):
    """Asks the source again and again, in the triggerer."""

    def __init__(
        self,
        *,
        contract: str,
        contract_params: Mapping[str, str],
        poke_interval: float,
        symbols: Mapping[str, str] | None = None,
        interval: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.question = Question(contract, contract_params, symbols or {}, interval)
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See `BaseTrigger`."""
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        return name, {**self.question.as_arguments(), "poke_interval": self.poke_interval}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask until there is something new; a source that fails is asked again, unless it will never answer."""
        from datasync.errors import DataSyncError, TransientError

        while True:
            try:
                found = await asyncio.to_thread(self.question.ask)
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
