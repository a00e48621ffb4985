"""`convert_timezone: {columns: [a], to: Asia/Seoul}`: instants in, the same instants shown in another zone out."""

from __future__ import annotations

import polars as pl

from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch


class ConvertTimezone(EachBatch):
    """Changes how instants are shown, never which they are."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Convert the columns."""
        wanted = self.item.convert_timezone
        assert wanted is not None
        return frame.with_columns(pl.col(name).dt.convert_time_zone(wanted.to) for name in wanted.columns)
