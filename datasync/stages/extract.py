"""The source's window in, batches out; rows that cannot be read go to quarantine with their line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datasync.contract.checks import Gate
from datasync.contract.columns import Column
from datasync.contract.types import DataType
from datasync.failpoints import failpoint
from datasync.plan.steps import Extract
from datasync.results.model import CheckTally
from datasync.seams import Batch, Reading
from datasync.stages.context import Context, Flow, Progress

ABSENT_IS_NULL = ("ndjson", "json", "xml", "rest", "graphql", "soap")
"""Kinds of source whose rows need not name every column."""


def extract(step: Extract, context: Context, flow: Flow) -> Iterator[Batch]:
    """Read the step's request; counts, header and NULL cursors come from the same snapshot as the rows."""
    with flow.working():
        opened = context.source.read(step.request)
        reading = opened.__enter__()
    try:
        failpoint("extract.connected")
        with flow.working():
            flow.detail["source_count"] = reading.count()
            if step.count_null_cursors:
                _count_null_cursors(reading, flow)
            judgeable = _judge_headers(reading, context, flow)
        if judgeable:
            yield from _batches(reading, context, flow)
    finally:
        flow.answered(context.source)
        opened.__exit__(None, None, None)
    failpoint("extract.done")
    flow.finish()


def _batches(reading: Reading, context: Context, flow: Flow) -> Iterator[Batch]:
    batches = iter(reading.batches())
    while True:
        context.check_stop()
        with flow.working():
            batch = next(batches, None)
            _take_unreadable(reading, context, flow)
            if batch is not None:
                height = batch.frame.height
                flow.rows_in += height
                flow.rows_out += height
                flow.tally(_first_gate(context), {"row.readable": CheckTally(evaluated=height)})
        if batch is None:
            return
        failpoint("extract.batch")
        context.progress(Progress("extract", flow.rows_in))
        if batch.frame.height:
            yield batch


def _first_gate(context: Context) -> Gate:
    gate: Gate = "source" if context.plan.step("gate_source") is not None else "prepared"
    return gate


def _take_unreadable(reading: Reading, context: Context, flow: Flow) -> None:
    if not reading.unreadable:
        return
    from datasync.gates.quarantine import unreadable_frame

    rows = list(reading.unreadable)
    reading.unreadable.clear()
    gate = _first_gate(context)
    context.set_aside.write(gate, unreadable_frame(rows, context.plan, gate))
    flow.rows_in += len(rows)
    flow.set_aside += len(rows)
    flow.tally(gate, {"row.readable": CheckTally(evaluated=len(rows), failed=len(rows))})


def _count_null_cursors(reading: Reading, flow: Flow) -> None:
    found = reading.null_cursors()
    if found is None:
        tally = CheckTally(evaluated=1, error="the source cannot count rows without a cursor")
    else:
        tally = CheckTally(evaluated=1, failed=int(found > 0), observed=found)
    flow.tally("source", {"cursor.nulls": tally})


def _judge_headers(reading: Reading, context: Context, flow: Flow) -> bool:
    """Judge the names of columns at both gates before any row is read; tell whether rows can be judged at all."""
    from datasync.gates.in_flight import header_tally, unjudgeable

    header = list(reading.header)
    # Objects of JSON need not name every column: what none of them names is NULL.
    absent = context.source.kind in ABSENT_IS_NULL
    judgeable = True
    source = context.plan.step("gate_source")
    if source is not None:
        flow.tally("source", {"columns": header_tally(header, source.columns, "pass", "source", absent_is_null=absent)})
        judgeable = not unjudgeable(header, source.columns, absent_is_null=absent)
    prepared = context.plan.step("gate_prepared")
    try:
        names = _after_transforms(reading, context, source.columns if source is not None else {})
    except ValueError as error:
        flow.tally("prepared", {"columns": CheckTally(evaluated=1, failed=1, observed=str(error)[:200])})
        return False
    flow.tally(
        "prepared",
        {"columns": header_tally(names, prepared.columns, prepared.unknown_columns, "prepared", absent_is_null=absent)},
    )
    return judgeable and not unjudgeable(names, prepared.columns, absent_is_null=absent)


def _after_transforms(reading: Reading, context: Context, declared: Mapping[str, Column]) -> list[str]:
    header = list(reading.header)
    if context.source.kind in ABSENT_IS_NULL:
        # The source's gate adds the columns that it declares before any transform asks for them.
        header += [name for name in declared if name not in header]
    step = context.plan.step("transform")
    if step is None:
        return header
    from datasync.transforms import chain

    columns: dict[str, DataType | None] = {
        name: declared[name].type if name in declared else reading.types.get(name) for name in header
    }
    return list(chain(step.items).output(columns))
