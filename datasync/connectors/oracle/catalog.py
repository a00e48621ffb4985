"""A table's name in, what Oracle's dictionary knows about it out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from datasync.connectors.oracle.engine import Session
from datasync.connectors.sql.compare import Additions, FoundColumn, compare
from datasync.connectors.sql.place import TablePlace
from datasync.connectors.sql.storage import storage_type
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType, Dialect
from datasync.errors import TargetMismatch
from datasync.seams import TargetSpec

TEXT_BYTES = 4000
"""Bytes of a VARCHAR2, unless the server was set up for more."""
_LOBS = ("CLOB", "NCLOB", "BLOB")
_TEXTS = ("VARCHAR2", "NVARCHAR2", "CLOB", "NCLOB")
_FRACTION = {"s": 0, "ms": 3, "us": 6}
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Place(TablePlace):
    """A table, named as the dictionary has it."""

    dialect: ClassVar[Dialect] = "oracle"

    def lock(self, what: str) -> str:
        """Name a lock: one row of a table, whose key is short."""
        return hashlib.sha256(f"{self.schema}|{what}".encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a column's values may be: in bytes, and in characters where the column counts them."""

    bytes: int
    characters: int | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """A column as the dictionary describes it."""

    name: str
    type: str
    bytes: int
    characters: int | None
    precision: int | None
    scale: int | None

    @property
    def lob(self) -> bool:
        """Whether its values are large objects, which have no equality."""
        return self.type in _LOBS

    @property
    def limit(self) -> Limit | None:
        """How long its values may be."""
        if self.type == "NVARCHAR2":
            # Its bytes are of another character set than ours.
            return Limit(max(self.bytes, TEXT_BYTES), self.characters)
        if self.type in ("VARCHAR2", "CHAR"):
            return Limit(self.bytes, self.characters)
        return Limit(self.bytes) if self.type == "RAW" else None

    @property
    def spelled(self) -> str:
        """Its type as DDL writes it."""
        if self.type == "NUMBER" and self.precision is not None:
            return f"NUMBER({self.precision})" if not self.scale else f"NUMBER({self.precision},{self.scale})"
        if self.limit is not None:
            return f"{self.type}({self.characters} CHAR)" if self.characters is not None else f"{self.type}({self.bytes} BYTE)"
        return self.type

    def holds(self, kind: DataType) -> bool:
        """Tell whether it takes every value of `kind` that it does not refuse, unaltered."""
        if kind.is_integer or kind.name in ("decimal", "bool"):
            return self.type == "NUMBER" and self._holds_number(storage_type(kind, "oracle"))
        if kind.name == "timestamp":
            return self._holds_timestamp(kind)
        if kind.is_text:
            return self.type in _TEXTS or (kind.name == "uuid" and self.type == "CHAR" and self.bytes == 36)
        if kind.name == "binary":
            return self.type in ("BLOB", "RAW")
        return self.type in {"float32": ("BINARY_FLOAT", "BINARY_DOUBLE"), "float64": ("BINARY_DOUBLE",), "date": ("DATE",)}.get(
            kind.name, ()
        )

    def _holds_number(self, wanted: str) -> bool:
        digits = [int(found) for found in _DIGITS.findall(wanted)]
        precision, scale = digits[0], digits[1] if len(digits) > 1 else 0
        if self.precision is None:
            # NUMBER(*,0) rounds; NUMBER keeps 38 digits wherever the point is.
            return self.scale is None or self.scale >= scale
        own = self.scale or 0
        return own >= scale and self.precision - own >= precision - scale

    def _holds_timestamp(self, kind: DataType) -> bool:
        if self.type == "DATE":
            return kind.unit == "s" and kind.zone is None
        base, _, rest = self.type.partition("(")
        digits, _, zoned = rest.partition(")")
        if base != "TIMESTAMP" or int(digits or 6) < _FRACTION.get(kind.unit, 9):
            return False
        return ("TIME ZONE" in zoned) == (kind.zone is not None)


@dataclass(frozen=True, slots=True)
class Table:
    """An existing table.

    Attributes:
        columns: in order; a type that holds the contract's exactly is spelled as ours.
        described: the same as the dictionary has them.
    """

    columns: Mapping[str, FoundColumn] = field(default_factory=dict)
    described: Mapping[str, Described] = field(default_factory=dict)


def find_place(session: Session, name: str) -> Place:
    """Say where `table` or `schema.table` is or would be made; names are taken as they are written."""
    schema, _, table = name.rpartition(".")
    if not schema:
        schema = str(session.run("SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM DUAL")[0][0])
    return Place(schema, table)


def exists(session: Session, place: Place) -> bool:
    """Tell whether there is a table of the name."""
    sql = "SELECT COUNT(*) FROM ALL_TABLES WHERE OWNER = :b1 AND TABLE_NAME = :b2"
    return bool(session.run(sql, [place.schema, place.table])[0][0])


def find_table(session: Session, place: Place, spec: TargetSpec) -> Table:
    """Look at a table; it has no columns when it is absent.

    Raises:
        TargetMismatch: the name is not a table's, or its rows end with the session.
    """
    owned = [place.schema, place.table]
    kinds = [kind for (kind,) in session.run(
        "SELECT OBJECT_TYPE FROM ALL_OBJECTS WHERE OWNER = :b1 AND OBJECT_NAME = :b2 "
        "AND OBJECT_TYPE IN ('TABLE', 'VIEW', 'SYNONYM', 'MATERIALIZED VIEW') ORDER BY OBJECT_TYPE", owned
    )]  # fmt: skip
    if not kinds:
        return Table()
    if kinds != ["TABLE"]:
        raise TargetMismatch(f"{place.name} is a {kinds[0].lower()}; a target is a table")
    if session.run("SELECT TEMPORARY FROM ALL_TABLES WHERE OWNER = :b1 AND TABLE_NAME = :b2", owned) == [("Y",)]:
        raise TargetMismatch(f"{place.name} is a temporary table, whose rows end with the session")
    rows = session.run(
        "SELECT COLUMN_NAME, DATA_TYPE, DATA_LENGTH, CASE WHEN CHAR_USED = 'C' THEN CHAR_LENGTH END, DATA_PRECISION, DATA_SCALE, "
        "NULLABLE, DEFAULT_LENGTH, IDENTITY_COLUMN, VIRTUAL_COLUMN FROM ALL_TAB_COLS "
        "WHERE OWNER = :b1 AND TABLE_NAME = :b2 AND HIDDEN_COLUMN = 'NO' ORDER BY COLUMN_ID",
        owned,
    )
    columns, described = {}, {}
    for name, kind, size, characters, precision, scale, nullable, default, identity, virtual in rows:
        column = Described(name, kind, int(size), characters, precision, scale)
        wanted = spec.stored.get(name)
        fits = wanted is not None and column.holds(wanted) and not (column.lob and name in spec.key) and _joins(column, spec)
        shown = storage_type(wanted, "oracle") if fits and wanted is not None else column.spelled
        filled = default is not None or identity == "YES"
        columns[name] = FoundColumn(shown, nullable == "Y", filled, virtual == "YES")
        described[name] = column
    return Table(columns, described)


def _joins(column: Described, spec: TargetSpec) -> bool:
    """A history's instants are of one type: CASE and UNION take no two of them."""
    own = spec.history
    if own is None or column.name not in (own.valid_from, own.valid_to, spec.cursor) or own.kind.zone is None:
        return True
    return "LOCAL" in column.type


def check_table(session: Session, place: Place, spec: TargetSpec) -> tuple[Table, Additions]:
    """Compare an existing table with a spec.

    Returns:
        The table, without columns when it is absent, and the columns to add.

    Raises:
        TargetMismatch: it differs in a way that is not additive, or merge and scd2 find nothing that keeps the key unique.
    """
    table = find_table(session, place, spec)
    if not table.columns:
        return table, Additions({})
    additions = compare(spec, table.columns, "oracle", place.name)
    if spec.write in ("merge", "scd2") and not _unique_on(session, place, spec.stored_key):
        key = ", ".join(spec.stored_key)
        quoted = ", ".join(quote_identifier(name, "oracle") for name in spec.stored_key)
        raise TargetMismatch(
            f"{place.name} has no unique constraint on its key ({key}), which {spec.write} needs",
            hint=f"add one: datasync makes it only with a table of its own: ALTER TABLE … ADD UNIQUE ({quoted})",
        )
    return table, additions


def _unique_on(session: Session, place: Place, key: tuple[str, ...]) -> bool:
    """Tell whether a unique index, or an enabled constraint, has exactly these columns."""
    owned = [place.schema, place.table]
    rows = session.run(
        "SELECT i.INDEX_NAME, c.COLUMN_NAME FROM ALL_INDEXES i JOIN ALL_IND_COLUMNS c "
        "ON c.INDEX_OWNER = i.OWNER AND c.INDEX_NAME = i.INDEX_NAME "
        "WHERE i.TABLE_OWNER = :b1 AND i.TABLE_NAME = :b2 AND i.UNIQUENESS = 'UNIQUE'",
        owned,
    )
    rows += session.run(
        "SELECT k.CONSTRAINT_NAME, c.COLUMN_NAME FROM ALL_CONSTRAINTS k JOIN ALL_CONS_COLUMNS c "
        "ON c.OWNER = k.OWNER AND c.CONSTRAINT_NAME = k.CONSTRAINT_NAME "
        "WHERE k.OWNER = :b1 AND k.TABLE_NAME = :b2 AND k.CONSTRAINT_TYPE IN ('P', 'U') AND k.STATUS = 'ENABLED'",
        owned,
    )
    found: dict[str, set[str]] = {}
    for name, column in rows:
        found.setdefault(name, set()).add(column)
    return set(key) in found.values()
