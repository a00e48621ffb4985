"""`trim: [a]`: text in, the same without whitespace at its ends out."""

from __future__ import annotations

import polars as pl

from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch


class Trim(EachBatch):
    """Cuts whitespace; what is empty then stays an empty text."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Trim the columns."""
        return frame.with_columns(pl.col(name).str.strip_chars() for name in self.item.trim or ())
