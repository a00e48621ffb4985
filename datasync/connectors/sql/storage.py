"""A contract's type in, the type that stores it in a dialect out; and whether a column that exists will do."""

from __future__ import annotations

from collections.abc import Mapping

from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType, Dialect
from datasync.errors import TargetMismatch

_DUCKDB = {
    "int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT",
    "uint8": "UTINYINT", "uint16": "USMALLINT", "uint32": "UINTEGER", "uint64": "UBIGINT",
    "float32": "FLOAT", "float64": "DOUBLE", "bool": "BOOLEAN", "string": "VARCHAR", "binary": "BLOB", "date": "DATE",
    "time": "TIME", "json": "VARCHAR", "uuid": "UUID",
}  # fmt: skip
_POSTGRES = {
    "int8": "smallint", "int16": "smallint", "int32": "integer", "int64": "bigint",
    "uint8": "smallint", "uint16": "integer", "uint32": "bigint", "uint64": "numeric(20,0)",
    "float32": "real", "float64": "double precision", "bool": "boolean", "string": "text", "binary": "bytea", "date": "date",
    "time": "time without time zone", "json": "json", "uuid": "uuid",
}  # fmt: skip
_SQLITE = {
    "int8": "INTEGER", "int16": "INTEGER", "int32": "INTEGER", "int64": "INTEGER",
    "uint8": "INTEGER", "uint16": "INTEGER", "uint32": "INTEGER",
    "float32": "REAL", "float64": "REAL", "bool": "BOOLEAN_INTEGER", "string": "TEXT", "binary": "BLOB", "date": "DATE_TEXT",
    "time": "TIME_TEXT", "json": "JSON_TEXT", "uuid": "UUID_TEXT",
}  # fmt: skip
_MYSQL = {
    "int8": "TINYINT", "int16": "SMALLINT", "int32": "INT", "int64": "BIGINT",
    "uint8": "TINYINT UNSIGNED", "uint16": "SMALLINT UNSIGNED", "uint32": "INT UNSIGNED", "uint64": "BIGINT UNSIGNED",
    # A FLOAT is written with six digits, so that no text of it has its value.
    "float32": "DOUBLE", "float64": "DOUBLE", "bool": "TINYINT(1)", "string": "LONGTEXT", "binary": "LONGBLOB", "date": "DATE",
    "time": "TIME(6)", "json": "LONGTEXT", "uuid": "CHAR(36)", "list": "LONGTEXT",
}  # fmt: skip
MYSQL_INSTANT = "UTC (datasync)"
"""Comment of a DATETIME column that holds instants in UTC: MySQL's own TIMESTAMP ends in 2038."""
SQLITE_DIGITS = 18
"""Digits of a decimal that SQLite can compare exactly, as a scaled integer."""
MYSQL_SCALE = 30
_ORACLE = {
    "int8": "NUMBER(3)", "int16": "NUMBER(5)", "int32": "NUMBER(10)", "int64": "NUMBER(19)",
    "uint8": "NUMBER(3)", "uint16": "NUMBER(5)", "uint32": "NUMBER(10)", "uint64": "NUMBER(20)",
    "float32": "BINARY_FLOAT", "float64": "BINARY_DOUBLE", "bool": "NUMBER(1)", "string": "VARCHAR2(4000 BYTE)", "binary": "BLOB",
    "date": "DATE", "json": "CLOB", "uuid": "VARCHAR2(36 BYTE)",
}  # fmt: skip
"""Servers before 23 have no BOOLEAN; a VARCHAR2 of more bytes needs a setting that cannot be taken back."""


def storage_type(kind: DataType, dialect: Dialect) -> str:
    """Name the column type that holds `kind` exactly.

    Raises:
        TargetMismatch: the dialect has none.
    """
    makers = {"duckdb": _duckdb, "postgres": _postgres, "sqlite": _sqlite, "mysql": _mysql, "oracle": _oracle}
    return makers[dialect](kind)


def check_types(columns: Mapping[str, DataType], dialect: Dialect) -> None:
    """See that a dialect has a type for each column.

    Raises:
        TargetMismatch: it has none for one.
    """
    for kind in columns.values():
        storage_type(kind, dialect)


def declared(columns: Mapping[str, DataType], dialect: Dialect, required: frozenset[str] = frozenset()) -> list[str]:
    """Declare columns, as CREATE TABLE lists them; those in `required` are NOT NULL."""
    return [
        f"{quote_identifier(name, dialect)} {storage_type(kind, dialect)}{' NOT NULL' if name in required else ''}"
        for name, kind in columns.items()
    ]


def _refuse(kind: DataType, dialect: str, hint: str) -> TargetMismatch:
    return TargetMismatch(f"{dialect} cannot hold {kind} exactly", hint=hint)


def _duckdb(kind: DataType) -> str:
    if kind.name == "decimal":
        return f"DECIMAL({kind.precision},{kind.scale})"
    if kind.name == "list":
        assert kind.item is not None
        return f"{_duckdb(kind.item)}[]"
    if kind.name == "timestamp":
        if kind.zone is None:
            return {"s": "TIMESTAMP_S", "ms": "TIMESTAMP_MS", "us": "TIMESTAMP", "ns": "TIMESTAMP_NS"}[kind.unit]
        if kind.unit == "ns":
            raise _refuse(kind, "duckdb", f"its zoned timestamps have microseconds: timestamp[us, {kind.zone}]")
        return "TIMESTAMP WITH TIME ZONE"
    return _DUCKDB[kind.name]


def _postgres(kind: DataType) -> str:
    if kind.name == "decimal":
        return f"numeric({kind.precision},{kind.scale})"
    if kind.name == "list":
        assert kind.item is not None
        if kind.item.name == "list":
            raise _refuse(kind, "postgres", "its arrays have rows of one length only: json")
        return f"{_postgres(kind.item)}[]"
    if kind.name == "timestamp":
        if kind.unit == "ns":
            raise _refuse(kind, "postgres", "its timestamps have microseconds: timestamp[us]")
        return "timestamp with time zone" if kind.zone else "timestamp without time zone"
    return _POSTGRES[kind.name]


def _mysql(kind: DataType) -> str:
    if kind.name == "decimal":
        if kind.scale > MYSQL_SCALE:
            raise _refuse(kind, "mysql", f"at most {MYSQL_SCALE} digits after the point")
        return f"DECIMAL({kind.precision},{kind.scale})"
    if kind.name == "timestamp":
        if kind.unit == "ns":
            raise _refuse(kind, "mysql", "its timestamps have microseconds: timestamp[us]")
        return f"DATETIME(6) COMMENT '{MYSQL_INSTANT}'" if kind.zone else "DATETIME(6)"
    return _MYSQL[kind.name]


def _oracle(kind: DataType) -> str:
    if kind.name == "decimal":
        return f"NUMBER({kind.precision},{kind.scale})"
    if kind.name == "timestamp":
        if kind.unit == "ns":
            raise _refuse(kind, "oracle", "the driver binds microseconds: timestamp[us]")
        return "TIMESTAMP(6) WITH TIME ZONE" if kind.zone else "TIMESTAMP(6)"
    if kind.name not in _ORACLE:
        raise _refuse(kind, "oracle", "it has no such type: json, string, or a timestamp")
    return _ORACLE[kind.name]


def _sqlite(kind: DataType) -> str:
    if kind.name == "decimal":
        if kind.precision > SQLITE_DIGITS:
            raise _refuse(kind, "sqlite", f"at most {SQLITE_DIGITS} digits; use duckdb or postgres")
        return f"DECIMAL_TEXT({kind.precision},{kind.scale})"
    if kind.name == "list":
        return "LIST_TEXT"
    if kind.name == "timestamp":
        if kind.unit == "ns":
            raise _refuse(kind, "sqlite", "microseconds are kept: timestamp[us]")
        return "TIMESTAMPTZ_TEXT" if kind.zone else "TIMESTAMP_TEXT"
    if kind.name == "uint64":
        raise _refuse(kind, "sqlite", "its integers end at 2^63: int64, or string")
    return _SQLITE[kind.name]
