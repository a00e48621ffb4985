"""`select: [a, b]`: columns in, only those named out, in the order named."""

from __future__ import annotations

import polars as pl

from datasync.seams import POSITION, TransformTally
from datasync.transforms.each import EachBatch


class Select(EachBatch):
    """Keeps the named columns."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Select the columns."""
        names = list(self.item.select or ())
        return frame.select([*names, POSITION] if POSITION in frame.columns else names)
