"""Audited staging in, the commit that made it the target's content out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from datasync.plan.steps import Publish
from datasync.seams import Commit, PublishRequest, TargetSpec
from datasync.stages.context import Context, Flow, StepOutcome

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


def publish(step: Publish, context: Context, flow: Flow, audited: Audited) -> Commit:
    """Publish in one atomic step, under the fencing token.

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
    )
    with flow.working():
        context.before_publish(audited.spec, context.target.staging(audited.spec))
        commit = context.target.publish(audited.spec, request)
    flow.rows_in = audited.rows
    flow.rows_out = commit.rows
    flow.detail["sequence"] = commit.sequence
    flow.detail |= audited.taken
    flow.finish()
    return commit
