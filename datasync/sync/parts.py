"""A run of a partitioned source in, its parts out, to be read by a task each and taken up together by the stage behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from datasync.contract.checks import Gate
from datasync.contract.loader import LoadedContract
from datasync.contract.variables import resolve_params
from datasync.errors import UsageError
from datasync.history.store import History
from datasync.results.codec import plain, rebuild
from datasync.results.model import CheckTally, GateTally
from datasync.runner import Execution
from datasync.seams import Connection, Part
from datasync.stages.context import Context, Flow, StepOutcome
from datasync.stages.extract import extract
from datasync.stages.set_aside import Owner, SetAside
from datasync.sync.options import RunOptions
from datasync.sync.prepare import Opened, Request, prepare
from datasync.sync.project import open_project
from datasync.sync.systems import open_systems
from datasync.workspace import Workspace

ONCE = ("columns", "cursor.nulls")
"""Checks of the whole source, which the first part speaks for."""


def list_parts(context: Context, execution: Execution) -> None:
    """Ask the source for its parts and write them into the manifest, in place of reading it.

    Raises:
        UsageError: the source has no partition.
        ConnectorError: the source failed.
    """
    step = context.plan.step("extract")
    with context.source.read(step.request) as reading:
        parts = getattr(reading, "parts", None)
        if parts is None or getattr(context.plan.contract.source, "partition", None) is None:
            raise UsageError("the contract has no source.partition", code="E_PARTITION")
        found: list[Part] = parts()
    manifest = context.workspace.read_manifest() or {}
    context.workspace.write_manifest(manifest | {"parts": plain(found)})


def listed(loaded: LoadedContract, run_id: str) -> list[int]:
    """Give the numbers of a run's parts."""
    manifest = open_project(loaded.path).run_folder(loaded.contract.contract, run_id).read_manifest() or {}
    return list(range(len(manifest.get("parts") or ())))


def read_part(
    loaded: LoadedContract, run_id: str, number: int, connections: Callable[[str], Connection] | None = None
) -> StepOutcome:
    """Read one part of a run into its workspace; nothing else of the run is touched, so parts can be read side by side.

    Args:
        loaded: the contract.
        run_id: the run whose parts were listed.
        number: of the part, from 0.
        connections: looks connections up, as in `RunOptions`.

    Raises:
        UsageError: the run has no such part.
        ConnectorError: the source failed.
    """
    project = open_project(loaded.path)
    workspace = project.run_folder(loaded.contract.contract, run_id)
    manifest = workspace.read_manifest() or {}
    parts = manifest.get("parts") or []
    if not 0 <= number < len(parts) or manifest.get("hash") != loaded.hash:
        raise UsageError(f"run {run_id} has no part {number}, or its contract changed", code="E_PARTITION")
    asked = manifest.get("asked", {})
    options = RunOptions(run_id=run_id, recorded=manifest, params=asked.get("params", {}), connections=connections)
    now = _time(manifest)
    request = Request(run_id, options, resolve_params(loaded.contract, options.params), now, loaded.hash, str(loaded.path))
    name = f"extract.{number:04d}"
    with ExitStack() as stack:
        history = History(project.history_url)
        stack.callback(history.close)
        systems = stack.enter_context(open_systems(loaded, project, request, audited=False))
        plan = prepare(Opened(loaded.contract, systems.source, systems.target, history), request, owned=False).plan
        owner = Owner(run_id, loaded.contract.contract, plan.sync)
        context = Context(
            plan=plan, workspace=workspace, source=systems.source, target=systems.staging_target, auditor=systems.auditor,
            set_aside=SetAside(owner, workspace, history.add_quarantine, name), clock=now, progress=options.progress,
        )  # fmt: skip
        step = plan.step("extract")
        step = replace(step, request=replace(step.request, part=Part(**parts[number])),
                       count_null_cursors=step.count_null_cursors and number == 0)  # fmt: skip
        flow = Flow("extract")
        workspace.write_parts(name, extract(step, context, flow))
        workspace.write_outcome(name, plain(flow.outcome()))
    return flow.outcome()


def _time(manifest: Mapping[str, Any]) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(manifest["now"])


def gather(workspace: Workspace, manifest: dict[str, Any]) -> dict[str, Any]:
    """Give the manifest with the outcome of `extract`, put together of its parts'; unchanged for a run without parts.

    Raises:
        UsageError: a part is missing.
    """
    wanted = len(manifest.get("parts") or ())
    if not wanted or "extract" in manifest.get("outcomes", {}):
        return manifest
    found = [rebuild(StepOutcome, outcome) for outcome in workspace.read_outcomes("extract")]
    if len(found) != wanted:
        raise UsageError(f"{wanted - len(found)} of {wanted} parts were not read", code="E_PARTITION", hint="read them first")
    joined = manifest | {"outcomes": {**manifest.get("outcomes", {}), "extract": plain(_joined(found))}}
    workspace.write_manifest(joined)
    return joined


def _joined(parts: list[StepOutcome]) -> StepOutcome:
    first = parts[0]
    counts = [part.detail.get("source_count") for part in parts]
    detail = {**first.detail, "source_count": None if None in counts else sum(int(count or 0) for count in counts)}
    gates: set[Gate] = {gate for part in parts for gate in part.tallies}
    return StepOutcome(
        "extract",
        round(sum(part.seconds for part in parts), 3),
        sum(part.rows_in for part in parts),
        sum(part.rows_out for part in parts),
        sum(part.set_aside for part in parts),
        tallies={gate: _tallies(part.tallies.get(gate, {}) for part in parts) for gate in gates},
        detail=detail,
        began=min((part.began for part in parts if part.began), default=None),
        ended=max((part.ended for part in parts if part.ended), default=None),
    )


def _tallies(parts: Iterable[Mapping[str, CheckTally]]) -> Mapping[str, CheckTally]:
    total = GateTally()
    for number, checks in enumerate(parts):
        total += GateTally(checks={name: tally for name, tally in checks.items() if number == 0 or name not in ONCE})
    return total.checks
