"""`mask: {columns: [phone], last: 4}`: text in, the same with all but its first and last characters hidden out."""

from __future__ import annotations

import polars as pl

from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch


class Mask(EachBatch):
    """Hides characters one by one, so that lengths stay; a text that would be shown whole is hidden whole."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Mask the columns."""
        wanted = self.item.mask
        assert wanted is not None
        return frame.with_columns(self._masked(pl.col(name)) for name in wanted.columns)

    def _masked(self, text: pl.Expr) -> pl.Expr:
        wanted = self.item.mask
        assert wanted is not None
        shown = wanted.first + wanted.last
        # In a replacement a dollar names a group.
        by = wanted.by.replace("$", "$$")
        middle = text.str.slice(wanted.first, (text.str.len_chars().cast(pl.Int64) - shown).clip(0))
        hidden = pl.concat_str(text.str.head(wanted.first), middle.str.replace_all("(?s).", by), text.str.tail(wanted.last))
        return pl.when(text.str.len_chars() > shown).then(hidden).otherwise(text.str.replace_all("(?s).", by))
