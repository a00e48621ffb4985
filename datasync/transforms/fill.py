"""`fill: {a: 0}`: columns in, the same with a value where one is missing out."""

from __future__ import annotations

import polars as pl

from datasync.contract.literals import literal_value
from datasync.contract.types import polars_type
from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch, types_of


class Fill(EachBatch):
    """Fills what is missing; NaN is a value and stays."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Fill the columns."""
        types = types_of(frame)
        for name, value in (self.item.fill or {}).items():
            kind = types[name]
            frame = frame.with_columns(pl.col(name).fill_null(pl.lit(literal_value(value, kind), dtype=polars_type(kind))))
        return frame
