"""A contract in, its run as Airflow tasks out: whole, or one stage after the other.

Between tasks only ids travel (XCom); rows lie in the run's workspace, results in history. The task that begins a run names it
anew on every try, so that a retry or a clear starts over; the tasks behind it take up the run that it named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from datasync.airflow.given import Given, chosen, given_of, interval_of, own_params, path_of, symbols_of, text_of
from datasync.airflow.links import ReportLink, message_links
from datasync.airflow.places import airflow_connection, find_path
from datasync.seams import STAGES, StageName

if TYPE_CHECKING:
    from airflow.sdk import Context

    from datasync.contract.loader import LoadedContract
    from datasync.results.model import RunResult
    from datasync.sync.options import RunOptions
    from datasync.sync.session import Session

RUN_ID = "datasync_run_id"
"""XCom key of the run's id."""
RESULT = "datasync_result"
"""XCom key of the run's verdict and counts."""


def origin_of(dag_id: str, dag_run_id: str) -> str:
    """Name a DAG run as history knows it."""
    return f"airflow:{dag_id}:{dag_run_id}"


def dag_run_of(origin: str | None) -> tuple[str, str] | None:
    """Give the DAG's and the DAG run's id that an origin names; None: no DAG run."""
    scheduler, _, rest = (origin or "").partition(":")
    dag_id, _, run_id = rest.partition(":")
    return (dag_id, run_id) if scheduler == "airflow" and run_id else None


class DataSyncOperator(BaseOperator):
    """Runs a contract, or some of its stages.

    Args:
        contract: path of the contract's file, as `find_path` reads it.
        config_path: the same for a file of any spelling, such as an earlier configuration; in place of `contract`.
        params: Airflow's own; with `config_path` they are `contract_params`, templates included.
        contract_params: values of the contract's declared params; the DAG run's own params and conf of these names win.
        window_start, window_end: an explicit window, as text of the cursor's type; empty: by the watermark.
        full: read from `cursor.start`, ignoring the watermark.
        begin, until: the stages to carry out; None: the first and the last.
        run_of: id of the task that began the run, for tasks that take it up.
        released_by: id of the task that let a held run go.

    A violated contract raises `ContractViolated` (no retry), a refused run `RunRefused` (no retry), a broken system
    `SystemFailed` (retried). A held run succeeds: a release task decides what becomes of it.
    """

    template_fields: Sequence[str] = ("contract", "config_path", "contract_params", "window_start", "window_end", "full")
    template_fields_renderers = {"contract_params": "json"}
    operator_extra_links = (ReportLink(),)
    ui_color = "#e6f0ef"

    def __init__(
        self,
        *,
        contract: str | None = None,
        config_path: str | None = None,
        params: Any = None,
        contract_params: Mapping[str, Any] | None = None,
        window_start: str | None = None,
        window_end: str | None = None,
        full: bool | str = False,
        begin: StageName | None = None,
        until: StageName | None = None,
        run_of: str | None = None,
        released_by: str | None = None,
        **kwargs: Any,
    ) -> None:
        own, others = own_params(params) if config_path is not None else ({}, params)
        super().__init__(params=others, **kwargs)
        chosen(contract, config_path)
        self.contract = contract
        self.config_path = config_path
        self.contract_params = {**own, **(contract_params or {})}
        self.symbols = symbols_of(self.contract_params)
        self.window_start = window_start
        self.window_end = window_end
        self.full = full
        self.begin = begin
        self.until = until
        self.run_of = run_of
        self.released_by = released_by

    def execute(self, context: Context) -> dict[str, Any]:
        """Carry the stages out.

        Returns:
            The run's id, verdict and counts.
        """
        from datasync.airflow.outcome import conclude, emit_metrics, measures, tell, tell_stage
        from datasync.sync.session import Session

        loaded = given_of(self, context).load()
        session = self._session(loaded, context)
        result = session.carry_out() if isinstance(session, Session) else session
        known = measures(result)
        context["ti"].xcom_push(key=RESULT, value=known)
        if isinstance(session, Session) and not session.over:
            tell_stage(result, self.until or "")
        else:
            tell(result)
            emit_metrics(result)
        conclude(result)
        self._announce(context, known)
        return known

    def _session(self, loaded: LoadedContract, context: Context) -> Session | RunResult:
        from dataclasses import replace

        from datasync.sync.session import Session

        if self.run_of is not None and self.begin is not None:
            return self._take_up(loaded, context)
        begun = _begun(self, loaded, context)
        return Session(loaded, replace(begun, begin="extract" if self.until is not None else None, until=self.until))

    def _take_up(self, loaded: LoadedContract, context: Context) -> Session | RunResult:
        from datasync.sync.options import RunOptions
        from datasync.sync.session import Session

        ti = context["ti"]
        run_id = ti.xcom_pull(task_ids=self.run_of, key=RUN_ID)
        word = ti.xcom_pull(task_ids=self.released_by, key="return_value") if self.released_by else None
        if word is not None and word.get("published"):
            return _known(loaded, run_id)
        released = word.get("released") if word else None
        options = RunOptions(
            run_id=run_id, begin=self.begin, until=self.until, released=released, connections=airflow_connection, deliver=False,
            links=message_links(context),
        )  # fmt: skip
        return Session(loaded, options)

    def _announce(self, context: Context, known: Mapping[str, Any]) -> None:
        """Put the run's figures on the event of the asset that it updated."""
        for asset in self.outlets:
            dag_run = context["dag_run"]
            extra = context["outlet_events"][asset].extra
            extra.update({**known, "report": ReportLink().get_link(self, ti_key=_key(dag_run.dag_id, context["run_id"]))})

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Give OpenLineage what was read and written and what the checks said; called by its provider."""
        from datasync.airflow.lineage import facets

        return facets(Given(path_of(self), self.contract_params, self.symbols).load(),
                      task_instance.xcom_pull(task_ids=self.task_id, key=RESULT))  # fmt: skip


class ListPartsOperator(BaseOperator):
    """Begins a run of a partitioned source: divides it into parts, each to be read by a mapped task.

    Args:
        contract: path of the contract's file.
        contract_params, window_start, window_end, full: as `DataSyncOperator` has them.

    Gives the parts' numbers; where they begin and end stands in the run's manifest.
    """

    template_fields: Sequence[str] = ("contract", "contract_params", "window_start", "window_end", "full")
    operator_extra_links = (ReportLink(),)

    def __init__(
        self,
        *,
        contract: str,
        contract_params: Mapping[str, Any] | None = None,
        window_start: str | None = None,
        window_end: str | None = None,
        full: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.contract = contract
        self.contract_params = contract_params
        self.window_start = window_start
        self.window_end = window_end
        self.full = full

    def execute(self, context: Context) -> list[int]:
        """Ask the source."""
        from dataclasses import replace

        from datasync.airflow.outcome import conclude
        from datasync.sync.parts import listed
        from datasync.sync.session import Session

        loaded = given_of(self, context).load()
        options = replace(_begun(self, loaded, context), begin="extract", until="extract", list_parts=True)
        result = Session(loaded, options).carry_out()
        conclude(result)
        numbers = listed(loaded, result.run_id)
        self.log.info("%s parts", len(numbers))
        return numbers


class ReadPartOperator(BaseOperator):
    """Reads one part of a run; mapped over what `ListPartsOperator` gave.

    Args:
        contract: path of the contract's file.
        part: its number.
        run_of: id of the task that listed the parts.
    """

    template_fields: Sequence[str] = ("contract",)
    operator_extra_links = (ReportLink(),)

    def __init__(self, *, contract: str, part: int, run_of: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.contract = contract
        self.part = part
        self.run_of = run_of

    def execute(self, context: Context) -> dict[str, int]:
        """Read it.

        Raises:
            SystemFailed: the source failed; Airflow tries again.
        """
        from datasync.airflow.outcome import RunRefused, SystemFailed
        from datasync.errors import DataSyncError, UsageError
        from datasync.sync.parts import read_part

        run_id = context["ti"].xcom_pull(task_ids=self.run_of, key=RUN_ID)
        try:
            found = read_part(given_of(self, context).load(), run_id, self.part, airflow_connection)
        except UsageError as error:
            raise RunRefused(error.message) from error
        except DataSyncError as error:
            raise SystemFailed(error.message) from error
        self.log.info("part %s: %s rows in %s s", self.part, found.rows_in, found.seconds)
        return {"part": self.part, "rows": found.rows_in}


class ContractGateOperator(BaseOperator):
    """Judges data that somebody else's task wrote; publishes nothing.

    Args:
        contract: path of the contract's file.
        at: `target` judges the published table, `source` what the contract reads.
        data: a file to judge instead.
        contract_params: values of the contract's declared params.

    A violated contract fails the task at once; what follows it does not run.
    """

    template_fields: Sequence[str] = ("contract", "data", "contract_params")
    operator_extra_links = (ReportLink(),)
    ui_color = "#e6f0ef"

    def __init__(
        self,
        *,
        contract: str,
        at: str = "target",
        data: str | None = None,
        contract_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if at not in ("target", "source"):
            raise ValueError(f"at={at!r}: target or source")
        self.contract = contract
        self.at = at
        self.data = data
        self.contract_params = contract_params

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the gates."""
        from datasync.airflow.outcome import conclude, emit_metrics, measures, tell
        from datasync.sync.options import RunOptions
        from datasync.sync.session import Session

        given = given_of(self, context)
        loaded = given.load()
        options = RunOptions(
            params=given.of_run(loaded),
            data=find_path(self.data) if self.data else None,
            at_target=self.at == "target" and not self.data,
            kind="check",
            run_id=new_id(context),
            origin=origin_of(context["dag_run"].dag_id, context["run_id"]),
            connections=airflow_connection,
            links=message_links(context),
        )
        result = Session(loaded, options).carry_out()
        tell(result)
        emit_metrics(result)
        conclude(result)
        return measures(result)


def new_id(context: Context) -> str:
    """Name a run, and let the tasks behind this one know the name before anything happens."""
    from datetime import UTC, datetime

    from datasync.sync.session import new_run_id

    run_id = new_run_id(datetime.now(UTC))
    context["ti"].xcom_push(key=RUN_ID, value=run_id)
    return run_id


def params_of(loaded: LoadedContract, context: Context, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the values of a contract's params: the DAG run's conf and params win over the task's own."""
    found = dict(given or {})
    for name in loaded.contract.params:
        value = _asked(context, name)
        if value is not None:
            found[name] = text_of(value)
    return found


def _begun(task: DataSyncOperator | ListPartsOperator, loaded: LoadedContract, context: Context) -> RunOptions:
    """Choices of a run that begins in this task: the DAG run's conf and params win over the task's own."""
    from datasync.sync.options import RunOptions

    start = _asked(context, "window_start") or task.window_start
    end = _asked(context, "window_end") or task.window_end
    if loaded.rewritten and not (start or end):
        start, end = interval_of(context)
    return RunOptions(
        window_start=str(start) if start else None,
        window_end=str(end) if end else None,
        params=params_of(loaded, context, given_of(task, context).of_run(loaded)),
        full=_truth(task.full) or _truth(_asked(context, "full")),
        run_id=new_id(context),
        origin=origin_of(context["dag_run"].dag_id, context["run_id"]),
        connections=airflow_connection,
        deliver=not _told_later(task),
        links=message_links(context),
        # What the earlier configuration calls run_id was Airflow's.
        variables={"run_id": context["run_id"]} if loaded.rewritten else {},
    )


def _told_later(task: BaseOperator) -> bool:
    """Whether the DAG has a notify task, which sends whatever becomes of this one."""
    from datasync.airflow.notify import NotifyOperator

    dag = task.get_dag()
    return dag is not None and any(isinstance(other, NotifyOperator) for other in dag.tasks)


def _known(loaded: LoadedContract, run_id: str) -> RunResult:
    from datasync.sync.project import open_project
    from datasync.sync.recorded import recorded

    return recorded(open_project(loaded.path), run_id)


def _asked(context: Context, name: str) -> Any:
    """A value of the DAG run's conf, else of its params."""
    conf = context["dag_run"].conf or {}
    return conf.get(name, context["params"].get(name))


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() in ("true", "1", "yes")


def _key(dag_id: str, run_id: str) -> Any:
    from airflow.sdk.types import TaskInstanceKey

    return TaskInstanceKey(dag_id=dag_id, task_id="", run_id=run_id, try_number=1, map_index=-1)


def stage_names(contract: Any) -> list[StageName]:
    """Give the stages that runs of a contract have, in order."""
    absent = {"gate_source": not contract.source.columns, "transform": not contract.transform}
    return [name for name in STAGES if not absent.get(name, False)]
