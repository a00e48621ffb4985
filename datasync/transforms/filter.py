"""`filter: "qty > 0"`: rows in, those for which it is true out; NULL drops the row, as in WHERE."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from datasync.contract.expressions import compile_expression
from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch, types_of


class Filter(EachBatch):
    """Drops rows and counts them."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Keep the rows for which the expression is true."""
        expression = compile_expression(self.item.filter or "", types_of(frame), boolean=True)
        kept = frame.filter(expression.polars(datetime.now(UTC)).fill_null(False))
        tally.dropped += frame.height - kept.height
        return kept
