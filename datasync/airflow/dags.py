"""A folder of contracts in, one DAG per contract out; nothing heavy is imported, for Airflow parses this all day."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, TaskGroup, get_parsing_context
from airflow.sdk.exceptions import AirflowFailException

from datasync.airflow.assets import asset_of
from datasync.airflow.notify import NotifyOperator, SweepOperator
from datasync.airflow.operators import DataSyncOperator, stage_names
from datasync.airflow.places import find_path
from datasync.airflow.schedules import START, Timing, timing
from datasync.contract.loader import find_contracts, load_contract
from datasync.contract.model import Contract, Parameter
from datasync.errors import ContractError, DataSyncError
from datasync.reports.promises import promises
from datasync.seams import StageName

log = logging.getLogger("datasync")
_NAME = re.compile(rb"""^contract:[ \t]*["']?([a-z][a-z0-9_]*)""", re.MULTILINE)
RETRY_DELAY = timedelta(seconds=30)
MOST_DELAY = timedelta(minutes=10)
TAG = "datasync"
BROKEN = "broken contract"
SWEEPER = "datasync_alerts"
SWEEP = "*/5 * * * *"
"""How often messages that wait are tried again."""


def build_dags(*folders: str | Path, sweep: str | None = SWEEP, **overrides: Any) -> dict[str, DAG]:
    """Build a DAG for every contract.

    Args:
        folders: contract files and folders of them: absolute, or relative to the calling file, to its project, or to the
            working directory. Default: `contracts/`.
        sweep: how often messages that wait are tried again, as cron: a DAG of its own where a contract has alerts. None: never.
        overrides: arguments of `DAG` that win over what the contracts say.

    Returns:
        DAG id to DAG. A contract that is broken becomes a DAG that says so, with its problems as documentation and one task
        that fails with them; the other contracts are not touched by it. In a task's process only its own DAG is built.
    """
    frame = inspect.currentframe()
    caller = frame.f_back.f_globals.get("__file__") if frame is not None and frame.f_back is not None else None
    beside = Path(caller) if caller else None
    wanted = get_parsing_context().dag_id
    dags: dict[str, DAG] = {}
    places = [find_path(folder, beside) for folder in folders or ("contracts",)]
    told = False
    for file in find_contracts(places):
        name = _name(file)
        told = told or b"\nalerts:" in _bytes(file)
        if wanted is not None and name != wanted:
            continue
        built = _build(file, name, overrides)
        if built.dag_id in dags:
            first = dags[built.dag_id].fileloc
            built = _broken(f"{name}__{_slug(file.stem)}", file, f"the name '{name}' is also that of {first}", overrides)
        built.fileloc = str(file)
        dags[built.dag_id] = built
    if sweep is not None and told and wanted in (None, SWEEPER):
        dags[SWEEPER] = _sweeper(str(places[0]), sweep)
    for built in dags.values():
        # Airflow reads the DAG again from the file that called us, not from the contract.
        built.fileloc = str(beside) if beside else built.fileloc
    return dags


def _name(file: Path) -> str:
    """The contract's name without reading YAML: enough to know whether a task's process is asked for it."""
    found = _NAME.search(_bytes(file))
    return found[1].decode() if found else _slug(file.stem)


def _bytes(file: Path) -> bytes:
    with suppress(OSError):
        return file.read_bytes()
    return b""


def _sweeper(project: str, cron: str) -> DAG:
    """The DAG that tries again what no channel took, and ends snoozes and escalates in time."""
    with DAG(
        dag_id=SWEEPER,
        description="Delivers alerts that wait, ends snoozes, escalates.",
        schedule=cron,
        start_date=START,
        catchup=False,
        max_active_runs=1,
        tags=[TAG, "alerts"],
        default_args={"owner": TAG, "retries": 0},
    ) as dag:
        SweepOperator(task_id="deliver", project=project)
    return dag


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)


def _build(file: Path, name: str, overrides: dict[str, Any]) -> DAG:
    try:
        return dag_of(load_contract(file).contract, file, overrides)
    except ContractError as error:
        log.warning("%s: %d problems, its DAG only says so", file, len(error.problems))
        return _broken(name, file, "\n".join(f"- `{problem}`" for problem in error.problems), overrides)
    except (DataSyncError, ValueError) as error:
        return _broken(name, file, str(error), overrides)


def dag_of(contract: Contract, file: Path, overrides: dict[str, Any] | None = None) -> DAG:
    """Build one contract's DAG.

    Args:
        contract: linted.
        file: where it lies; the tasks load it again from there.
        overrides: arguments of `DAG`.
    """
    when = timing(contract)
    limit = contract.run.timeout
    defaults = {
        "owner": _owner(contract),
        "retries": contract.run.retries,
        "retry_delay": RETRY_DELAY,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": MOST_DELAY,
        "execution_timeout": limit,
    }
    arguments: dict[str, Any] = {
        "dag_id": contract.contract,
        "description": contract.description,
        "doc_md": promises(contract, str(file)),
        "schedule": when.schedule,
        "start_date": when.start,
        "catchup": when.catchup,
        "max_active_runs": 1,
        "tags": [TAG, *contract.tags],
        "default_args": defaults,
        "params": {name: _param(declared) for name, declared in contract.params.items()},
        # A held run waits for a person, which the contract's timeout does not count.
        "dagrun_timeout": limit if contract.on_violation == "block" else None,
    }
    with DAG(**(arguments | (overrides or {}))) as dag:
        _tasks(contract, str(file), when)
    return dag


def _owner(contract: Contract) -> str:
    owner = contract.owner
    return (owner and (owner.team or owner.name or owner.email)) or TAG


def _param(declared: Parameter) -> Param:
    kinds = {"string": "string", "int64": "integer", "float64": "number", "bool": "boolean"}
    kind = kinds.get(declared.type, "string")
    schema: dict[str, Any] = {"type": kind if declared.default is not None else [kind, "null"]}
    if declared.type in ("date", "timestamp"):
        schema["format"] = "date" if declared.type == "date" else "date-time"
    if declared.one_of:
        schema["enum"] = list(declared.one_of)
    default = declared.default
    plain = default if isinstance(default, str | int | float | bool | None) else str(default)
    return Param(plain, description=declared.description, **schema)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the tasks of one contract."""

    contract: Contract
    file: str
    when: Timing

    def stages(self, task_id: str, begin: StageName, until: StageName | None, run_of: str | None) -> DataSyncOperator:
        """A task for some stages."""
        last = until or "reconcile"
        asset = asset_of(self.contract) if begin in ("publish", "extract") and last in ("publish", "reconcile") else None
        window = self.when.window if run_of is None else (None, None)
        return DataSyncOperator(
            task_id=task_id,
            contract=self.file,
            begin=None if run_of is None and until is None else begin,
            until=until,
            run_of=run_of,
            released_by=self.release_id if run_of and begin in ("publish", "reconcile") else None,
            window_start=window[0],
            window_end=window[1],
            outlets=[asset] if asset else None,
            doc_md=DOCS.get(task_id.rpartition(".")[2]),
        )

    @property
    def release_id(self) -> str | None:
        if self.contract.on_violation != "hold":
            return None
        return "load.release" if self.contract.run.tasks == "split" else "release"

    def parts(self) -> list[Any]:
        """The tasks that read a partitioned source: one lists its parts, one reads each."""
        from datasync.airflow.operators import ListPartsOperator, ReadPartOperator

        start, end = self.when.window
        listing = ListPartsOperator(task_id="parts", contract=self.file, window_start=start, window_end=end, doc_md=DOCS["parts"])
        reading = ReadPartOperator.partial(task_id="extract", contract=self.file, run_of=self.begun, doc_md=DOCS["extract"])
        return [listing, reading.expand(part=listing.output)]

    @property
    def partitioned(self) -> bool:
        return getattr(self.contract.source, "partition", None) is not None and self.contract.run.tasks == "split"

    @property
    def begun(self) -> str:
        """The task that begins a run and names it."""
        if self.contract.run.tasks != "split":
            return "sync"
        return "extract.parts" if self.partitioned else "extract.extract"

    def release(self, run_of: str) -> Any:
        """The task that waits for a person."""
        from datasync.airflow.release import ReleaseOperator

        return ReleaseOperator(task_id="release", contract=self.file, run_of=run_of, execution_timeout=None,
                               doc_md=DOCS["release"])  # fmt: skip


DOCS = {
    "detect_changes": "Waits until the source has something that no run has read.",
    "parts": "Divides the source into parts of `source.partition`, so that each is read by a task of its own.",
    "extract": "Reads the source's rows of the window in one snapshot, and lets the source count them.",
    "gate_source": "Judges what the source promises, row by row (pandera).",
    "transform": "Carries the rows through the contract's transforms.",
    "gate_prepared": "Judges what consumers are promised, row by row (pandera); sets bad rows aside.",
    "stage": "Writes the accepted rows beside the target.",
    "audit": "Judges the staged rows where they lie (Great Expectations); compares them with what was accepted.",
    "release": "Waits for a person when the audit held the run.",
    "publish": "Makes the staged rows the target's content, in one atomic step with commit row and watermark.",
    "reconcile": "Compares what the target holds of this run with what was staged.",
    "sync": "Extract, gates, transforms, stage, audit, publish and reconcile, overlapped in one process.",
    "notify": "Records how the run ended and sends what has to be sent, whatever happened before.",
}


def _tasks(contract: Contract, file: str, when: Timing) -> None:
    maker = _Maker(contract, file, when)
    if contract.target is None:
        _check_task(contract, file)
        return
    chain = [*_sensor(contract, file)]
    chain += _split(maker) if contract.run.tasks == "split" else _fused(maker)
    for before, after in pairwise(chain):
        before >> after
    notify = NotifyOperator(task_id="notify", contract=file, run_of=maker.begun, retries=1, doc_md=DOCS["notify"])
    chain[-1] >> notify.as_teardown()


def _check_task(contract: Contract, file: str) -> None:
    """A contract without target can only be checked."""
    from datasync.airflow.operators import ContractGateOperator

    ContractGateOperator(task_id="check", contract=file, at="source")


def _sensor(contract: Contract, file: str) -> Iterator[Any]:
    declared = contract.source.changes
    if declared is None:
        return
    from datasync.airflow.sensor import POLL, DataChangeDetectionSensor

    yield DataChangeDetectionSensor(
        task_id="detect_changes",
        contract=file,
        poke_interval=(declared.poll or POLL).total_seconds(),
        timeout=(declared.timeout or timedelta(hours=1)).total_seconds(),
        # Nothing new is no failure: what follows is skipped.
        soft_fail=True,
        execution_timeout=None,
        doc_md=DOCS["detect_changes"],
    )


def _fused(maker: _Maker) -> list[Any]:
    if maker.release_id is None:
        return [maker.stages("sync", "extract", None, None)]
    return [
        maker.stages("sync", "extract", "audit", None),
        maker.release("sync"),
        maker.stages("publish", "publish", None, "sync"),
    ]


GROUPS: tuple[tuple[str, str, tuple[StageName, ...]], ...] = (
    ("extract", "Read the source and judge what it promises.", ("extract", "gate_source")),
    ("transform", "Reshape the rows and judge what consumers are promised.", ("transform", "gate_prepared")),
    ("load", "Stage beside the target, audit there, publish in one step.", ("stage", "audit", "publish")),
)


def _split(maker: _Maker) -> list[Any]:
    present = stage_names(maker.contract)
    begun = maker.begun
    tasks: list[Any] = []
    for group, words, stages in GROUPS:
        with TaskGroup(group, tooltip=words):
            for stage in stages:
                if stage == "publish" and maker.release_id is not None:
                    tasks.append(maker.release(begun))
                if stage == "extract" and maker.partitioned:
                    tasks += maker.parts()
                elif stage in present:
                    tasks.append(maker.stages(stage, stage, stage, None if stage == "extract" else begun))
    tasks.append(maker.stages("reconcile", "reconcile", "reconcile", begun))
    return tasks


def _broken(name: str, file: Path, words: str, overrides: dict[str, Any]) -> DAG:
    """A DAG that says what is wrong with its contract."""
    from airflow.sdk import task

    kept: dict[str, Any] = {key: value for key, value in overrides.items() if key in ("start_date", "access_control")}
    with DAG(
        dag_id=name,
        dag_display_name=f"{name} ({BROKEN})",
        description=f"{file.name} is no valid contract: nothing runs until it is mended.",
        doc_md=f"### {file}\n\n{words}\n",
        schedule=None,
        tags=[TAG, BROKEN],
        **({"start_date": START} | kept),
    ) as dag:

        @task(task_id="contract_is_broken", retries=0)
        def say() -> None:
            raise AirflowFailException(f"{file} is no valid contract:\n{words}")

        say()
    return dag
