"""Rows in and out of files with one JSON object a line: numbers with all their digits, json columns as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from datasync.casting import cast_column
from datasync.connectors.duckdb.engine import Handle, first
from datasync.connectors.duckdb.staging import quoted
from datasync.connectors.files.forms import Types, as_text, encoded
from datasync.connectors.files.json_lines import keys_of
from datasync.connectors.files.ndjson import NdjsonReading
from datasync.connectors.sql.storage import storage_type
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import PinnedFile, ReadRequest, Surroundings, decode_position

LOADED = "_datasync_loaded"


class NdjsonForm:
    """See `forms.Form`. A key that the contract does not name stays the JSON it is."""

    suffix = ".ndjson"
    extra: DataType | None = DataType("json")

    def columns(self, paths: list[Path], wanted: Types) -> dict[str, DataType | None]:
        """Rows need not name every column: there is nothing to compare but what the contract wants."""
        return dict.fromkeys([*wanted, *(key for path in paths for key in keys_of(path))])

    def relation(self, handle: Handle, paths: list[Path], columns: Types) -> str:
        """Load the rows through our own reader: engines read JSON numbers as binary floats."""
        _create(handle, columns)
        files = [PinnedFile(str(path), path.stat().st_size, path.stat().st_mtime_ns, "") for path in paths]
        reading = NdjsonReading(ReadRequest(types=columns, files=tuple(files)), _here(paths[0].parent))
        for batch in reading.batches():
            _insert(handle, batch.frame, columns)
            if reading.unreadable:
                line = decode_position(reading.unreadable[0].position)[1]
                raise PermanentError(f"a published file was changed: line {line} is no row", code="E_TARGET_CORRUPT")
        return LOADED

    def write(self, frames: Iterator[pl.DataFrame], path: Path, columns: Types) -> None:
        """Write one object a row, every column in each, NULL as null."""
        pieces: list[pl.Expr] = []
        for number, (name, kind) in enumerate(columns.items()):
            pieces.append(pl.lit(("," if number else "{") + json.dumps(name, ensure_ascii=False) + ":"))
            pieces.append(_as_json(name, kind).fill_null("null"))
        line = pl.concat_str([*pieces, pl.lit("}\n")]).alias("line")
        with path.open("wb") as stream:
            for frame in frames:
                _finite(frame, columns)
                lines = frame.select(line).to_series()
                stream.write("".join(lines).encode())


def _here(folder: Path) -> Surroundings:
    def none(name: str) -> None:
        raise PermanentError(name)

    return Surroundings(folder, folder, none)  # type: ignore[arg-type]


def _create(handle: Handle, columns: Types) -> None:
    listed = ", ".join(f"{quoted(name)} {storage_type(kind, 'duckdb')}" for name, kind in columns.items())
    with handle.statements() as connection:
        connection.execute(f"CREATE OR REPLACE TABLE {LOADED} ({listed})")


def _insert(handle: Handle, frame: pl.DataFrame, columns: Types) -> None:
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
        first(connection, f"INSERT INTO {LOADED} ({listed}) SELECT {selected} FROM _datasync_rows")
        connection.unregister("_datasync_rows")


def _stored(name: str, columns: Mapping[str, DataType]) -> str:
    return f"CAST({quoted(name)} AS UUID)" if columns[name].name == "uuid" else quoted(name)


def _as_json(name: str, kind: DataType) -> pl.Expr:
    text = as_text(name, kind)
    if kind.is_numeric or kind.name in ("bool", "list"):
        return text
    if kind.name == "json":
        # A line end in JSON text is white space between values: a blank says the same on one line.
        return text.str.replace_all("[\r\n]", " ")
    return encoded(text, name)


def _finite(frame: pl.DataFrame, columns: Types) -> None:
    for name, kind in columns.items():
        if kind.is_float and not frame[name].is_finite().all():
            raise PermanentError(
                f"column {name} holds NaN or infinity, which JSON cannot say", code="E_VALUE",
                hint="give it a rule that refuses them, or another kind of target",
            )  # fmt: skip
