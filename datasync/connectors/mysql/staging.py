"""A run's staging table in MySQL in, what the audit needs of it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import polars as pl

from datasync.casting import cast_column
from datasync.connectors.mysql.catalog import Place, exists
from datasync.connectors.mysql.engine import Session, sqlalchemy_url
from datasync.connectors.mysql.streaming import frames
from datasync.connectors.mysql.types import Column, column_of
from datasync.connectors.sql.column import select_list
from datasync.connectors.sql.modes import judged
from datasync.connectors.sql.statements import Tables
from datasync.connectors.sql.storage import storage_type
from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.contract.types import STRING, DataType, Dialect, polars_type
from datasync.errors import PermanentError, TargetMismatch
from datasync.seams import POSITION, GxAccess, TargetSpec

ROW = "__datasync_row"
"""Invisible key of staging: rows are taken out by it, and a server may ask every table to have one."""
KEY_BYTES = 2800
"""Bytes that text and binary columns of a key share; InnoDB's indexes take 3,072 in all."""
_GONE = "_datasync_gone"


def quoted(name: str) -> str:
    """Quote an identifier for MySQL."""
    return quote_identifier(name, "mysql")


class MysqlStaging:
    """See `seams.Staging`.

    Args:
        session: runs statements.
        spec: what is staged.
        tables: quoted names.
        place: of the staging table.
        there: whether there is a target table.
    """

    dialect: Dialect = "mysql"

    def __init__(self, session: Session, spec: TargetSpec, tables: Tables, place: Place, there: bool) -> None:
        self._session = session
        self._spec = spec
        self._tables = tables
        self._place = place
        self._exists = there
        self.relation = tables.staging
        self.survivors, self.removals = judged(spec, tables, there)

    def reference(self, name: str) -> str:
        """Give a table of the same server; without a database, the target's is meant."""
        schema, _, table = name.rpartition(".")
        place = Place(schema or self._place.schema, table)
        if not exists(self._session, place):
            raise PermanentError(f"there is no table {name[:80]} beside the target", code="E_NO_TABLE")
        return place.quoted

    def target_relation(self) -> str | None:
        """Give the published table."""
        return self._tables.target if self._exists else None

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one SELECT."""
        return self._session.run(sql)

    def frames(self, sql: str, batch_rows: int = 100_000) -> Iterator[pl.DataFrame]:
        """Run one SELECT and give its rows in the contract's types."""
        columns = [column_of(field) for field in self._session.fields(f"({sql}) LIMIT 0")]
        if any(column.form != "{}" for column in columns):
            # A FLOAT of someone else's table has all its digits only as a double.
            sql = f"SELECT {select_list(columns)} FROM ({sql}) AS q"
        # Their own session: whoever reads frames may ask other things meanwhile.
        with closing(Session(self._session.settings)) as session:
            session.stop = self._session.stop
            for frame in frames(session, sql, columns, self._spec.columns, batch_rows):
                yield frame.with_columns(self._cast(frame[column.name], column) for column in columns)

    def _cast(self, series: pl.Series, column: Column) -> pl.Series:
        kind = self._spec.columns.get(column.name)
        return series if kind is None else as_stored(series, kind)

    def delete(self, where: str) -> int:
        """Take rows out of staging: found first, for MySQL changes no table that the same statement asks."""
        gone = self._place.beside(_GONE).quoted
        self._session.run(f"DROP TEMPORARY TABLE IF EXISTS {gone}")
        self._session.run(f"CREATE TEMPORARY TABLE {gone} ({quoted(ROW)} BIGINT UNSIGNED PRIMARY KEY) ENGINE = InnoDB")
        self._session.run(f"INSERT INTO {gone} SELECT {quoted(ROW)} FROM {self.relation} WHERE {where}")
        try:
            return self._session.changed(f"DELETE s FROM {self.relation} AS s JOIN {gone} AS g USING ({quoted(ROW)})")
        finally:
            self._session.run(f"DROP TEMPORARY TABLE IF EXISTS {gone}")

    def prepare(self) -> None:
        """Nothing: the rows are copied into a table that has its key."""

    @contextmanager
    def gx(self) -> Iterator[GxAccess]:
        """Give the URL: MySQL lets other processes in."""
        yield GxAccess(sqlalchemy_url(self._session.settings), self._place.table, "mysql", self._place.schema)


def as_stored(series: pl.Series, kind: DataType) -> pl.Series:
    """Give a stored column its contract's type: booleans are integers there, instants naive, lists and uuids text.

    Raises:
        PermanentError: it holds something else.
    """
    if kind.name == "bool" and series.dtype.is_integer():
        return series.cast(pl.Boolean)
    if kind.zone is not None and isinstance(series.dtype, pl.Datetime):
        aware = series.dt.replace_time_zone("UTC") if series.dtype.time_zone is None else series
        return aware.dt.convert_time_zone(kind.zone).cast(polars_type(kind))
    values, bad = cast_column(series, kind)
    if bad.any():
        raise PermanentError(f"column {series.name} holds a value that is no {kind}", code="E_VALUE")
    return values


def key_type(kind: DataType, sharing: int) -> str:
    """Name the type of a key column: an index takes no text or binary without a length.

    Args:
        kind: the contract's.
        sharing: text and binary columns of the key.

    Raises:
        TargetMismatch: a list, which is no key.
    """
    if kind.name == "list":
        raise TargetMismatch(f"mysql has no keys of type {kind}", hint="make a column of what identifies the row")
    if kind.name in ("string", "json"):
        return f"VARCHAR({KEY_BYTES // 4 // sharing})"
    return f"VARBINARY({KEY_BYTES // sharing})" if kind.name == "binary" else storage_type(kind, "mysql")


def table_columns(spec: TargetSpec, columns: Mapping[str, DataType], required: frozenset[str] = frozenset()) -> list[str]:
    """Declare columns of a spec; those in `required` are NOT NULL."""
    sharing = sum(spec.columns[name].name in ("string", "json", "binary") for name in spec.key)
    return [
        f"{quoted(name)} {key_type(kind, sharing) if name in spec.key else storage_type(kind, 'mysql')}"
        f"{' NOT NULL' if name in required else ''}"
        for name, kind in columns.items()
    ]


def options(order: str) -> str:
    """Give a table's options: what keeps it, and the collation of its texts."""
    return f"ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE {order}"


def staging_ddl(spec: TargetSpec, table: str, order: str) -> list[str]:
    """Give the statements that make an empty staging table, replacing what an earlier try left.

    Its comment holds the run's id, so that a staging table that nobody needs can be told from one that waits.
    """
    columns = [*table_columns(spec, spec.columns), *([f"{quoted(POSITION)} BIGINT"] if spec.position else [])]
    columns.append(f"{quoted(ROW)} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY")
    run = literal_sql(spec.run_id, STRING, "mysql")
    return [
        f"DROP TABLE IF EXISTS {table}",
        f"CREATE TABLE {table} ({', '.join(columns)}) {options(order)} COMMENT {run}",
    ]


def target_ddl(spec: TargetSpec, table: str, order: str) -> str:
    """Give the statement that makes the target."""
    columns = table_columns(spec, spec.stored, spec.stored_required | frozenset(spec.key))
    if spec.key:
        columns.append(f"PRIMARY KEY ({', '.join(quoted(name) for name in spec.stored_key)})")
    return f"CREATE TABLE {table} ({', '.join(columns)}) {options(order)}"
