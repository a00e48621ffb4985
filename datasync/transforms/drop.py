"""`drop: [a]`: columns in, all but those named out."""

from __future__ import annotations

import polars as pl

from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch


class Drop(EachBatch):
    """Leaves the named columns out."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Drop the columns."""
        return frame.drop(self.item.drop or ())
