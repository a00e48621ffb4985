"""`map_values`: text in, other text out by a table; what the table lacks is kept, made missing or rejected."""

from __future__ import annotations

import polars as pl

from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch, without


class MapValues(EachBatch):
    """Replaces values; a missing one stays missing."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Map the column."""
        wanted = self.item.map_values
        assert wanted is not None
        old, new = list(wanted.values), [None if value is None else str(value) for value in wanted.values.values()]
        column = pl.col(wanted.column)
        if wanted.default == "reject":
            frame = self._reject(frame, old, tally)
        elsewhere = pl.lit(None, pl.String) if wanted.default == "null" else column
        return frame.with_columns(column.replace_strict(old, new, default=elsewhere, return_dtype=pl.String).alias(wanted.column))

    def _reject(self, frame: pl.DataFrame, old: list[str], tally: TransformTally) -> pl.DataFrame:
        assert self.item.map_values is not None
        name = self.item.map_values.column
        unknown = ~frame[name].is_in(old) & frame[name].is_not_null()
        return without(frame, unknown, (name, "map_values"), tally)
