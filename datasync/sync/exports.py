"""Quarantined rows in, a file that people can correct out."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from datasync.errors import UsageError

_FORMULA = r"^[=+\-@\t\r]"


def write_rows(frame: pl.DataFrame, path: Path) -> None:
    """Write rows as csv, ndjson or parquet, by the file's suffix.

    CSV is for people: text that a spreadsheet would run as a formula is written with a quote in front, unless it is a number.

    Raises:
        UsageError: another suffix, or the file cannot be written.
    """
    try:
        if path.suffix == ".parquet":
            frame.write_parquet(path)
        elif path.suffix == ".ndjson":
            frame.write_ndjson(path)
        elif path.suffix == ".csv":
            frame.with_columns(_harmless(name) for name, dtype in frame.schema.items() if dtype == pl.String).write_csv(path)
        else:
            raise UsageError(f"{path.name}: an export ends in .csv, .ndjson or .parquet", code="E_EXPORT")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"{path} cannot be written: {type(error).__name__}", code="E_EXPORT") from error


def _harmless(name: str) -> pl.Expr:
    column = pl.col(name)
    number = column.str.contains(r"^[+-]?[0-9.]+([eE][+-]?[0-9]+)?$")
    return pl.when(column.str.contains(_FORMULA) & ~number).then(pl.lit("'") + column).otherwise(column).alias(name)


def without_marks(frame: pl.DataFrame) -> pl.DataFrame:
    """Take the quote in front of formulas off again."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    marked = r"^'[=+\-@\t\r]"
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(marked)).then(pl.col(name).str.slice(1)).otherwise(pl.col(name)).alias(name)
        for name in texts
    )
