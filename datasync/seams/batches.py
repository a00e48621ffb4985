"""Rows on their way and where they came from: batches, positions, windows of a cursor, stages of a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

POSITION = "__position"
"""Hidden Int64 column of frames that come from files: `file index << 40 | line` (text files: physical line, counted from 1;
Parquet: row, counted from 1). It goes through transforms and staging untouched and is never published."""

POSITION_BITS = 40


def decode_position(position: int) -> tuple[int, int]:
    """Split a position into `(file index, line)`."""
    return position >> POSITION_BITS, position & ((1 << POSITION_BITS) - 1)


WindowValue = int | date | datetime
"""A bound of a window: an integer, a date, or a timestamp (aware, in UTC)."""


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open interval of the cursor: `start <= cursor < end`.

    Attributes:
        start: None reads from the beginning.
        end: exclusive.
        explicit: given by flags, a backfill or catchup, and not computed from the watermark.
    """

    start: WindowValue | None
    end: WindowValue
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows on their way.

    Attributes:
        frame: the data columns, and `POSITION` where rows come from files.
        number: counts from 0 in the order of the source.
    """

    frame: pl.DataFrame
    number: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a partitioned read: the rows whose partition column lies between two values, both inclusive.

    Attributes:
        low, high: None and None: the rows that have no value there.
    """

    low: int | None = None
    high: int | None = None


StageName = Literal["extract", "gate_source", "transform", "gate_prepared", "stage", "audit", "publish", "reconcile"]

STAGES: tuple[StageName, ...] = ("extract", "gate_source", "transform", "gate_prepared", "stage", "audit", "publish", "reconcile")
"""The stages of a run, in order; a run without transform or source columns leaves some out."""
