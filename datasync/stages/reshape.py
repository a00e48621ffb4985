"""Batches in, transformed batches out; rows that a transform cannot carry on go to quarantine."""

from __future__ import annotations

from collections.abc import Iterator

from datasync.failpoints import failpoint
from datasync.plan.steps import Reshape
from datasync.results.model import CheckTally
from datasync.seams import Batch, Means, TransformTally
from datasync.stages.context import Context, Flow, Progress
from datasync.stages.tables import table_reader


def reshape(step: Reshape, context: Context, flow: Flow, batches: Iterator[Batch]) -> Iterator[Batch]:
    """Apply the contract's transforms in order, counting what they add, drop and reject."""
    from datasync.transforms import chain

    tally = TransformTally()
    means = Means(context.root, context.plan.variables, table_reader(context))
    transformed = chain(step.items, means).apply(_counted(batches, flow), tally, context.workspace.spill)
    while True:
        context.check_stop()
        with flow.working():
            batch = next(transformed, None)
            _take_rejected(tally, context, flow)
        flow.added, flow.dropped = tally.added, tally.dropped
        if batch is None:
            break
        failpoint("transform.batch")
        flow.rows_out += batch.frame.height
        context.progress(Progress("transform", flow.rows_in))
        yield batch
    evaluated = {name: CheckTally(evaluated=rows) for name, rows in tally.evaluated.items()}
    flow.tally("prepared", evaluated)
    flow.finish()


def _counted(batches: Iterator[Batch], flow: Flow) -> Iterator[Batch]:
    for batch in batches:
        flow.rows_in += batch.frame.height
        yield batch


def _take_rejected(tally: TransformTally, context: Context, flow: Flow) -> None:
    from datasync.gates.quarantine import transform_frame

    for rejected in tally.rejected:
        frame = transform_frame(rejected, context.plan)
        context.set_aside.write("prepared", frame)
        flow.set_aside += frame.height
        flow.tally("prepared", {rejected.check: CheckTally(failed=frame.height)})
    tally.rejected.clear()
