"""What a task was given in, its contract and params as text out; an earlier configuration is rewritten on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasync.airflow.places import airflow_connection, find_path
from datasync.contract.formats.sync_variables import is_run_variable, variables_in
from datasync.errors import ContractError, DataSyncError, UsageError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from datasync.contract.loader import LoadedContract


@dataclass(frozen=True, slots=True)
class Given:
    """What a task is about, and what its author said of it.

    Attributes:
        file: the contract's, or the earlier configuration's.
        params: values of declared params; Airflow has rendered their templates.
        symbols: those of `params` that are a run variable of an earlier configuration and nothing else, as they were written:
            they are part of the query, not of the sync's identity.
        interval: the DAG run's, for an earlier configuration.
        asked: what the DAG run's conf and params say, which wins; names that the file does not have are for other tasks.
    """

    file: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    symbols: Mapping[str, str] = field(default_factory=dict)
    interval: tuple[str, str] | None = None
    asked: Mapping[str, str] = field(default_factory=dict)

    def load(self) -> LoadedContract:
        """Load the contract; an earlier configuration asks its source for columns, through Airflow's connections.

        Raises:
            RunRefused: it is wrong, and trying again would not help.
            SystemFailed: the source of an earlier configuration cannot be asked.
        """
        from datasync.airflow.outcome import RunRefused, SystemFailed
        from datasync.sync.loading import load_any

        params = {**self._variables(), **self.texts(), **self.symbols, **self.asked}
        try:
            return load_any(self.file, params, airflow_connection, self.interval)
        except (ContractError, UsageError) as error:
            raise RunRefused(str(error)) from error
        except DataSyncError as error:
            raise SystemFailed(error.message) from error

    def of_run(self, loaded: LoadedContract) -> dict[str, str]:
        """Give the params of a run: what is a run variable in the query is none of them."""
        known = {name: text for name, text in self._variables().items() if name in loaded.contract.params}
        return known | {
            name: text for name, text in self.texts().items() if name in loaded.contract.params or name not in self.symbols
        }

    def texts(self) -> dict[str, str]:
        """Give `params` as text."""
        return {name: text_of(value) for name, value in self.params.items()}

    def _variables(self) -> dict[str, str]:
        """Values of Airflow's Variables that the file names; one that is not there is said when the run needs it."""
        from airflow.sdk import Variable

        try:
            names = variables_in(self.file.read_text(encoding="utf-8"))
        except (OSError, UnicodeError):
            return {}
        found = {name: Variable.get(name, default=None) for name in names if name not in self.params}
        return {name: str(value) for name, value in found.items() if value is not None}


def chosen(contract: str | None, config_path: str | None) -> str:
    """Give the one file of two names for it.

    Raises:
        ValueError: none or both are given; Airflow shows it as the DAG's import error.
    """
    given = [file for file in (contract, config_path) if file is not None]
    if len(given) != 1:
        raise ValueError("give contract=… or config_path=…, one of them")
    return given[0]


def own_params(params: Any) -> tuple[dict[str, Any], Any]:
    """Split a task's `params` as Airflow hands them on: the task's own, and those of its DAG."""
    from airflow.sdk.definitions.param import ParamsDict

    if not isinstance(params, ParamsDict):
        return dict(params or {}), None
    own = ParamsDict.filter_params_by_source(params, source="task")
    return {name: own[name] for name in own}, ParamsDict.filter_params_by_source(params, source="dag")


def symbols_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Give the params that are a run variable and nothing else, before Airflow renders them."""
    return {name: text for name, text in params.items() if isinstance(text, str) and is_run_variable(text)}


def given_of(task: Any, context: Context) -> Given:
    """Give what a task is about: its file counts from its DAG's, and the DAG run's conf wins over its own params."""
    params = dict(getattr(task, "contract_params", None) or {})
    if getattr(task, "config_path", None) is None:
        return Given(path_of(task), params)
    # Which params there are is known only when the file was rewritten, for which their values may be needed.
    said = {**context["params"], **(context["dag_run"].conf or {})}
    asked = {name: text_of(value) for name, value in said.items() if isinstance(value, str | int | float)}
    symbols = {name: text for name, text in task.symbols.items() if name not in asked}
    return Given(path_of(task), params, symbols, interval_of(context), asked)


def path_of(task: Any) -> Path:
    """Find a task's file."""
    dag = task.get_dag()
    beside = Path(dag.fileloc) if dag is not None and dag.fileloc else None
    return find_path(getattr(task, "config_path", None) or task.contract, beside)


def interval_of(context: Context) -> tuple[str, str]:
    """Give the interval whose start is Airflow's `ds`: the DAG run's own; where it has none, the day of its logical date."""
    run = context["dag_run"]
    moment = run.logical_date or run.run_after
    start, end = run.data_interval_start, run.data_interval_end
    if start is None or end is None or start >= end or start != moment:
        start = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        end = start + timedelta(days=1)
    return start.isoformat(), end.isoformat()


def text_of(value: Any) -> str:
    """Write a value as the command line would have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
