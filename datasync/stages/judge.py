"""Batches in, their accepted rows out; rejected rows go to quarantine with all their reasons."""

from __future__ import annotations

from collections.abc import Iterator

from datasync.contract.refusals import REFUSING
from datasync.failpoints import failpoint
from datasync.plan.steps import JudgeRows
from datasync.seams import Batch
from datasync.stages.context import Context, Flow, Progress
from datasync.stages.extract import ABSENT_IS_NULL


def judge(step: JudgeRows, context: Context, flow: Flow, batches: Iterator[Batch]) -> Iterator[Batch]:
    """Let one gate judge every batch; nothing goes on before its rejected rows are safe in quarantine."""
    from datasync.gates.in_flight import FlightGate, FlightPlan
    from datasync.gates.quarantine import rejected_frame

    with flow.working():
        checks = tuple(check for check in step.checks if check.kind not in ("readable", *REFUSING))
        absent = context.source.kind in ABSENT_IS_NULL
        plan = FlightPlan(step.gate, step.columns, checks, context.clock, step.unknown_columns, step.first, absent)
        gate = FlightGate(plan)
        flow.tally(step.gate, gate.empty().checks)
    for batch in batches:
        context.check_stop()
        failpoint("gate.batch")
        with flow.working():
            judged = gate.judge(batch)
            flow.rows_in += batch.frame.height
            flow.tally(step.gate, judged.tally.checks)
            if judged.rejected is not None:
                frame = rejected_frame(judged.rejected, context.plan, step.gate, batch.number)
                context.set_aside.write(step.gate, frame)
                flow.set_aside += frame.height
            flow.rows_out += judged.accepted.frame.height
        context.progress(Progress(step.name, flow.rows_in))
        yield judged.accepted
    flow.finish()
