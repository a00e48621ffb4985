"""The source block of a lookup in, its whole table as one frame out, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from datasync.contract.types import DataType
from datasync.errors import PermanentError, shorten
from datasync.seams import ReadRequest
from datasync.stages.context import Context
from datasync.stages.extract import ABSENT_IS_NULL

if TYPE_CHECKING:
    import polars as pl

MOST_BYTES = 512 << 20
"""Memory of a lookup's table, at most."""


def table_reader(context: Context) -> Callable[[Any, Mapping[str, DataType], int], pl.DataFrame]:
    """Give the function that reads lookups of a run."""

    def read(endpoint: Any, columns: Mapping[str, DataType], most: int) -> pl.DataFrame:
        assert context.open_source is not None, "a run with lookups can open sources"
        source = context.open_source(endpoint)
        try:
            request = ReadRequest(
                types=columns, files=source.files() or (), variables=context.plan.variables,
                staged_dir=context.workspace.spill / "lookup",
            )  # fmt: skip
            return _read(source, request, most)
        finally:
            source.close()

    return read


def _read(source: Any, request: ReadRequest, most: int) -> pl.DataFrame:
    import polars as pl

    wanted = list(request.types)
    frames = [pl.DataFrame(schema=dict.fromkeys(wanted, pl.Null))]
    rows = size = 0
    with source.read(request) as reading:
        missing = [name for name in wanted if name not in reading.header]
        if missing and source.kind not in ABSENT_IS_NULL:
            raise PermanentError(
                f"lookup: the table has no column {', '.join(missing)}", code="E_LOOKUP", stage="transform",
                hint=f"it has {shorten(', '.join(reading.header), 200)}",
            )  # fmt: skip
        for batch in reading.batches():
            absent = [pl.lit(None).alias(name) for name in wanted if name not in batch.frame.columns]
            frame = batch.frame.with_columns(absent).select(wanted)
            rows, size = rows + frame.height, size + int(frame.estimated_size())
            if rows > most or size > MOST_BYTES:
                bound = f"{most:,} rows" if rows > most else f"{MOST_BYTES >> 20} MB"
                raise PermanentError(
                    f"lookup: the table has more than {bound}",
                    code="E_LIMIT",
                    stage="transform",
                    hint="join it in the source's query instead",
                )
            frames.append(frame)
        if reading.unreadable:
            raise PermanentError(
                f"lookup: {len(reading.unreadable)} rows of the table cannot be read", code="E_LOOKUP", stage="transform"
            )
    return pl.concat(frames, how="vertical_relaxed")
