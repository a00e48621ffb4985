"""`derive: {total: "price * qty"}`: columns in, further ones computed from them out."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from datasync.contract.expressions import compile_expression
from datasync.contract.types import polars_type
from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch, types_of


class Derive(EachBatch):
    """Computes columns in the order written; a later one may use an earlier one."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Compute the columns."""
        now = datetime.now(UTC)
        for name, text in (self.item.derive or {}).items():
            expression = compile_expression(text, types_of(frame))
            values = expression.polars(now).cast(polars_type(expression.type))
            frame = frame.with_columns(values.alias(name))
        return frame
