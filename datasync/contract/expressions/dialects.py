"""Names and typed values in, safe SQL text of one dialect out: the only places that quote identifiers and write literals."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, time
from decimal import Decimal, localcontext

from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.expressions.tree import Value
from datasync.contract.types import DataType, Dialect

NAME_BYTES: dict[Dialect, int] = {"postgres": 63, "mysql": 64, "oracle": 128, "duckdb": 255, "sqlite": 255}
"""Longest identifier in bytes of UTF-8 (MySQL: characters); PostgreSQL would cut a longer one off silently."""
SQLITE_DIGITS = 18
"""Digits of a decimal that SQLite holds, as a scaled 64-bit integer."""

_DOUBLE: dict[Dialect, str] = {
    "postgres": "double precision",
    "duckdb": "DOUBLE",
    "sqlite": "REAL",
    "mysql": "DOUBLE",
    "oracle": "BINARY_DOUBLE",
}


def quote_identifier(name: str, dialect: Dialect) -> str:
    """Quote a name.

    Args:
        name: one identifier, not a dotted pair.
        dialect: the SQL it is for.

    Returns:
        The name in the dialect's quotes.

    Raises:
        ExpressionError: an empty name, a control character, or more bytes than the dialect keeps.
    """
    if not name or any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise ExpressionError("an empty name or one with control characters", "a name of printable characters")
    if dialect == "mysql":
        return _mysql_identifier(name)
    if dialect == "oracle" and '"' in name:
        raise ExpressionError("a name with a double quote", "names that oracle can keep", "rename it")
    if len(name.encode()) > NAME_BYTES[dialect]:
        raise ExpressionError(f"a name of {len(name.encode())} bytes", f"{NAME_BYTES[dialect]} bytes in {dialect}", "rename it")
    return '"' + name.replace('"', '""') + '"'


def _mysql_identifier(name: str) -> str:
    if len(name) > NAME_BYTES["mysql"]:
        raise ExpressionError(f"a name of {len(name)} characters", f"{NAME_BYTES['mysql']} in mysql", "rename it")
    if name.endswith(" ") or any(ord(character) > 0xFFFF for character in name):
        raise ExpressionError(
            "a name that ends with a space or has a character beyond U+FFFF", "names that mysql can keep", "rename it"
        )
    return "`" + name.replace("`", "``") + "`"


def literal_sql(value: Value, kind: DataType, dialect: Dialect) -> str:
    """Write a value as a literal, in the form in which the dialect stores `kind`.

    Args:
        value: of the Python type of `kind`; zoned timestamps are aware.
        kind: the type it is stored as.
        dialect: the SQL it is for.

    Raises:
        ExpressionError: a text with NUL, a number that is not finite, or a type that has no literal.
    """
    if value is None:
        return "NULL"
    if kind.name == "bool":
        return ("TRUE" if value else "FALSE") if dialect in ("postgres", "duckdb") else str(int(bool(value)))
    if isinstance(value, str):
        return _text(value, dialect)
    if kind.is_integer and isinstance(value, int):
        return f"({value})" if value < 0 else str(value)
    if kind.name == "decimal" and isinstance(value, Decimal | int):
        return _decimal(Decimal(value), kind, dialect)
    if kind.is_float and isinstance(value, int | float):
        return _float(float(value), dialect)
    if isinstance(value, date | time):
        return _temporal(value, kind, dialect)
    raise ExpressionError(f"a value of type {kind} in SQL", "numbers, texts, booleans, dates and times")


def _text(value: str, dialect: Dialect) -> str:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ExpressionError("a text with NUL or half a surrogate pair", "text that every system can hold")
    if dialect == "oracle" and not value:
        raise ExpressionError("an empty text in oracle, which takes it for NULL", "IS NULL")
    if dialect == "mysql" and ("\\" in value or not value.isascii()):
        # Whether a backslash escapes depends on the session there, and so does the character set.
        return f"(_utf8mb4 X'{value.encode().hex()}')"
    quoted = value.replace("'", "''")
    if dialect == "postgres" and "\\" in value:
        return " E'" + quoted.replace("\\", "\\\\") + "'"
    return f"'{quoted}'"


def scaled(value: Decimal, scale: int) -> int:
    """Give a decimal as a whole number of units of 10**-scale."""
    with localcontext(prec=100):
        return int(value.scaleb(scale).to_integral_exact())


def decimal_digits(value: Decimal, scale: int) -> str:
    """Write a decimal with exactly `scale` digits after the point."""
    units = scaled(value, scale)
    digits = str(abs(units)).rjust(scale + 1, "0")
    return ("-" if units < 0 else "") + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)


def _decimal(value: Decimal, kind: DataType, dialect: Dialect) -> str:
    digits = decimal_digits(value, kind.scale)
    if dialect == "sqlite":
        return f"'{digits}'"
    name = {"postgres": "numeric", "duckdb": "DECIMAL", "mysql": "DECIMAL", "oracle": "NUMBER"}[dialect]
    if dialect == "oracle":
        # The text of a number is read by the session's language; digits in the statement are not.
        return f"CAST({digits} AS {name}({kind.precision},{kind.scale}))"
    return f"CAST('{digits}' AS {name}({kind.precision},{kind.scale}))"


def _float(value: float, dialect: Dialect) -> str:
    if value - value != 0:
        raise ExpressionError("a number that is not finite", "finite numbers")
    text = repr(value)
    if dialect == "oracle":
        return f"({text}d)"
    if dialect in ("postgres", "duckdb"):
        return f"CAST('{text}' AS {_DOUBLE[dialect]})"
    if dialect == "mysql" and "e" not in text:
        text += "e0"
    return f"({text})"


def _temporal(value: date | time, kind: DataType, dialect: Dialect) -> str:
    if isinstance(value, datetime):
        return _timestamp(value, kind, dialect)
    if isinstance(value, date):
        return f"'{value.isoformat()}'" if dialect == "sqlite" else f"DATE '{value.isoformat()}'"
    text = value.isoformat("microseconds")
    if dialect == "oracle":
        raise ExpressionError("a time of day in oracle", "dates and timestamps")
    return f"'{text}'" if dialect == "sqlite" else f"TIME '{text}'"


def _timestamp(value: datetime, kind: DataType, dialect: Dialect) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    text = value.isoformat(" ", "microseconds")
    if kind.zone is not None and dialect != "mysql":
        text += "+00:00"
    if dialect == "sqlite":
        return f"'{text}'"
    if dialect == "oracle":
        return f"TIMESTAMP '{text}'"
    if dialect == "duckdb" and kind.unit == "ns" and kind.zone is None:
        return f"CAST('{text}' AS TIMESTAMP_NS)"
    return f"{'TIMESTAMPTZ' if kind.zone is not None and dialect != 'mysql' else 'TIMESTAMP'} '{text}'"
