"""A plan in, what each of its steps did out: fused through threads and queues, or one by one through Parquet parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from datasync.errors import DataSyncError, Interrupted, PermanentError, UsageError
from datasync.plan.steps import Audit, Load, Plan, Publish
from datasync.results.codec import plain, rebuild
from datasync.results.model import CheckTally
from datasync.results.verdict import check_result, over_budget, run_status
from datasync.seams import Batch, Commit, RecheckFailed, StageName, TargetSpec
from datasync.stages.audit import audit
from datasync.stages.context import Context, Flow, StepOutcome
from datasync.stages.extract import extract
from datasync.stages.judge import judge
from datasync.stages.load import load
from datasync.stages.publish import Audited, publish
from datasync.stages.reconcile import reconcile
from datasync.stages.reshape import reshape
from datasync.stages.stream import overlapped
from datasync.stages.summary import tallies_of

_NOTHING = CheckTally()
IN_FLIGHT: tuple[StageName, ...] = ("extract", "gate_source", "transform", "gate_prepared")


@dataclass
class Execution:
    """How far a run came; only the runner writes it, the supervisor reads it.

    Attributes:
        flows: the steps begun, in order.
        earlier: outcomes of steps that an earlier process finished.
        commit: set once the run is published.
    """

    plan: Plan
    flows: list[Flow] = field(default_factory=list)
    earlier: dict[StageName, StepOutcome] = field(default_factory=dict)
    commit: Commit | None = None
    spec: TargetSpec | None = None
    error: DataSyncError | None = None
    publishable: bool = False

    @property
    def outcomes(self) -> dict[StageName, StepOutcome]:
        """What each step did so far, by name."""
        return self.earlier | {flow.name: flow.outcome() for flow in self.flows}

    def flow(self, name: StageName) -> Flow:
        """Begin a step."""
        flow = Flow(name)
        self.flows.append(flow)
        return flow


def execute(context: Context, execution: Execution, begin: StageName = "extract", until: StageName | None = None) -> None:
    """Carry out the plan from a stage on; errors end up in `execution.error`.

    Args:
        context: what stages may use.
        execution: filled while the run goes on.
        begin: the first stage to carry out; what comes before was done by an earlier process.
        until: the last one; what follows is left to a later process, which only a split run has. None: to the end.
    """
    carry_out(context, execution, lambda: _execute(context, execution, _todo(execution.plan, begin, until)))


def carry_out(context: Context, execution: Execution, work: Callable[[], None]) -> None:
    """Do some of a run's work; errors end up in `execution.error`."""
    try:
        work()
    except RecheckFailed as error:
        execution.error = PermanentError(
            str(error), code="E_RECHECK", hint="run again: the audit will judge the table as it is now"
        )
        execution.error.stage = "publish"
    except DataSyncError as error:
        execution.error = Interrupted("the run was interrupted") if context.stop.is_set() and execution.commit is None else error
        execution.error.stage = execution.error.stage or _running(execution)
    except Exception as error:
        if context.stop.is_set() and execution.commit is None:
            execution.error = Interrupted("the run was interrupted", stage=_running(execution))
        else:
            execution.error = PermanentError(
                f"an unexpected {type(error).__name__}", code="E_INTERNAL", stage=_running(execution),
                hint="this is a defect of datasync: --debug shows the traceback",
            )  # fmt: skip
            execution.error.__cause__ = error


def _running(execution: Execution) -> str:
    unfinished = [flow.name for flow in execution.flows if not flow.finished]
    return unfinished[0] if unfinished else ""


def is_split(plan: Plan) -> bool:
    """Tell whether each stage of the run hands its rows on through the workspace."""
    return plan.contract.run.tasks == "split" and plan.kind == "run"


def _todo(plan: Plan, begin: StageName, until: StageName | None) -> list[StageName]:
    names = [step.name for step in plan.steps]
    for name in (begin, until or begin):
        if name not in names:
            raise UsageError(f"this run has no stage {name}; its stages: {', '.join(names)}", code="E_STAGE")
    if not is_split(plan) and begin not in ("extract", "audit", "publish", "reconcile"):
        raise UsageError(f"a fused run cannot resume from {begin}: from extract or audit on", code="E_STAGE")
    if not is_split(plan) and until in ("extract", "gate_source", "transform", "gate_prepared"):
        raise UsageError(f"a fused run cannot stop after {until}: its stages overlap", code="E_STAGE")
    return names[names.index(begin) : names.index(until) + 1 if until else None]


def _execute(context: Context, execution: Execution, todo: list[StageName]) -> None:
    split = is_split(context.plan)
    flying = [name for name in todo if name in IN_FLIGHT]
    if split:
        for name in flying:
            _fly_one(name, context, execution)
            _stop_at_failed_gate(context, execution)
    if "stage" in todo:
        _stage(context, execution, flying, split)
    if any(name in todo for name in ("audit", "publish", "reconcile")):
        _at_rest(context, execution, todo)


def _stream(name: StageName, batches: Iterator[Batch] | None, context: Context, execution: Execution) -> Iterator[Batch]:
    step = context.plan.step(name)
    flow = execution.flow(name)
    makers: dict[str, Callable[..., Iterator[Batch]]] = {"gate_source": judge, "transform": reshape, "gate_prepared": judge}
    if name == "extract":
        return extract(step, context, flow)
    return makers[name](step, context, flow, batches)


def _stage(context: Context, execution: Execution, flying: list[StageName], split: bool) -> None:
    """Fused: extract | gates and transforms | load, each in a thread of its own. Split: load what the last gate left."""
    if split:
        batches: Iterator[Batch] = context.workspace.read_parts("gate_prepared")
    else:
        if "extract" not in flying:
            raise UsageError("a fused run cannot begin at stage", code="E_STAGE")
        batches = overlapped(_stream("extract", None, context, execution), context.stop, "extract")
        for name in flying[1:]:
            batches = _stream(name, batches, context, execution)
        batches = overlapped(batches, context.stop, "gates")
    flow = execution.flow("stage")
    execution.spec = load(context.plan.step("stage"), context, flow, batches)
    save(context, execution)


def _fly_one(name: StageName, context: Context, execution: Execution) -> None:
    """Carry out one step in flight from parts to parts."""
    names = [step.name for step in context.plan.steps]
    before = names[names.index(name) - 1] if name != "extract" else None
    given = context.workspace.read_parts(before) if before else None
    context.workspace.write_parts(name, _stream(name, given, context, execution))
    save(context, execution)


def _stop_at_failed_gate(context: Context, execution: Execution) -> None:
    if context.plan.contract.on_violation != "hold" and verdict(execution) == "failed":
        raise GateFailed("a gate failed")


class GateFailed(DataSyncError):
    """A gate of a split run failed, which ends the run; the verdict says why."""

    code = "E_GATE_FAILED"


def verdict(execution: Execution) -> str:
    """Judge what is known so far."""
    plan = execution.plan
    outcomes = execution.outcomes
    allow = plan.contract.quarantine.allow
    found = tallies_of(outcomes)
    checks = [check_result(check, found.get((check.gate, check.name), _NOTHING), allow) for check in plan.checks]
    aside = sum(outcome.set_aside for outcome in outcomes.values())
    judged = outcomes["extract"].rows_in + sum(outcome.added for outcome in outcomes.values()) if "extract" in outcomes else 0
    return run_status(checks, over=over_budget(allow, aside, judged), hold=plan.contract.on_violation == "hold")


def _at_rest(context: Context, execution: Execution, todo: list[StageName]) -> None:
    plan = context.plan
    if execution.spec is None:
        execution.spec = _resumed_spec(plan, execution)
    if "audit" in todo:
        step = plan.step("audit")
        assert isinstance(step, Audit)
        audit(step, context, execution.flow("audit"), execution.spec, execution.outcomes)
        save(context, execution)
        context.workspace.note(auditing=False)
        execution.publishable = verdict(execution) in ("passed", "warned")
    else:
        execution.publishable = True
    publish_step = plan.step("publish")
    if not execution.publishable or publish_step is None or todo[-1] == "audit":
        return
    assert isinstance(publish_step, Publish)
    context.check_stop()
    audited = Audited.of(execution.spec, execution.outcomes["audit"])
    # Of a run that is published already, publish only gives the commit again.
    flow = execution.flow("publish") if "publish" in todo else Flow("publish")
    execution.commit = publish(publish_step, context, flow, audited, execution.outcomes)
    if execution.commit is None:
        return
    save(context, execution)
    if "reconcile" in todo:
        reconcile(context, execution.flow("reconcile"), audited, execution.commit)
        save(context, execution)


def _resumed_spec(plan: Plan, execution: Execution) -> TargetSpec:
    from datasync.contract.types import parse_type

    step = plan.step("stage")
    assert isinstance(step, Load)
    extras = {name: parse_type(text) for name, text in execution.outcomes["stage"].detail.get("evolve", {}).items()}
    return replace(step.spec, columns={**step.spec.columns, **extras}, evolve=frozenset(extras))


def save(context: Context, execution: Execution) -> None:
    """Write the finished steps into the manifest, so that the run can be resumed behind them."""
    manifest = context.workspace.read_manifest() or {}
    done = {name: plain(outcome) for name, outcome in execution.outcomes.items()}
    context.workspace.write_manifest(manifest | {"outcomes": done})


def earlier_outcomes(manifest: dict[str, Any], begin: StageName, plan: Plan) -> dict[StageName, StepOutcome]:
    """Give the outcomes of the steps before `begin`, as an earlier process left them.

    Raises:
        UsageError: one of them was not finished.
    """
    names = [step.name for step in plan.steps]
    if begin not in names:
        raise UsageError(f"this run has no stage {begin}; its stages: {', '.join(names)}", code="E_STAGE")
    known = manifest.get("outcomes", {})
    missing = [name for name in names[: names.index(begin)] if name not in known]
    if missing:
        raise UsageError(
            f"run {plan.run_id} cannot resume from {begin}: {missing[0]} was not finished",
            code="E_STAGE",
            hint=f"resume with --from {missing[0]}" if plan.contract.run.tasks == "split" else "run it again from the start",
        )
    return {name: rebuild(StepOutcome, known[name]) for name in names[: names.index(begin)]}
