"""Audited staging in, the commit that made it the target's content out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from datasync.contract.checks import Check
from datasync.plan.steps import Publish
from datasync.results.model import CheckTally
from datasync.seams import Commit, Delivery, PublishRequest, TargetSpec, TooManyRefused
from datasync.stages.context import Context, Flow, Progress, StepOutcome
from datasync.stages.summary import Outcomes, row_counts

if TYPE_CHECKING:
    import polars as pl

TAKEN = ("deleted", "marked", "closed")
"""What becomes of the target's rows that a run takes away."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What the audit leaves to publish.

    Attributes:
        spec: as staged.
        rows: in staging.
        rechecks: key checks to repeat in the transaction, as `PublishRequest` says.
        figures: of staging after the audit, for reconcile.
        taken: rows of the target that go, by what becomes of them: deleted, marked or closed.
    """

    spec: TargetSpec
    rows: int
    rechecks: tuple[tuple[str, str], ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    taken: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: TargetSpec, outcome: StepOutcome) -> Audited:
        """Read what a finished audit left in its outcome."""
        rechecks = tuple((name, sql) for name, sql in outcome.detail.get("rechecks", ()))
        # What the audit could not be sure of is not taken for missing.
        spec = replace(spec, complete=bool(outcome.detail.get("complete", False)))
        taken = {word: int(outcome.detail[word]) for word in TAKEN if word in outcome.detail}
        return cls(spec, outcome.rows_out, rechecks, outcome.detail.get("figures", {}), taken)


def publish(step: Publish, context: Context, flow: Flow, audited: Audited, outcomes: Outcomes) -> Commit | None:
    """Publish in one atomic step, under the fencing token; a target that can only send rows on sends them.

    Returns:
        The commit; None when the target refused more rows than the contract allows, which the flow's tally says.

    Raises:
        Refused: a newer token owns the sync.
        RecheckFailed: a key check fails against what another sync published since the audit.
    """
    request = PublishRequest(
        token=context.token,
        rows=audited.rows,
        watermark=step.watermark,
        seen=context.sequence,
        rechecks=audited.rechecks,
        files=context.plan.files,
        delivery=_delivery(step.refusals, context, flow, audited, outcomes) if step.refusals is not None else None,
    )
    flow.rows_in = audited.rows
    context.progress(Progress("publish", 0 if request.delivery is not None else audited.rows))
    with flow.working():
        context.before_publish(audited.spec, context.target.staging(audited.spec))
        try:
            commit = context.target.publish(audited.spec, request)
        except TooManyRefused:
            flow.finished = True
            return None
        finally:
            flow.answered(context.target)
    flow.rows_out = commit.rows
    flow.detail["sequence"] = commit.sequence
    flow.detail |= audited.taken
    flow.finish()
    return commit


def _delivery(check: Check, context: Context, flow: Flow, audited: Audited, outcomes: Outcomes) -> Delivery:
    """What sending needs; the flow always says how many rows were acknowledged and refused, also when sending breaks off."""

    def sent(acknowledged: int, refused: int) -> None:
        flow.rows_out, flow.set_aside = acknowledged, refused
        flow.tallies.pop("staged", None)
        flow.tally("staged", {check.name: CheckTally(evaluated=audited.rows, failed=refused)})
        context.progress(Progress("publish", acknowledged))
        context.check_stop()

    rows = row_counts(outcomes, 0)
    allowed = None if context.released else _allowed(context, audited.rows, (rows.extracted + rows.added, rows.quarantined))
    return Delivery(context.plan.variables, allowed, _storing(context), sent)


def _allowed(context: Context, staged: int, judged: tuple[int, int]) -> int:
    """How many rows may be refused: `quarantine.allow` of the staged ones, and what the run's budget has left."""
    allow = context.plan.contract.quarantine.allow
    if allow is None:
        return 0
    total, aside = judged
    return max(min(allow.numerator * staged // allow.denominator, allow.numerator * total // allow.denominator - aside), 0)


def _storing(context: Context) -> Callable[[pl.DataFrame, Sequence[str], int], None]:
    from datasync.gates.quarantine import refused_frame

    def store(rows: pl.DataFrame, words: Sequence[str], number: int) -> None:
        context.set_aside.write("staged", refused_frame(rows, words, context.plan, number), f"staged-sent-{number:06d}")

    return store
