"""`dedupe: {by: [id], order: "updated_at desc", keep: first}`: rows in, one of those that agree in `by` out.

Rows that agree may be far apart, so all are seen before any goes on: they spill to Parquet, DuckDB picks the survivors in bounded
memory, and they go on in the source's order.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from datasync.contract.column_flow import columns_after, dedupe_order
from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.contract.processing import Processor
from datasync.contract.types import STRING, DataType
from datasync.failpoints import failpoint
from datasync.seams import Batch, Means, TransformTally
from datasync.storage import write_frame
from datasync.workspace import storage_error

ROW = "__row"


def _quoted(name: str) -> str:
    return quote_identifier(name, "duckdb")


class Dedupe:
    """See `seams.Transform`. NULLs agree with each other here, and come last in `order`; ties keep the source's order."""

    kind = "dedupe"

    def __init__(self, item: Processor, number: int = 0, means: Means | None = None) -> None:
        assert item.dedupe is not None
        self._item = item
        self._by = item.dedupe.by
        self._order = dedupe_order(item.dedupe.order)
        self._keep = item.dedupe.keep
        self._number = number

    def output(self, columns: Mapping[str, DataType | None]) -> Mapping[str, DataType | None]:
        """The same columns."""
        return columns_after(self._item, columns)

    def apply(self, batches: Iterator[Batch], tally: TransformTally, spill: Path) -> Iterator[Batch]:
        """Spill all rows, then give one of each group."""
        folder = spill / f"dedupe-{self._number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            rows = self._spill(batches, folder)
            failpoint("spill.written")
            if not rows:
                return
            kept = 0
            survivors = self._survivors(folder)
            for number, file in enumerate(sorted(folder.glob("*.parquet"))):
                frame = pl.read_parquet(file)
                left = frame.filter(pl.col(ROW).is_in(survivors.filter(survivors.is_between(*_ends(frame))).implode())).drop(ROW)
                kept += left.height
                if left.height:
                    yield Batch(left, number)
            tally.dropped += rows - kept
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _spill(self, batches: Iterator[Batch], folder: Path) -> int:
        rows = 0
        for number, batch in enumerate(batches):
            if batch.frame.height:
                frame = batch.frame.with_row_index(ROW, offset=rows).cast({ROW: pl.Int64})
                try:
                    write_frame(folder / f"{number:08d}.parquet", frame)
                except OSError as error:
                    raise storage_error("dedupe cannot spill its rows", error) from error
                rows += batch.frame.height
        return rows

    def _survivors(self, folder: Path) -> pl.Series:
        """Row numbers that stay, in order."""
        import duckdb

        groups = ", ".join(_quoted(name) for name in self._by)
        backwards = self._keep == "last"
        order = ""
        if self._order is not None:
            column, descending = self._order
            order = f"{_quoted(column)} {'ASC' if descending == backwards else 'DESC'} NULLS {'FIRST' if backwards else 'LAST'}, "
        ties = f"{ROW} {'DESC' if backwards else 'ASC'}"
        files = literal_sql(str(folder / "*.parquet"), STRING, "duckdb")
        sql = (
            f"SELECT {ROW} FROM (SELECT {ROW}, row_number() OVER (PARTITION BY {groups} ORDER BY {order}{ties}) AS place "
            f"FROM read_parquet({files})) WHERE place = 1 ORDER BY {ROW}"
        )
        try:
            with duckdb.connect(config={"temp_directory": str(folder / "duckdb")}) as connection:
                found: Any = pl.from_arrow(connection.sql(sql).to_arrow_table())
        except duckdb.Error as error:
            raise storage_error("dedupe cannot sort its rows", error) from error
        series: pl.Series = found[ROW]
        return series


def _ends(frame: pl.DataFrame) -> tuple[int, int]:
    return int(frame[ROW][0]), int(frame[ROW][-1])
