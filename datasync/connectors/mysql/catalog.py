"""A table's name in, what MySQL's information_schema knows about it out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from datasync.connectors.mysql.engine import Session
from datasync.connectors.sql.compare import Additions, FoundColumn, compare
from datasync.connectors.sql.place import TablePlace
from datasync.connectors.sql.statements import Collation
from datasync.connectors.sql.storage import MYSQL_INSTANT, storage_type
from datasync.contract.types import DataType, Dialect
from datasync.errors import PermanentError, TargetMismatch
from datasync.seams import TargetSpec

_COLLATIONS = ("utf8mb4_nopad_bin", "utf8mb4_0900_bin")
"""Collations of MariaDB and MySQL that tell apart whatever differs, trailing spaces too."""
_WIDTH = re.compile(r"^(tinyint|smallint|mediumint|int|bigint)\(\d+\)")
_TEXT_BYTES = {"tinytext": 2**8 - 1, "text": 2**16 - 1, "mediumtext": 2**24 - 1, "longtext": 2**32 - 1}
_BLOB_BYTES = {"tinyblob": 2**8 - 1, "blob": 2**16 - 1, "mediumblob": 2**24 - 1, "longblob": 2**32 - 1}
_DIGITS = {"s": 0, "ms": 3, "us": 6}
_VARYING = re.compile(r"^(varchar|varbinary|char)\((\d+)\)$")


@dataclass(frozen=True, slots=True)
class Place(TablePlace):
    """A table, whose schema is a database."""

    dialect: ClassVar[Dialect] = "mysql"

    def lock(self, what: str) -> str:
        """Name an advisory lock: they are the whole server's, and 64 characters long at most."""
        return f"datasync:{hashlib.sha256(f'{self.schema}|{what}'.encode()).hexdigest()[:40]}"


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a text or binary column's values may be: characters, or bytes."""

    length: int
    in_bytes: bool


@dataclass(frozen=True, slots=True)
class Table:
    """An existing table.

    Attributes:
        columns: in order; a type that holds the contract's exactly is spelled as ours.
        limits: of text and binary columns that are shorter than ours.
        collations: of text columns, where they are not ours.
    """

    columns: Mapping[str, FoundColumn] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    collations: Mapping[str, Collation] = field(default_factory=dict)


def find_place(session: Session, name: str) -> Place:
    """Say where `table` or `database.table` is or would be made.

    Raises:
        PermanentError: the connection names no database, and the table none either.
    """
    schema, _, table = name.rpartition(".")
    database, folded = session.run("SELECT database(), @@lower_case_table_names")[0]
    if not schema and database is None:
        raise PermanentError(
            f"mysql {session.name}: the connection names no database", code="E_NO_TABLE", hint="write database.table"
        )
    place = Place(schema or database, table)
    # Where the server ignores the case of tables, T and t are one: commits to it are counted under one name.
    return Place(place.schema.lower(), place.table.lower()) if folded else place


def collation(session: Session) -> str:
    """Name the collation of our own columns.

    Raises:
        PermanentError: the server has none that tells apart texts that differ in trailing spaces.
    """
    rows = session.run(
        "SELECT collation_name FROM information_schema.collations WHERE collation_name IN (%s, %s)", list(_COLLATIONS)
    )
    if not rows:
        raise PermanentError(
            f"mysql {session.name}: the server is too old to keep keys apart", code="E_SERVER_VERSION",
            hint="MySQL 8.0.17 or MariaDB 10.2 and newer have what it takes",
        )  # fmt: skip
    return str(rows[0][0])


def exists(session: Session, place: Place) -> bool:
    """Tell whether something has the name."""
    rows = session.run(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s", [place.schema, place.table]
    )
    return bool(rows)


def find_table(session: Session, place: Place, spec: TargetSpec) -> Table:
    """Look at a table; it has no columns when it is absent.

    Raises:
        TargetMismatch: the name is a view's, or the table is kept by an engine without transactions.
    """
    kinds = session.run(
        "SELECT table_type, engine FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
        [place.schema, place.table],
    )
    if not kinds:
        return Table()
    kind, engine = kinds[0]
    if kind != "BASE TABLE":
        raise TargetMismatch(f"{place.name} is {'a view' if 'VIEW' in kind else f'a {kind.lower()}'}; a target is a table")
    if str(engine).lower() != "innodb":
        raise TargetMismatch(f"{place.name} is kept by {engine}, which has no transactions", hint="ALTER TABLE … ENGINE = InnoDB")
    rows = session.run(
        "SELECT column_name, column_type, is_nullable, column_default, extra, column_comment, character_set_name, collation_name "
        "FROM information_schema.columns WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
        [place.schema, place.table],
    )
    columns, limits, collations = {}, {}, {}
    for name, spelled, nullable, default, extra, comment, charset, order in rows:
        wanted = spec.stored.get(name)
        fits = wanted is not None and holds(spelled, comment, wanted)
        shown = storage_type(wanted, "mysql") if fits and wanted is not None else spelled
        filled = default not in (None, "NULL") or "auto_increment" in extra or "DEFAULT_GENERATED" in extra
        columns[name] = FoundColumn(shown, nullable == "YES", filled, _generated(extra))
        if (limit := limit_of(spelled)) is not None:
            limits[name] = limit
        if charset is not None and order not in _COLLATIONS:
            collations[name] = Collation(charset, order, collation(session))
        elif spelled == "uuid":
            # Staging's are text, which no index finds by a uuid: they are compared as texts.
            collations[name] = Collation("utf8mb4", collation(session), collation(session))
    return Table(columns, limits, collations)


def _generated(extra: str) -> bool:
    return any(word in extra.upper().split() for word in ("VIRTUAL", "STORED", "PERSISTENT"))


def holds(spelled: str, comment: str, kind: DataType) -> bool:
    """Tell whether a column of a type takes every value of `kind` that it does not refuse, unaltered.

    Args:
        spelled: the column's type, as `information_schema` spells it.
        comment: the column's.
        kind: the contract's.
    """
    plain = _WIDTH.sub(r"\1", spelled.lower().replace(" zerofill", ""))
    if kind.is_integer:
        return plain == storage_type(kind, "mysql").lower()
    if kind.name == "bool":
        return plain in ("tinyint", "tinyint unsigned")
    if kind.name == "timestamp":
        return _holds_timestamp(plain, comment, kind)
    if kind.name in ("string", "json", "list"):
        return plain in _TEXT_BYTES or plain.startswith("varchar(")
    if kind.name == "uuid":
        limit = limit_of(plain)
        return plain in ("char(36)", "uuid") or (plain.startswith("varchar(") and limit is not None and limit.length >= 36)
    if kind.name == "binary":
        return plain in _BLOB_BYTES or plain.startswith("varbinary(")
    if kind.is_float:
        return plain == "double" or (kind.name == "float32" and plain == "float")
    return plain == storage_type(kind, "mysql").lower()


def _holds_timestamp(plain: str, comment: str, kind: DataType) -> bool:
    base, _, digits = plain.rstrip(")").partition("(")
    if int(digits or 0) < _DIGITS[kind.unit]:
        return False
    instant = base == "timestamp" or (base == "datetime" and comment == MYSQL_INSTANT)
    return instant if kind.zone else base == "datetime" and not instant


def limit_of(spelled: str) -> Limit | None:
    """Say how long a column's values may be; None: as long as ours, or no text."""
    plain = spelled.lower()
    if match := _VARYING.match(plain):
        return Limit(int(match[2]), match[1] == "varbinary")
    size = {**_TEXT_BYTES, **_BLOB_BYTES}.get(plain)
    return Limit(size, True) if size is not None and not plain.startswith("long") else None


def check_table(session: Session, place: Place, spec: TargetSpec) -> tuple[Table, Additions]:
    """Compare an existing table with a spec.

    Returns:
        The table, without columns when it is absent, and the columns to add.

    Raises:
        TargetMismatch: it differs in a way that is not additive, or merge finds no unique index on the key.
    """
    table = find_table(session, place, spec)
    if not table.columns:
        return table, Additions({})
    additions = compare(spec, table.columns, "mysql", place.name)
    if spec.write == "merge" and not _unique_on(session, place, spec.key):
        key = ", ".join(spec.key)
        raise TargetMismatch(
            f"{place.name} has no unique index on its key ({key}), which merge needs",
            hint=f"add one: datasync makes it only with a table of its own: ALTER TABLE … ADD UNIQUE ({key})",
        )
    return table, additions


def _unique_on(session: Session, place: Place, key: tuple[str, ...]) -> bool:
    """Tell whether a unique index has exactly these columns, each in full."""
    rows = session.run(
        "SELECT index_name, column_name, sub_part FROM information_schema.statistics "
        "WHERE table_schema = %s AND table_name = %s AND non_unique = 0",
        [place.schema, place.table],
    )
    indexes: dict[str, list[str]] = {}
    for index, column, part in rows:
        # A part of a column, or an expression, is no column.
        indexes.setdefault(index, []).append(column if part is None and column is not None else "")
    return any(set(columns) == set(key) and "" not in columns for columns in indexes.values())
