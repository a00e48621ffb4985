"""`rename: {old: new}`: columns in, the same columns under other names out."""

from __future__ import annotations

import polars as pl

from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch


class Rename(EachBatch):
    """Names change, order and values do not."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Rename the columns."""
        return frame.rename(self.item.rename or {})
