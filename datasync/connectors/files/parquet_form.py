"""Rows in and out of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from datasync.connectors.duckdb.engine import Handle
from datasync.connectors.duckdb.staging import quoted
from datasync.connectors.files.forms import Types
from datasync.connectors.sql.storage import storage_type
from datasync.contract.expressions.dialects import literal_sql
from datasync.contract.types import STRING, DataType, arrow_type, of_polars
from datasync.errors import PermanentError


class ParquetForm:
    """See `forms.Form`. Columns have their own types."""

    suffix = ".parquet"
    extra: DataType | None = None

    def check(self, columns: Types) -> None:
        """Any column will do."""

    def columns(self, paths: list[Path], wanted: Types) -> dict[str, DataType | None]:
        """Columns of the first part; all parts of a version have the same."""
        try:
            schema = pl.read_parquet_schema(paths[0])
        except (pl.exceptions.PolarsError, OSError) as error:
            raise PermanentError(
                f"{paths[0].name} is no readable Parquet file", code="E_TARGET_CORRUPT", hint="move it away, or restore it"
            ) from error
        return {name: _type(dtype) for name, dtype in schema.items()}

    def relation(self, handle: Handle, paths: list[Path], columns: Types) -> str:
        """Read the files in place; columns that they lack are NULL."""
        found = self.columns(paths, columns)
        return f"(SELECT {cast_list(columns, found)} FROM read_parquet({file_list(paths)}))"

    def write(self, frames: Iterator[pl.DataFrame], path: Path, columns: Types) -> None:
        """Write one row group a frame."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema([pa.field(name, arrow_type(kind)) for name, kind in columns.items()])
        with pq.ParquetWriter(path, schema, compression="zstd", store_schema=True) as writer:
            for frame in frames:
                writer.write_table(frame.select(list(columns)).to_arrow().cast(schema))


def _type(dtype: pl.DataType) -> DataType | None:
    try:
        return of_polars(dtype)
    except ValueError:
        return None


def file_list(paths: list[Path]) -> str:
    """Write paths as a list of SQL literals."""
    return "[" + ", ".join(literal_sql(str(path), STRING, "duckdb") for path in paths) + "]"


def cast_list(columns: Types, found: Mapping[str, DataType | None], expressions: Mapping[str, str] | None = None) -> str:
    """Select columns in their storage types; those that are not there are NULL."""
    parts = []
    for name, kind in columns.items():
        value = (expressions or {}).get(name, quoted(name)) if name in found else "NULL"
        parts.append(f"CAST({value} AS {storage_type(kind, 'duckdb')}) AS {quoted(name)}")
    return ", ".join(parts)
