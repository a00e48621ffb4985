"""A plan in, what it would do in words out: the very steps that `run` executes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from datasync.contract.checks import Check
from datasync.contract.endpoints.api import API_KINDS
from datasync.plan.build import PAGED_KINDS, target_name
from datasync.plan.steps import Audit, Extract, JudgeRows, Load, Plan, Publish, Reconcile, Reshape, Step
from datasync.plan.window import to_text


@dataclass(frozen=True, slots=True)
class Explained:
    """One step, explained: a sentence, then the statements or checks it comes down to."""

    name: str
    summary: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statements:
    """What the connectors say they would do; each is asked only for the steps that need it."""

    read: Callable[[Extract], list[str]]
    write: Callable[[Load | Publish], list[str]]


def explain(plan: Plan, statements: Statements) -> tuple[Explained, ...]:
    """Explain each step of the plan, in order."""
    return tuple(_explain(step, plan, statements) for step in plan.steps)


def _explain(step: Step, plan: Plan, statements: Statements) -> Explained:
    match step:
        case Extract():
            return Explained(step.name, f"read {_reads(plan)}", tuple(statements.read(step)))
        case JudgeRows():
            return Explained(step.name, f"judge every row by {len(step.checks)} checks (pandera)", tuple(_checks(step.checks)))
        case Reshape():
            kinds = [item.kind for item in step.items]
            return Explained(step.name, f"apply {', '.join(kinds)}", tuple(_item(item) for item in step.items))
        case Load(local=True):
            return Explained(step.name, f"stage {', '.join(step.spec.columns)} in a local DuckDB")
        case Load():
            where = "in a local DuckDB" if _sends(plan) else "beside the target"
            return Explained(step.name, f"stage accepted rows {where}", tuple(statements.write(step)))
        case Audit():
            summary = "judge staging (Great Expectations)" + (", every check again, row hashes compared" if step.full else "")
            return Explained(step.name, summary, tuple(_checks(step.checks)))
        case Publish():
            return Explained(step.name, _publishes(step, plan), tuple(statements.write(step)))
        case Reconcile():
            summary = "what was acknowledged with what was staged" if _sends(plan) else "counts and figures of target and staging"
            return Explained(step.name, f"compare {summary}")


def _publishes(step: Publish, plan: Plan) -> str:
    moves = f"; the watermark becomes {step.watermark}" if step.watermark else ""
    if _sends(plan):
        return "send in keyed batches, at least once" + moves
    return f"{step.spec.write} in one atomic step, in {target_name(plan.contract)}{moves}"


def _sends(plan: Plan) -> bool:
    return plan.contract.target is not None and plan.contract.target.type in API_KINDS


def _reads(plan: Plan) -> str:
    if plan.window is not None:
        start = to_text(plan.window.start) or "the beginning"
        return f"{start} <= {plan.step('extract').request.cursor} < {to_text(plan.window.end)}"
    if plan.contract.source.type == "delta" and plan.files:
        return f"version {plan.files[0].fingerprint}"
    if plan.files and plan.contract.source.type not in PAGED_KINDS:
        return f"{len(plan.files)} file{'s' if len(plan.files) != 1 else ''}"
    return "everything"


def _checks(checks: Iterable[Check]) -> Iterable[str]:
    for check in checks:
        limit = f", tolerance {check.tolerance}" if check.tolerance is not None else ""
        warn = ", warn" if check.severity == "warn" else ""
        where = f" where {check.where.text}" if check.where is not None and check.where.text else ""
        yield f"{check.name}: {check.expected}{where}{limit}{warn}"


def _item(item: object) -> str:
    from datasync.contract.processing import Processor

    assert isinstance(item, Processor)
    value = getattr(item, item.kind)
    return f"{item.kind}: {_shown(value)}"


def _shown(value: object) -> object:
    """A processor's settings as its author would write them: types by name, what is not set left out."""
    from datasync.contract.base import Model
    from datasync.contract.types import DataType

    if isinstance(value, Model):
        parts = {name: getattr(value, name) for name in type(value).model_fields}
        return {name: _shown(part) for name, part in parts.items() if part is not None}
    if isinstance(value, dict):
        return {name: _shown(part) for name, part in value.items()}
    return str(value) if isinstance(value, DataType) else value
