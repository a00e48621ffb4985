"""Published files of self-describing rows in, a table of DuckDB with their values out, read as our own source reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from datasync.casting import cast_column
from datasync.connectors.duckdb.engine import Handle, first
from datasync.connectors.duckdb.staging import quoted
from datasync.connectors.files.content import Content, LocalContent
from datasync.connectors.files.forms import Types
from datasync.connectors.files.rows import Rows, RowsReading
from datasync.connectors.sql.storage import declared
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import PinnedFile, ReadRequest, decode_position

LOADED = "_datasync_loaded_"


def loaded(handle: Handle, paths: list[Path], columns: Types, kind: Rows) -> str:
    """Load the rows of files; give SQL that stands after FROM.

    Engines would read JSON numbers as binary floats, and XML not at all.

    Raises:
        PermanentError: something there is no row, or no value of its type: the files were changed.
    """
    table = LOADED + hashlib.sha256(str(paths[0]).encode()).hexdigest()[:16]
    _create(handle, table, columns)
    contents: list[Content] = [LocalContent(path) for path in paths]
    files = tuple(PinnedFile(path.name, 0, 0, "") for path in paths)
    reading = RowsReading(ReadRequest(types=columns, files=files), contents, kind)
    for batch in reading.batches():
        _insert(handle, table, batch.frame, columns)
        if reading.unreadable:
            line = decode_position(reading.unreadable[0].position)[1]
            raise PermanentError(f"a published file was changed: line {line} is no row", code="E_TARGET_CORRUPT")
    return table


def names_of(paths: list[Path], wanted: Types, kind: Rows) -> dict[str, DataType | None]:
    """Give the columns of published files: rows need not name every column, so those that are wanted count as there."""
    return dict.fromkeys([*wanted, *(key for path in paths for key in kind.keys(LocalContent(path)))])


def _create(handle: Handle, table: str, columns: Types) -> None:
    listed = ", ".join(declared(columns, "duckdb"))
    with handle.statements() as connection:
        connection.execute(f"CREATE OR REPLACE TABLE {table} ({listed})")


def _insert(handle: Handle, table: str, frame: pl.DataFrame, columns: Types) -> None:
    typed = []
    for name, kind in columns.items():
        if name not in frame.columns:
            continue
        values, bad = cast_column(frame[name], kind)
        if bad.any():
            raise PermanentError(f"a published value of {name} is no {kind}", code="E_TARGET_CORRUPT")
        typed.append(values.alias(name))
    if not typed:
        return
    selected = ", ".join(_stored(series.name, columns) for series in typed)
    listed = ", ".join(quoted(series.name) for series in typed)
    with handle.statements() as connection:
        connection.register("_datasync_rows", pl.DataFrame(typed).to_arrow())
        first(connection, f"INSERT INTO {table} ({listed}) SELECT {selected} FROM _datasync_rows")
        connection.unregister("_datasync_rows")


def _stored(name: str, columns: Mapping[str, DataType]) -> str:
    return f"CAST({quoted(name)} AS UUID)" if columns[name].name == "uuid" else quoted(name)
