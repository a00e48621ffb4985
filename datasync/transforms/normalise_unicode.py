"""`normalise_unicode: {columns: [a], form: NFC}`: text in, the same text in one of Unicode's normal forms out."""

from __future__ import annotations

import polars as pl

from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch


class NormaliseUnicode(EachBatch):
    """Gives texts that look the same one spelling, so that they compare as equal."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Normalise the columns."""
        wanted = self.item.normalise_unicode
        assert wanted is not None
        return frame.with_columns(pl.col(name).str.normalize(wanted.form) for name in wanted.columns)
