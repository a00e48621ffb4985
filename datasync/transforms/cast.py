"""`cast: {a: int64}`: columns in, exact values of other types out; a row with a cell that has none is rejected."""

from __future__ import annotations

import polars as pl

from datasync.casting import cast_column
from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch, without


class Cast(EachBatch):
    """Casts as the gates do: nothing is rounded or guessed."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Cast the columns one after the other."""
        for name, kind in (self.item.cast or {}).items():
            values, bad = cast_column(frame[name], kind)
            frame = without(frame, bad, (name, "cast"), tally)
            values = values.filter(~bad) if bad.any() else values
            frame = frame.with_columns(values.alias(name))
        return frame
