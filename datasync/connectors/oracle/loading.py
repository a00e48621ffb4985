"""Audited rows in, the same rows in Oracle's staging table out: bound by type, and read back to see that they are the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from datasync.connectors.oracle import fetching
from datasync.connectors.oracle.catalog import TEXT_BYTES, Limit
from datasync.connectors.oracle.engine import Session
from datasync.connectors.oracle.tables import Shape, quoted
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import TargetSpec

BATCH_ROWS = 10_000
"""Rows bound in one round trip, and committed together: staging needs no one transaction, and little undo."""


def refuse(frame: pl.DataFrame, spec: TargetSpec, limits: Mapping[str, Limit]) -> None:
    """Refuse rows with values that Oracle would alter without a word, or that do not fit.

    Raises:
        PermanentError: an empty text or binary, which is NULL there; a text too long.
    """
    for name, kind in spec.columns.items():
        series = frame[name]
        if kind.is_text or kind.name == "binary":
            _refuse_sizes(series, kind, limits.get(name))


def _refuse_sizes(series: pl.Series, kind: DataType, limit: Limit | None) -> None:
    sizes = series.bin.size() if kind.name == "binary" else series.str.len_bytes()
    empty = int((sizes == 0).sum())
    if empty:
        what = "binary" if kind.name == "binary" else "text"
        hint = "min_length: 1 on the column sets such rows aside; or map them to NULL in a transform"
        raise _refused(series.name, empty, f"an empty {what}, which Oracle keeps as NULL", hint)
    if limit is None:
        return
    long = int((sizes > limit.bytes).sum())
    if not long and limit.characters is not None:
        long = int((series.str.len_chars() > limit.characters).sum())
    if long:
        most = f"{limit.characters} characters" if limit.characters is not None else f"{limit.bytes} bytes"
        raise _refused(series.name, long, f"more than the {most} of its column", "make the table with a CLOB, or a longer column")


def _refused(name: str, rows: int, what: str, hint: str) -> PermanentError:
    return PermanentError(f"oracle: {name} has {rows} row{'s' if rows > 1 else ''} with {what}", code="E_VALUE", hint=hint)


@dataclass(frozen=True, slots=True)
class Insertion:
    """The statement that takes rows into staging.

    Attributes:
        sql: a `:name` for each value.
        names: the columns, in the statement's order.
        sizes: what each value is bound as.
    """

    sql: str
    names: tuple[str, ...]
    sizes: tuple[Any, ...]


def insertion(spec: TargetSpec, table: str, shape: Shape) -> Insertion:
    """Say how rows are inserted; instants are bound without a zone, and the statement says that they are in UTC.

    Large objects stand last: a server takes no shorter value behind a LONG.
    """
    names = sorted(spec.columns, key=lambda name: name in shape.lobs)
    marks, sizes = [], []
    for number, name in enumerate(names, 1):
        marks.append(f"FROM_TZ(:b{number}, '+00:00')" if spec.columns[name].zone else f":b{number}")
        sizes.append(_bound_as(shape.types[name], shape.limits.get(name)))
    columns = ", ".join(quoted(name) for name in names)
    return Insertion(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(marks)})", tuple(names), tuple(sizes))


def _bound_as(spelled: str, limit: Limit | None) -> Any:
    import oracledb

    base = spelled.partition("(")[0].split()[0]
    if base == "VARCHAR2":
        return min(limit.bytes if limit is not None else TEXT_BYTES, TEXT_BYTES)
    return {
        "NUMBER": oracledb.DB_TYPE_NUMBER, "BINARY_FLOAT": oracledb.DB_TYPE_BINARY_FLOAT,
        "BINARY_DOUBLE": oracledb.DB_TYPE_BINARY_DOUBLE, "DATE": oracledb.DB_TYPE_DATE, "TIMESTAMP": oracledb.DB_TYPE_TIMESTAMP,
        "RAW": oracledb.DB_TYPE_RAW,
        # Bound as a LONG, a large object needs no round trip of its own.
        "CLOB": oracledb.DB_TYPE_LONG, "NCLOB": oracledb.DB_TYPE_LONG, "BLOB": oracledb.DB_TYPE_LONG_RAW,
    }[base]  # fmt: skip


def bound(frame: pl.DataFrame, spec: TargetSpec, names: Iterable[str]) -> list[tuple[Any, ...]]:
    """Give rows as the driver binds them, their columns in the order of `names`."""
    columns = []
    for name in names:
        column, kind = pl.col(name), spec.columns[name]
        if kind.name == "bool":
            column = column.cast(pl.Int8)
        elif kind.zone:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        columns.append(column)
    return frame.select(columns).rows()


@dataclass(slots=True)
class Checksum:
    """Counts and hashes of rows in whatever order; two that are equal are of the same rows.

    Attributes:
        columns: name to the sum of its values' hashes; the empty name is the rows'.
    """

    rows: int = 0
    columns: dict[str, int] = field(default_factory=dict)

    def add(self, frame: pl.DataFrame) -> None:
        """Add rows."""
        self.rows += frame.height
        hashes = {series.name: series.hash() for series in frame.iter_columns()} | {"": frame.hash_rows()}
        for name, series in hashes.items():
            self.columns[name] = self.columns.get(name, 0) + int(series.cast(pl.Int128).sum())

    def difference(self, other: Checksum) -> str:
        """Say in what two differ; empty: in nothing."""
        if self.rows != other.rows:
            return f"{other.rows} rows instead of {self.rows}"
        named = [name for name, total in self.columns.items() if name and other.columns.get(name) != total]
        if named:
            return f"other values in {', '.join(named[:5])}"
        return "other rows" if self.columns != other.columns else ""


def load(session: Session, batches: Iterable[pl.DataFrame], spec: TargetSpec, table: str, shape: Shape) -> None:
    """Insert rows, read the table back, and compare.

    Raises:
        PermanentError: what is read is not what was sent.
    """
    how = insertion(spec, table, shape)
    sent = Checksum()
    for batch in batches:
        frame = batch.select(list(spec.columns))
        sent.add(frame)
        for part in frame.iter_slices(BATCH_ROWS):
            session.many(how.sql, bound(part, spec, how.names), how.sizes)
            session.commit()
    found = Checksum()
    listed = ", ".join(quoted(name) for name in spec.columns)
    for frame in fetching.frames(session, f"SELECT {listed} FROM {table}", spec.columns):
        found.add(frame)
    difference = sent.difference(found)
    if difference:
        raise PermanentError(
            f"oracle {session.name}: staging holds {difference} than were sent", code="E_STAGING_DIFFERS",
            hint="a trigger, or a character set that lacks some of the characters",
        )  # fmt: skip
