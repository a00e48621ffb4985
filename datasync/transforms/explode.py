"""`explode: items`: rows with a list in, a row for each of its elements out; nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from datasync.casting import cast_column
from datasync.contract.types import DataType
from datasync.seams import Batch, TransformTally
from datasync.transforms.each import EachBatch, without
from datasync.transforms.json_cells import BadJsonError, cell_of, read_json

MOST_ROWS = 250_000
"""Rows that are made at a time, so that a batch of long lists does not fill the memory."""


class Explode(EachBatch):
    """Elements keep their order and their row's position. Text that is no JSON array of the type is set aside."""

    def apply(self, batches: Iterator[Batch], tally: TransformTally, spill: Path) -> Iterator[Batch]:
        """Explode each batch, in pieces."""
        number = 0
        for batch in batches:
            for piece in self._pieces(self._listed(batch.frame, tally)):
                yield Batch(self._exploded(piece, tally), number)
                number += 1

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Explode one frame at once."""
        return self._exploded(self._listed(frame, tally), tally)

    @property
    def _column(self) -> str:
        assert self.item.explode is not None
        return self.item.explode.column

    def _pieces(self, frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Cut a frame where its lists have enough elements; a frame without rows is one piece."""
        lengths = frame[self._column].list.len().fill_null(1).clip(1).cast(pl.Int64)
        piece = (lengths.cum_sum() - lengths) // MOST_ROWS
        start = 0
        for length in piece.rle().struct.field("len") if frame.height else [0]:
            yield frame.slice(start, length)
            start += length

    def _listed(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Give the column as a list, without the rows where it is none."""
        wanted = self.item.explode
        assert wanted is not None
        name = wanted.column
        if isinstance(frame.schema[name], pl.List):
            return without(frame, pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True), (name, self.kind), tally)
        lists, bad = _read(frame[name], wanted.type or DataType("json"))
        frame = without(frame, bad, (name, self.kind), tally)
        return frame.with_columns(lists.filter(~bad).alias(name))

    def _exploded(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        wanted = self.item.explode
        assert wanted is not None
        name = wanted.column
        full = frame[name].list.len().fill_null(0) > 0
        if wanted.empty == "drop":
            tally.dropped += frame.height - int(full.sum())
            frame = frame.filter(full)
        else:
            # An empty list would vanish in some versions of polars; a missing one is one missing element in all.
            frame = frame.with_columns(pl.when(full).then(pl.col(name)))
        made = frame.explode(name)
        tally.added += made.height - frame.height
        return made


def _read(texts: pl.Series, kind: DataType) -> tuple[pl.Series, pl.Series]:
    """Give lists of typed elements, and where a text has none."""
    rows: list[list[str | None] | None] = [_elements(text, kind) for text in texts]
    bad = pl.Series([row is None and text is not None for row, text in zip(rows, texts, strict=True)], dtype=pl.Boolean)
    numbers = [number for number, row in enumerate(rows) for _ in row or ()]
    values, wrong = cast_column(pl.Series([cell for row in rows for cell in row or ()], dtype=pl.String), kind)
    if wrong.any():
        broken = pl.Series(numbers, dtype=pl.Int64).filter(wrong).unique()
        bad = bad | pl.int_range(len(texts), eager=True).is_in(broken.implode())
    cells = pl.DataFrame([pl.Series("row", numbers, dtype=pl.Int64), values.alias("cells")])
    grouped = cells.group_by("row", maintain_order=True).agg("cells")
    # Rows without an element get no list at all, which is all that an empty one says.
    lists = pl.DataFrame({"row": pl.int_range(len(texts), eager=True)}).join(grouped, on="row", how="left", maintain_order="left")
    return lists["cells"], bad


def _elements(text: str | None, kind: DataType) -> list[str | None] | None:
    """The cells of a JSON array; None where there is none, an empty list for null."""
    if text is None:
        return None
    try:
        found: Any = read_json(text)
    except BadJsonError:
        return None
    if found is None:
        return []
    return [cell_of(item, kind) for item in found] if isinstance(found, list) else None
