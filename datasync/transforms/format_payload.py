"""`format_payload: {format: esl_format, company_code: C, store_code: S}`: rows in, with an API's columns out."""

from __future__ import annotations

import polars as pl

from datasync.contract.column_making import CODES, IDENTIFIERS, taken_from
from datasync.contract.variables import replaced
from datasync.errors import UsageError
from datasync.seams import POSITION, TransformTally
from datasync.transforms.each import EachBatch, types_of


class FormatPayload(EachBatch):
    """Adds the codes and the format's columns in front of the row's own, or puts them in their place."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Make the columns."""
        wanted = self.item.format_payload
        assert wanted is not None
        codes = {name: getattr(wanted, name) for name in CODES}
        made = [pl.lit(self._filled(text), dtype=pl.String).alias(name) for name, text in codes.items() if text is not None]
        for name, origin in taken_from(wanted, types_of(frame)).items():
            values = pl.col(origin).cast(pl.String) if name in IDENTIFIERS else pl.col(origin)
            made.append(values.alias(name))
        if not made:
            return frame
        own = [name for name in frame.columns if wanted.keep or name == POSITION]
        return frame.select([*made, *own])

    def _filled(self, text: str) -> str:
        def put(name: str, form: str | None) -> str:
            if name not in self.means.variables:
                raise UsageError(f"format_payload: '{{{name}}}' is no variable of this run", code="E_VARIABLE")
            return str(self.means.variables[name])

        return replaced(text, put)
