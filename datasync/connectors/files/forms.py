"""How one kind of file holds rows: its columns, its rows as a relation of DuckDB, and rows as new bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import polars as pl

from datasync.connectors.duckdb.engine import Handle
from datasync.contract.types import STRING, DataType
from datasync.errors import PermanentError

Types = Mapping[str, DataType]


class Form(Protocol):
    """One kind of file, as a target writes it."""

    suffix: str
    extra: DataType | None
    """What a column that the contract does not name is kept as; None: as what it is."""

    def check(self, columns: Types) -> None:
        """Refuse columns, or options, with which what is written could not be read back.

        Raises:
            TargetMismatch: there are some.
        """

    def columns(self, paths: list[Path], wanted: Types) -> dict[str, DataType | None]:
        """Columns of published files; types are None where the kind has none. Empty: the kind cannot tell."""

    def relation(self, handle: Handle, paths: list[Path], columns: Types) -> str:
        """SQL after FROM that gives the rows of published files, each of `columns` in DuckDB's storage type."""

    def write(self, frames: Iterator[pl.DataFrame], path: Path, columns: Types) -> None:
        """Write rows, typed as `columns` say, to one new file."""


def as_text(name: str, kind: DataType) -> pl.Expr:
    """Give a column as the text that the contract's cast reads back: ISO 8601 with offset, all digits, JSON for lists."""
    column = pl.col(name)
    if kind.zone is not None:
        return _instant(column).alias(name)
    if kind.is_temporal:
        return column.dt.to_string("iso:strict")
    if kind.name == "bool":
        return pl.when(column).then(pl.lit("true")).when(~column).then(pl.lit("false")).otherwise(None).alias(name)
    if kind.name == "binary":
        return column.bin.encode("hex")
    if kind.name == "list":
        assert kind.item is not None
        return encoded(column if _plain(kind.item) else column.list.eval(as_text("", kind.item)), name)
    return column if kind.is_text else column.cast(pl.String)


def _instant(column: pl.Expr) -> pl.Expr:
    """Local time with its offset; in UTC where the offset, as those before about 1910, is no whole number of minutes."""
    utc = column.dt.convert_time_zone("UTC")
    offset = (column.dt.replace_time_zone(None) - utc.dt.replace_time_zone(None)).dt.total_seconds()
    return pl.when(offset % 60 == 0).then(column.dt.to_string("iso:strict")).otherwise(utc.dt.to_string("iso:strict"))


def encoded(column: pl.Expr, name: str) -> pl.Expr:
    """Give values as JSON text; NULL stays NULL."""
    pairs = pl.struct(column.alias("v")).struct.json_encode()
    # {"v":…}: what stands between the colon and the last brace is the value.
    return pl.when(column.is_not_null()).then(pairs.str.slice(5).str.head(-1)).otherwise(None).alias(name)


def _plain(kind: DataType) -> bool:
    return kind.is_integer or kind.name in ("string", "bool") or kind == STRING


def finite(frame: pl.DataFrame, columns: Types, what: str) -> None:
    """Refuse floats that a kind of file has no way to write.

    Raises:
        PermanentError: there is one.
    """
    for name, kind in columns.items():
        if kind.is_float and not frame[name].is_finite().all():
            raise PermanentError(
                f"column {name} holds NaN or infinity, which {what} cannot say", code="E_VALUE",
                hint="give it a rule that refuses them, or another kind of target",
            )  # fmt: skip
