"""`lookup: {source: …, by: {store: id}, add: {city: string}}`: rows in, the same with columns of another table out."""

from __future__ import annotations

import polars as pl

from datasync.casting import cast_column
from datasync.contract import processing
from datasync.contract.types import of_polars
from datasync.errors import PermanentError
from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch, without

FOUND = "__found"


class Lookup(EachBatch):
    """Reads the other table once, with the first rows; its keys must be unique, so that no row is added."""

    _table: pl.DataFrame | None = None

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Find each row's key; what has none gets NULL or is set aside."""
        wanted = self.item.lookup
        assert wanted is not None
        if self._table is None:
            self._table = self._read(wanted, frame)
        keys = list(wanted.by)
        joined = frame.join(self._table, left_on=keys, right_on=_hidden(keys), how="left", maintain_order="left", coalesce=True)
        if wanted.missing == "reject":
            asked = pl.DataFrame(frame[keys]).select(pl.all_horizontal(pl.all().is_not_null())).to_series()
            lost = asked & joined[FOUND].is_null()
            without(frame, lost, (keys[0], self.kind), tally)
            joined = joined.filter(~lost)
        return joined.drop(FOUND)

    def _read(self, wanted: processing.Lookup, frame: pl.DataFrame) -> pl.DataFrame:
        """Give the other table: its keys under hidden names and in this frame's types, the new columns, and a mark."""
        assert self.means.table is not None, "lookups are read from above"
        key_types = {there: of_polars(frame.schema[here]) for here, there in wanted.by.items()}
        columns = wanted.columns()
        asked = {**{there: column.type for there, column in columns.values()}, **key_types}
        table = self.means.table(wanted.source, asked, wanted.max_rows)
        made = []
        for hidden, (there, kind) in zip(_hidden(list(wanted.by)), key_types.items(), strict=True):
            values, bad = cast_column(table[there], kind)
            _all_good(bad, there, str(kind))
            made.append(values.alias(hidden))
        for name, (there, column) in columns.items():
            values, bad = cast_column(table[there], column.type, parse=column.parse, timezone=column.timezone)
            _all_good(bad, there, str(column.type))
            made.append(values.alias(name))
        found = pl.DataFrame(made).drop_nulls(_hidden(list(wanted.by))).with_columns(pl.lit(True).alias(FOUND))
        twice = int(found.select(_hidden(list(wanted.by))).is_duplicated().sum())
        if twice:
            raise PermanentError(
                f"lookup: {twice} rows of the table share their key ({', '.join(wanted.by.values())})",
                code="E_LOOKUP", stage="transform",
                hint="the key must be unique there: name all its columns in by:, or select one row per key",
            )  # fmt: skip
        return found


def _hidden(names: list[str]) -> list[str]:
    return [f"__key_{number}" for number in range(len(names))]


def _all_good(bad: pl.Series, column: str, kind: str) -> None:
    if bad.any():
        raise PermanentError(
            f"lookup: {int(bad.sum())} values of {column} in the table are no {kind}", code="E_LOOKUP", stage="transform",
            hint="a key is compared in the type it has here: cast it before, or repair the table",
        )  # fmt: skip
