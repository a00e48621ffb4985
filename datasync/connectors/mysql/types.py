"""MySQL's description of a result column in, the contract's type and how the column is selected exactly out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from datasync.connectors.sql.column import FormedColumn
from datasync.contract.types import BOOL, DATE, STRING, TIMESTAMP_UTC, DataType, Dialect

_BINARY = 63
_UNSIGNED = 32
_INTEGERS = {1: "int8", 2: "int16", 9: "int32", 3: "int32", 8: "int64"}
_YEAR, _FLOAT, _DOUBLE, _BIT, _DECIMALS = 13, 4, 5, 16, (0, 246)
_TEXTS = (15, 249, 250, 251, 252, 253, 254, 247, 248)
_PLAIN = {
    5: DataType("float64"), 4: DataType("float32"), 10: DATE, 14: DATE, 11: DataType("time"), 19: DataType("time"),
    7: TIMESTAMP_UTC, 17: TIMESTAMP_UTC, 12: DataType("timestamp"), 18: DataType("timestamp"), 245: DataType("json"),
    13: DataType("int16"), 6: STRING,
}  # fmt: skip
_MOMENTS = (7, 17, 12, 18)
_NAMES = {255: "geometry", 242: "a vector"}


@dataclass(frozen=True, slots=True)
class Column(FormedColumn):
    """How a column of MySQL is read.

    Attributes:
        digits: of a second, that a moment keeps.
    """

    digits: int = 6
    dialect: ClassVar[Dialect] = "mysql"


def column_of(field: Any, instants: Collection[str] = ()) -> Column:
    """Decide how a column is read.

    Args:
        field: pymysql's `FieldDescriptorPacket`: name, type_code, flags, length, scale and charsetnr.
        instants: names of DATETIME columns that are marked as instants.
    """
    name, code = field.name, field.type_code
    if code in _INTEGERS:
        kind = _INTEGERS[code]
        return Column(name, DataType(f"u{kind}" if field.flags & _UNSIGNED else kind))
    if code in _DECIMALS:
        return Column(name, decimal_of(field))
    if code == _BIT:
        return Column(name, BOOL if field.length == 1 else DataType("uint64"), "CAST({} AS UNSIGNED)")
    if code == _FLOAT:
        # The server writes a FLOAT with six digits; as a double it has all of them.
        return Column(name, DataType("float32"), "{} + 0e0")
    if code in _TEXTS:
        return Column(name, DataType("binary") if field.charsetnr == _BINARY else STRING)
    if code in _MOMENTS:
        return Column(name, TIMESTAMP_UTC if name in instants else _PLAIN[code], digits=min(field.scale, 6))
    if code in _PLAIN:
        return Column(name, _PLAIN[code])
    return Column(name, None, refused=_NAMES.get(code, f"of type {code}"))


def decimal_of(field: Any) -> DataType | None:
    """Give the decimal that a description's length and scale say; None: more digits than a contract's decimal holds."""
    precision = field.length - (1 if field.scale else 0) - (0 if field.flags & _UNSIGNED else 1)
    if not 1 <= precision <= 38 or field.scale > precision:
        return None
    return DataType("decimal", precision=precision, scale=field.scale)
