"""A spec, and the table as it is, in; the DDL of target, staging and events out, and what each staged column is stored as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from datasync.connectors.oracle.catalog import TEXT_BYTES, Described, Limit, Place, Table, exists
from datasync.connectors.oracle.engine import Session
from datasync.connectors.sql import bookkeeping as book
from datasync.connectors.sql.history import AT, GONE, SINCE, UNTIL
from datasync.connectors.sql.storage import storage_type
from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.contract.types import BOOL, STRING, DataType
from datasync.errors import ConnectorError, TargetMismatch
from datasync.seams import TargetSpec

KEY_BYTES = 3000
"""Bytes that the texts of a key share: an index entry fits into a block of 8 KB, and can be rebuilt online."""
LOCAL = "TIMESTAMP(6) WITH LOCAL TIME ZONE"
"""The one type of instants that a constraint takes."""
EVENTS_PREFIX = "_datasync_evt_"


def quoted(name: str) -> str:
    """Quote an identifier for Oracle."""
    return quote_identifier(name, "oracle")


def events_name(staging: str) -> str:
    """Name the table of a history's events beside a staging table: a temporary one would be made by DDL, which commits."""
    return EVENTS_PREFIX + staging.removeprefix(book.STAGING_PREFIX)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a run's columns are stored.

    Attributes:
        types: published column to the type that staging has for it.
        limits: of texts and short binaries.
        lobs: columns of large objects, which have no equality.
    """

    types: Mapping[str, str]
    limits: Mapping[str, Limit]
    lobs: frozenset[str]


def shape_of(spec: TargetSpec, table: Table) -> Shape:
    """Say how columns are staged: as the target holds them, where it is there.

    Raises:
        TargetMismatch: a column that Oracle cannot hold exactly, or a key of large objects.
    """
    types, limits, lobs = {}, {}, set()
    for name, kind in spec.columns.items():
        found = table.described.get(name)
        types[name] = stored_as(spec, name, kind)
        if found is not None:
            types[name] = _as_found(found) if kind.is_text or kind.name == "binary" else found.spelled
        limit = found.limit if found is not None else _own_limit(types[name])
        if limit is not None and (kind.is_text or kind.name == "binary"):
            limits[name] = limit
        if types[name] in ("CLOB", "NCLOB", "BLOB"):
            lobs.add(name)
    return Shape(types, limits, frozenset(lobs))


def _as_found(column: Described) -> str:
    if column.limit is None or column.type == "RAW":
        return column.spelled
    return f"VARCHAR2({max(column.limit.bytes, TEXT_BYTES)} BYTE)"


def _own_limit(spelled: str) -> Limit | None:
    base, _, size = spelled.partition("(")
    return Limit(int(size.split()[0])) if base == "VARCHAR2" else None


def stored_as(spec: TargetSpec, name: str, kind: DataType) -> str:
    """Name the type of a column of a table that we make.

    Raises:
        TargetMismatch: Oracle has none, or none that can be a key.
    """
    spelled = storage_type(kind, "oracle")
    if kind.name == "timestamp" and kind.zone and name in instants(spec):
        return LOCAL
    if name not in spec.stored_key:
        return spelled
    if spelled in ("CLOB", "BLOB"):
        raise TargetMismatch(f"oracle has no keys of type {kind}", hint="make a text column of what identifies the row")
    if kind.name == "string":
        sharing = sum(spec.columns[part].name == "string" for part in spec.key)
        return f"VARCHAR2({KEY_BYTES // sharing} BYTE)"
    return spelled


def instants(spec: TargetSpec) -> frozenset[str]:
    """Name the columns whose instants are of the type that keys need: a history compares and joins its own with the cursor."""
    own = () if spec.history is None else (spec.history.valid_from, spec.history.valid_to)
    return frozenset({*spec.stored_key, *own, *((spec.cursor,) if own and spec.cursor is not None else ())})


def _declared(spec: TargetSpec, columns: Mapping[str, DataType], required: frozenset[str]) -> list[str]:
    return [
        f"{quoted(name)} {stored_as(spec, name, kind)}{' NOT NULL' if name in required else ''}" for name, kind in columns.items()
    ]


def target_ddl(spec: TargetSpec, table: str) -> str:
    """Give the statement that makes the target."""
    columns = _declared(spec, spec.stored, spec.stored_required | frozenset(spec.stored_key))
    if spec.key:
        columns.append(f"PRIMARY KEY ({', '.join(quoted(name) for name in spec.stored_key)})")
    return f"CREATE TABLE {table} ({', '.join(columns)})"


def staging_ddl(spec: TargetSpec, table: str, shape: Shape) -> list[str]:
    """Give the statements that make an empty staging table; its comment names the run to whoever finds it."""
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in shape.types.items())
    run = literal_sql(f"datasync: staging of run {spec.run_id}", STRING, "oracle")
    return [f"CREATE TABLE {table} ({columns})", f"COMMENT ON TABLE {table} IS {run}"]


def events_ddl(spec: TargetSpec, table: str) -> str:
    """Give the statement that makes the table of a history's events."""
    assert spec.history is not None
    keys = [f"{quoted(name)} {stored_as(spec, name, spec.columns[name])}" for name in spec.key]
    kind, flag = stored_as(spec, spec.history.valid_from, spec.history.kind), storage_type(BOOL, "oracle")
    own = [f"{quoted(AT)} {kind}", f"{quoted(SINCE)} {kind}", f"{quoted(GONE)} {flag}", f"{quoted(UNTIL)} {kind}"]
    return f"CREATE TABLE {table} ({', '.join([*keys, *own])})"


def drop_table(session: Session, place: Place) -> None:
    """Remove a table for good; missing is fine."""
    if not exists(session, place):
        return
    try:
        session.run(f"DROP TABLE {place.quoted} PURGE")
    except ConnectorError as error:
        # Somebody else was faster.
        if error.code != "E_NO_TABLE":
            raise
