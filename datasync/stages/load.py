"""Accepted batches in, a committed staging table out, with the figures that fidelity compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from datasync.errors import StorageError
from datasync.plan.steps import Load
from datasync.seams import POSITION, Batch, StagingWriter, TargetSpec
from datasync.stages.context import Context, Flow, Progress

if TYPE_CHECKING:
    import polars as pl


def load(step: Load, context: Context, flow: Flow, batches: Iterator[Batch]) -> TargetSpec:
    """Write all batches to staging and commit.

    Returns:
        The spec as staged: with the columns that `unknown_columns: evolve` found in the first batch.

    Raises:
        StorageError: staging holds another number of rows than were given to it.
    """
    from datasync.gates.fidelity import Figures, figures, row_hash

    first = next(batches, None)
    spec = _evolved(step.spec, first, context)
    total, hashed = Figures(), 0
    full = context.plan.contract.run.audit == "full"
    with flow.working():
        writer = context.target.writer(spec)
    try:
        batch = first
        while batch is not None:
            context.check_stop()
            with flow.working():
                frame = _staged_columns(batch.frame, spec)
                total = total + figures(frame.drop(POSITION, strict=False), spec.columns)
                hashed += row_hash(frame, spec.columns) if full else 0
                writer.write(frame)
                flow.rows_in += frame.height
            context.progress(Progress("stage", flow.rows_in))
            batch = next(batches, None)
        with flow.working():
            flow.rows_out = writer.finish()
    except BaseException:
        _abandon(writer)
        raise
    if flow.rows_out != flow.rows_in:
        raise StorageError(f"staging holds {flow.rows_out} rows of {flow.rows_in}", code="E_STAGING_COUNT", stage="stage")
    flow.detail["figures"] = total.to_plain()
    flow.detail["hash"] = str(hashed % 2**64) if full else None
    flow.detail["evolve"] = {name: str(spec.columns[name]) for name in spec.evolve}
    flow.finish()
    return spec


def _abandon(writer: StagingWriter) -> None:
    """Clean up without hiding the error that brought us here."""
    from datasync.errors import DataSyncError

    try:
        writer.abandon()
    except DataSyncError:
        return


def _evolved(spec: TargetSpec, first: Batch | None, context: Context) -> TargetSpec:
    if first is None or context.plan.contract.unknown_columns != "evolve":
        return spec
    from datasync.contract.types import of_polars

    declared = context.plan.contract.columns
    extras = {name: of_polars(dtype) for name, dtype in first.frame.schema.items() if name not in declared and name != POSITION}
    return replace(spec, columns={**spec.columns, **extras}, evolve=frozenset(extras))


def _staged_columns(frame: pl.DataFrame, spec: TargetSpec) -> pl.DataFrame:
    names = list(spec.columns)
    return frame.select([*names, POSITION] if spec.position else names)
