"""Rows in and out of JSON, one object a line or in one array: numbers with all their digits, json columns as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from datasync.connectors.duckdb.engine import Handle
from datasync.connectors.files.compression import writing
from datasync.connectors.files.forms import Types, as_text, encoded, finite
from datasync.connectors.files.json_lines import LINES, JsonRows
from datasync.connectors.files.json_stream import objects
from datasync.connectors.files.loading import loaded, names_of
from datasync.contract.types import DataType


class NdjsonForm:
    """See `forms.Form`. A key that the contract does not name stays the JSON it is."""

    suffix = ".ndjson"
    extra: DataType | None = DataType("json")
    _pieces = LINES
    _before, _between, _after, _nothing = "", "\n", "\n", ""
    """What stands before the first row, between rows, behind the last; and for a file without rows."""

    def check(self, columns: Types) -> None:
        """Any column will do."""

    def columns(self, paths: list[Path], wanted: Types) -> dict[str, DataType | None]:
        """Every key of every row, and what the contract wants."""
        return names_of(paths, wanted, JsonRows(self._pieces, wanted))

    def relation(self, handle: Handle, paths: list[Path], columns: Types) -> str:
        """Load the rows."""
        return loaded(handle, paths, columns, JsonRows(self._pieces, columns))

    def write(self, frames: Iterator[pl.DataFrame], path: Path, columns: Types) -> None:
        """Write one object a row, every column in each, NULL as null."""
        pieces: list[pl.Expr] = []
        for number, (name, kind) in enumerate(columns.items()):
            pieces.append(pl.lit(("," if number else "{") + json.dumps(name, ensure_ascii=False) + ":"))
            pieces.append(_as_json(name, kind).fill_null("null"))
        row = pl.concat_str([*pieces, pl.lit("}")]).alias("row")
        with writing(path) as stream:
            between = self._before
            for frame in frames:
                finite(frame, columns, "JSON")
                stream.write((between + self._between.join(frame.select(row).to_series())).encode())
                between = self._between
            stream.write((self._after if between == self._between else self._nothing).encode())


class JsonForm(NdjsonForm):
    """One array."""

    suffix = ".json"
    _pieces = objects((None,))
    _before, _between, _after, _nothing = "[\n", ",\n", "\n]\n", "[]\n"


def _as_json(name: str, kind: DataType) -> pl.Expr:
    text = as_text(name, kind)
    if kind.is_numeric or kind.name in ("bool", "list"):
        return text
    if kind.name == "json":
        # A line end in JSON text is white space between values: a blank says the same on one line.
        return text.str.replace_all("[\r\n]", " ")
    return encoded(text, name)
