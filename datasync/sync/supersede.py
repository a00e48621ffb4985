"""Open quarantined rows and a run about to publish in, the rows that its publication makes obsolete out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datasync.contract.types import DataType
from datasync.history.rows import QuarantineBatch
from datasync.history.store import History
from datasync.plan.build import PAGED_KINDS
from datasync.plan.local_time import held
from datasync.plan.steps import Plan
from datasync.seams import Staging, TargetSpec, Window
from datasync.storage import read_frame

if TYPE_CHECKING:
    import polars as pl

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Superseded:
    """Whole batches, and single rows by run, that this run's publication replaces."""

    batches: tuple[QuarantineBatch, ...] = ()
    rows: tuple[tuple[str, tuple[str, ...]], ...] = ()


def superseded(plan: Plan, spec: TargetSpec, staging: Staging, open_batches: Iterable[QuarantineBatch]) -> Superseded:
    """Find open rows whose cursor lies in the run's window, whose file it read, or whose key it merges; a full read takes all."""
    batches = list(open_batches)
    # Of an API or a Delta table, the file that was pinned is its version: a read without a window is a full one.
    if plan.window is None and (not plan.files or plan.contract.source.type in (*PAGED_KINDS, "delta")):
        return Superseded(batches=tuple(batches))
    found: dict[str, list[str]] = {}
    for batch in batches:
        ids = set(_in_batch(batch, plan, spec, staging))
        if ids:
            found.setdefault(batch.run_id, []).extend(sorted(ids))
    return Superseded(rows=tuple((run, tuple(ids)) for run, ids in found.items()))


def _in_batch(batch: QuarantineBatch, plan: Plan, spec: TargetSpec, staging: Staging) -> Iterator[str]:
    import polars as pl

    try:
        frame = read_frame(batch.path)
    except (OSError, pl.exceptions.PolarsError):
        return
    paths = [file.path for file in plan.files]
    if paths and "_file" in frame.columns:
        yield from frame.filter(pl.col("_file").is_in(paths))["_id"]
    cursor = plan.step("extract").request.cursor
    kind = plan.step("extract").request.cursor_type
    if plan.window is not None and cursor in frame.columns and kind is not None:
        zone = plan.step("extract").request.cursor_zone
        yield from frame.filter(_inside(frame[cursor], plan.window, (kind, zone)))["_id"]
    if spec.write in ("merge", "scd2") and all(name in frame.columns for name in spec.key):
        yield from _merged(frame, spec, staging)


def _inside(values: pl.Series, window: Window, held_as: tuple[DataType, str | None]) -> pl.Series:
    """Cursors in the window; a cell that cannot be cast is in none."""
    from datasync.casting import cast_column

    kind, zone = held_as
    typed, bad = cast_column(values, kind, timezone=zone)
    inside = typed < held(window.end, kind, zone)
    if window.start is not None:
        inside = inside & (typed >= held(window.start, kind, zone))
    found: pl.Series = inside.fill_null(False) & ~bad
    return found


def _merged(frame: pl.DataFrame, spec: TargetSpec, staging: Staging) -> Iterator[str]:
    """Rows whose key this run stages, asked of staging in chunks."""
    import polars as pl

    from datasync.casting import cast_column
    from datasync.contract.expressions.dialects import literal_sql, quote_identifier

    typed = {name: cast_column(frame[name], spec.columns[name]) for name in spec.key}
    bad = pl.Series([False] * frame.height)
    for _, mask in typed.values():
        bad = bad | mask
    keys = (
        pl.DataFrame([values.alias(name) for name, (values, _) in typed.items()])
        .with_columns(frame["_id"])
        .filter(~bad)
        .drop_nulls()
    )
    names = ", ".join(quote_identifier(name, staging.dialect) for name in spec.key)
    for part in keys.iter_slices(CHUNK):
        rows = part.select(spec.key).rows()
        wanted = " OR ".join(
            "(" + " AND ".join(
                f"{quote_identifier(name, staging.dialect)} = {literal_sql(value, spec.columns[name], staging.dialect)}"
                for name, value in zip(spec.key, row, strict=True)
            ) + ")"
            for row in rows
        )  # fmt: skip
        staged = {tuple(map(str, row)) for row in staging.query(f"SELECT {names} FROM {staging.relation} WHERE {wanted}")}
        yield from (row_id for row_id, row in zip(part["_id"], rows, strict=True) if tuple(map(str, row)) in staged)


def close(history: History, found: Superseded, run_id: str) -> None:
    """Write down what a published run superseded."""
    history.close_batches(found.batches, "superseded")
    for owner, ids in found.rows:
        history.close_rows(owner, ids, "superseded", run_id)
