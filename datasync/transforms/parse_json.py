"""`parse_json: {column: doc, fields: {city: {path: $.address.city, type: string}}}`: JSON text in, typed columns out."""

from __future__ import annotations

from typing import Any

import polars as pl

from datasync.casting import cast_column
from datasync.contract import processing
from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch, without
from datasync.transforms.json_cells import BadJsonError, cell_of, member, read_json


class ParseJson(EachBatch):
    """Reads each document once; a row whose text is no JSON, or whose value has another type, is set aside as it came."""

    def wanted(self) -> processing.ParseJson | processing.Flatten:
        """What the contract says."""
        assert self.item.parse_json is not None
        return self.item.parse_json

    def fits(self, document: Any) -> bool:
        """Tell whether a document can have the fields: a text that was encoded twice is JSON, and has none."""
        return (
            document is None
            or isinstance(document, dict | list)
            or any(not steps for steps, _ in self.wanted().members().values())
        )

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Add the fields; the column goes unless it is kept."""
        wanted = self.wanted()
        documents, bad = self._documents(frame[wanted.column])
        frame = without(frame, bad, (wanted.column, self.kind), tally)
        documents = [document for document, broken in zip(documents, bad, strict=True) if not broken]
        made: list[pl.Series] = []
        for name, (steps, field) in wanted.members().items():
            cells = pl.Series(name, [cell_of(member(found, steps), field.type) for found in documents], dtype=pl.String)
            values, wrong = cast_column(cells, field.type, parse=field.parse, timezone=field.timezone)
            frame = without(frame, wrong, (name, self.kind), tally)
            if wrong.any():
                documents = [document for document, broken in zip(documents, wrong, strict=True) if not broken]
                made, values = [column.filter(~wrong) for column in made], values.filter(~wrong)
            made.append(values)
        rest = frame if wanted.keep else frame.drop(wanted.column)
        return rest.with_columns(made)

    def _documents(self, texts: pl.Series) -> tuple[list[Any], pl.Series]:
        documents: list[Any] = []
        bad: list[bool] = []
        for text in texts:
            found, fits = None, True
            if text is not None:
                try:
                    found = read_json(text)
                    fits = self.fits(found)
                except BadJsonError:
                    fits = False
            documents.append(found)
            bad.append(not fits)
        return documents, pl.Series(bad, dtype=pl.Boolean)
