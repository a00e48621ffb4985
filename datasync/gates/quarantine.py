"""Rows set aside in, quarantine frames out: reasons and source position first, then the row as it arrived.

A quarantine frame has the columns of `HEAD`, then the row's own ones. An own column whose name would collide gets one more
underscore in front; `rows_of` takes it off again.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from datasync.contract.checks import Gate
from datasync.gates.in_flight import Rejected, copied
from datasync.plan.build import PAGED_KINDS
from datasync.plan.steps import Plan
from datasync.seams import POSITION, POSITION_BITS, RejectedRows, UnreadableRow

HEAD: Mapping[str, pl.DataType] = {
    "_id": pl.String(),
    "_gate": pl.String(),
    "_reasons": pl.List(pl.String()),
    "_file": pl.String(),
    "_line": pl.Int64(),
    "_batch": pl.Int64(),
}
"""`_id` is unique over all runs; `_file` and `_line` are NULL where the source has no files: there the key is in the row."""

TEXT = "_text"
"""What stood in a file where no row could be read; what an API said of a row that it refused."""

_RESERVED = re.compile(r"^_+(id|gate|reasons|file|line|batch|text)$")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows were set aside.

    Attributes:
        run_id: the run.
        gate: the gate that set them aside; `staged` for the audit.
        batch: number of their batch.
        files: paths of the run's pinned files, in order.
        paged: rows come from pages of an API: `_file` is their page and `_line` the place on it.
        part: what makes `_id` unique where one batch is set aside in several frames.
    """

    run_id: str
    gate: Gate
    batch: int = 0
    files: tuple[str, ...] = ()
    part: str = ""
    paged: bool = False


def set_aside_frame(rows: pl.DataFrame, reasons: pl.Series, origin: Origin) -> pl.DataFrame:
    """Build the quarantine frame of some rows.

    Args:
        rows: as they arrived, `POSITION` included where they come from files.
        reasons: list of text, one per row: the names of the checks it breaks.
        origin: where they were set aside.
    """
    stem = "-".join(word for word in (origin.run_id, origin.gate, f"{origin.batch:06d}", origin.part) if word)
    number = pl.int_range(rows.height, eager=True).cast(pl.String).str.zfill(7)
    position = rows[POSITION] if POSITION in rows.columns else pl.repeat(None, rows.height, dtype=pl.Int64, eager=True)
    head = pl.DataFrame({"number": number, "position": position, "reasons": reasons}).select(
        pl.format("{}-{}", pl.lit(stem), pl.col("number")).alias("_id"),
        pl.lit(origin.gate).alias("_gate"),
        pl.col("reasons").cast(HEAD["_reasons"]).alias("_reasons"),
        _file(origin).alias("_file"),
        (pl.col("position") % (1 << POSITION_BITS)).alias("_line"),
        pl.lit(origin.batch, pl.Int64).alias("_batch"),
    )
    own = [rows[name].alias(_escaped(name)) for name in rows.columns if name != POSITION]
    return pl.DataFrame([*head.get_columns(), *own])


def _file(origin: Origin) -> pl.Expr:
    index, files = pl.col("position") // (1 << POSITION_BITS), origin.files
    if origin.paged:
        return pl.format("page {}", index + 1)
    if not files:
        return pl.lit(None, pl.String)
    return index.replace_strict(list(range(len(files))), list(files), default=None, return_dtype=pl.String)


def _escaped(name: str) -> str:
    return f"_{name}" if _RESERVED.match(name) else name


def rows_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of a quarantine frame as they arrived: without `HEAD`, under their own names, without `POSITION`."""
    own = frame.drop([name for name in (*HEAD, TEXT) if name in frame.columns])
    return own.rename({name: name[1:] for name in own.columns if _RESERVED.match(name)})


def rejected_frame(rejected: Rejected, plan: Plan, gate: Gate, number: int) -> pl.DataFrame:
    """Build the quarantine frame of the rows a gate rejected from batch `number`."""
    return set_aside_frame(rejected.frame, rejected.reasons, _origin(plan, gate, number))


def staged_frame(rows: pl.DataFrame, reasons: pl.Series, plan: Plan, number: int) -> pl.DataFrame:
    """Build the quarantine frame of rows that the audit takes out of staging; `number` counts such frames in the run."""
    return set_aside_frame(copied(rows), reasons, _origin(plan, "staged", number))


def transform_frame(rejected: RejectedRows, plan: Plan, number: int | None = None) -> pl.DataFrame:
    """Build the quarantine frame of rows that a transform could not carry on.

    Args:
        rejected: the rows and the one check they break.
        plan: the run's.
        number: counts such frames in the run; None draws a random part for `_id` instead.
    """
    reasons = pl.Series([[rejected.check]] * rejected.frame.height, dtype=pl.List(pl.String))
    part = "transform" if number is not None else f"transform-{secrets.token_hex(8)}"
    origin = _origin(plan, "prepared", number or 0)
    return set_aside_frame(copied(rejected.frame), reasons, replace(origin, part=part))


def refused_frame(rows: pl.DataFrame, words: Sequence[str], plan: Plan, number: int) -> pl.DataFrame:
    """Build the quarantine frame of rows of batch `number` that an API refused; what it said of each stands in `_text`."""
    reasons = pl.Series([["api.rejected"]] * rows.height, dtype=pl.List(pl.String))
    origin = _origin(plan, "staged", number)
    frame = set_aside_frame(copied(rows), reasons, Origin(origin.run_id, "staged", number, origin.files, "sent"))
    return frame.insert_column(len(HEAD), pl.Series(TEXT, list(words), dtype=pl.String))


def unreadable_frame(rows: Sequence[UnreadableRow], plan: Plan, gate: Gate) -> pl.DataFrame:
    """Build the quarantine frame of rows that could not be read as rows: their text stands in `_text`."""
    from datasync.seams import decode_position

    places = [decode_position(row.position) for row in rows]
    paths = [file.path for file in plan.files]
    data = {
        "_id": [f"{plan.run_id}-{gate}-unreadable-{row.position}" for row in rows],
        "_gate": [gate] * len(rows),
        "_reasons": [["row.readable"]] * len(rows),
        "_file": [_place(index, paths, _paged(plan)) for index, _ in places],
        "_line": [line for _, line in places],
        "_batch": [None] * len(rows),
        TEXT: [row.text for row in rows],
    }
    return pl.DataFrame(data, schema={**HEAD, TEXT: pl.String()})


def _origin(plan: Plan, gate: Gate, number: int) -> Origin:
    return Origin(plan.run_id, gate, number, tuple(file.path for file in plan.files), paged=_paged(plan))


def _paged(plan: Plan) -> bool:
    return plan.contract.source.type in PAGED_KINDS


def _place(index: int, paths: Sequence[str], paged: bool) -> str | None:
    if paged:
        return f"page {index + 1}"
    return paths[index] if index < len(paths) else None
