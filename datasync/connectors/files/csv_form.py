"""Rows in and out of delimited files, RFC 4180 in UTF-8: NULL is the empty field, an empty text is two quotes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from datasync.connectors.duckdb.engine import Handle
from datasync.connectors.duckdb.staging import quoted
from datasync.connectors.files.compression import writing
from datasync.connectors.files.content import LocalContent
from datasync.connectors.files.delimited import Delimited, dialect_of
from datasync.connectors.files.forms import Types, as_text
from datasync.connectors.files.parquet_form import cast_list, file_list
from datasync.connectors.sql.storage import storage_type
from datasync.contract.endpoints import CsvOptions
from datasync.contract.expressions.dialects import literal_sql
from datasync.contract.types import STRING, DataType
from datasync.errors import TargetMismatch

LONGEST = 16 << 20
"""Bytes of one line that can be read back, at most."""


class CsvForm:
    """See `forms.Form`. Everything is text; a column that the contract does not name stays the text it is."""

    suffix = ".csv"
    extra: DataType | None = STRING

    def __init__(self, options: CsvOptions) -> None:
        self._options = options

    def check(self, columns: Types) -> None:
        """Refuse options that would write a file we could not read back exactly.

        Raises:
            TargetMismatch: an encoding that is not UTF-8, no quote, a decimal comma, or other words for missing.
        """
        options, default = self._options, CsvOptions()
        dialect = dialect_of(options, frozenset())
        if dialect.encoding != "utf-8" or dialect.quote is None or options.decimal != "." or (
            options.null_values != default.null_values
        ):  # fmt: skip
            raise TargetMismatch(
                "a CSV target is written in UTF-8, with quotes and decimal points, NULL as the empty field",
                hint="its options are delimiter, header and quote",
            )

    def columns(self, paths: list[Path], wanted: Types) -> dict[str, DataType | None]:
        """Names in the header; without one, as many of the contract's as the first record has fields."""
        self.check(wanted)
        names = Delimited(LocalContent(paths[0]), 0, dialect_of(self._options, frozenset())).header()
        if self._options.header:
            if len(set(names)) != len(names):
                raise TargetMismatch(f"{paths[0].name} names a column twice")
            return dict.fromkeys(names)
        if names and len(names) != len(wanted):
            raise TargetMismatch(f"{paths[0].name} has {len(names)} columns without names, the contract {len(wanted)}")
        return dict.fromkeys(wanted)

    def relation(self, handle: Handle, paths: list[Path], columns: Types) -> str:
        """Read the files as text and cast it."""
        found = self.columns(paths, columns)
        options = self._options
        # Where a line is one field, an empty line would be no record: there NULL is written with quotes.
        quoted_nulls = "true" if len(found) == 1 else "false"
        given = {
            "auto_detect": "false", "header": str(options.header).lower(), "delim": _text(options.delimiter),
            "quote": _text(options.quote), "escape": _text(options.quote), "nullstr": "''", "allow_quoted_nulls": quoted_nulls,
            "max_line_size": str(LONGEST), "buffer_size": str(2 * LONGEST), "strict_mode": "true", "parallel": "false",
            "columns": "{" + ", ".join(f"{_text(name)}: 'VARCHAR'" for name in found) + "}",
        }  # fmt: skip
        arguments = ", ".join(f"{name}={value}" for name, value in given.items())
        read = {name: _value(name, kind) for name, kind in columns.items()}
        return f"(SELECT {cast_list(columns, found, read)} FROM read_csv({file_list(paths)}, {arguments}))"

    def write(self, frames: Iterator[pl.DataFrame], path: Path, columns: Types) -> None:
        """Write all rows as text."""
        texts = [as_text(name, kind) for name, kind in columns.items()]
        style = {"separator": self._options.delimiter, "quote_char": self._options.quote, "line_terminator": "\n"}
        every = "always" if len(columns) == 1 else "necessary"
        with writing(path) as stream:
            if self._options.header:
                pl.DataFrame(schema=dict.fromkeys(columns, pl.String)).write_csv(stream, **style)  # type: ignore[call-overload]
            for frame in frames:
                frame.select(texts).write_csv(stream, include_header=False, quote_style=every, **style)  # type: ignore[call-overload]


def _text(value: str) -> str:
    return literal_sql(value, STRING, "duckdb")


def _value(name: str, kind: DataType) -> str:
    """How a column's text becomes a value, where a cast alone will not do."""
    column = quoted(name)
    if kind.name == "binary":
        return f"unhex({column})"
    if kind.name == "list":
        return f"from_json({column}, {_text(json.dumps([storage_type(kind, 'duckdb').removesuffix('[]')]))})"
    return column
