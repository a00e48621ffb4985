"""Audited staging in, the commit that made it the target's content out."""

from __future__ import annotations

from dataclasses import dataclass

from datasync.plan.steps import Publish
from datasync.seams import Commit, PublishRequest, TargetSpec
from datasync.stages.context import Context, Flow


@dataclass(frozen=True, slots=True)
class Audited:
    """What the audit leaves to publish: the spec as staged, the rows in staging, and checks to repeat in the transaction."""

    spec: TargetSpec
    rows: int
    rechecks: tuple[tuple[str, str], ...] = ()


def publish(step: Publish, context: Context, flow: Flow, audited: Audited) -> Commit:
    """Publish in one atomic step, under the fencing token.

    Raises:
        Refused: a newer token owns the sync.
        RecheckFailed: a key check fails against what another sync published since the audit.
    """
    assert context.target is not None
    request = PublishRequest(
        token=context.token,
        rows=audited.rows,
        watermark=step.watermark,
        seen=context.sequence,
        rechecks=audited.rechecks,
        files=context.plan.files,
    )
    with flow.working():
        commit = context.target.publish(audited.spec, request)
    flow.rows_in = audited.rows
    flow.rows_out = commit.rows
    flow.detail["sequence"] = commit.sequence
    flow.finished = True
    return commit
