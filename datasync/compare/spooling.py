"""A source that is no SQL database in, its rows as a table of a temporary DuckDB file out: files, folders, objects, Delta tables.

They are read by the connectors that runs read them with, so that they mean the same; only then can SQL be asked of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from datasync.compare.databases import DuckdbTable
from datasync.connectors.duckdb.engine import Handle
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import POSITION, Reading, ReadRequest, Source

if TYPE_CHECKING:
    import polars as pl

TABLE = "rows"
MEMORY = "256MB"
"""What DuckDB may use before it spills."""


def spooled(label: str, source: Source, types: Mapping[str, DataType], folder: Path) -> DuckdbTable:
    """Read a source whole into a file.

    Args:
        label: as the person who asks named it.
        source: read and closed.
        types: what a contract says of its columns.
        folder: empty; goes with the comparison.
    """
    path = folder / "rows.duckdb"
    handle = Handle(path, memory=MEMORY)
    try:
        request = ReadRequest(types=types, files=source.files() or (), staged_dir=folder)
        with source.read(request) as reading:
            unreadable = _load(handle, reading, label)
    finally:
        handle.close()
        source.close()
    return DuckdbTable(label, path, TABLE, unreadable, MEMORY)


def _load(handle: Handle, reading: Reading, label: str) -> int:
    """Give the number of rows that could not be read."""
    unreadable, made = 0, False
    twice = {name for name in reading.header if list(reading.header).count(name) > 1}
    if twice:
        raise PermanentError(f"{label} names {', '.join(sorted(twice))} twice", code="E_COLUMN")
    for batch in reading.batches():
        _insert(handle, batch.frame, made)
        made = True
        unreadable += len(reading.unreadable)
        reading.unreadable.clear()
    unreadable += len(reading.unreadable)
    if not made:
        columns = ", ".join(f"{quote_identifier(name, 'duckdb')} VARCHAR" for name in reading.header)
        if not columns:
            raise PermanentError(f"{label} has neither rows nor columns", code="E_COLUMN")
        with handle.statements() as connection:
            connection.execute(f"CREATE TABLE {TABLE} ({columns})")
    return unreadable


def _insert(handle: Handle, frame: pl.DataFrame, made: bool) -> None:
    import polars as pl

    # A column without a value in the first rows has no type there, and may have one later: text holds both.
    rows = frame.select(
        pl.col(name).cast(pl.String) if dtype == pl.Null else pl.col(name)
        for name, dtype in frame.schema.items()
        if name != POSITION
    )
    arrow = rows.to_arrow()
    with handle.statements() as connection:
        connection.register("batch", arrow)
        connection.execute(
            f"INSERT INTO {TABLE} BY NAME SELECT * FROM batch" if made else f"CREATE TABLE {TABLE} AS SELECT * FROM batch"
        )
        connection.unregister("batch")
