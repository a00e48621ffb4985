"""A column and the family it is compared as in, SQL of its canonical text out: the same value, the same text in every engine.

| family | text |
|---|---|
| integer, decimal, bool | digits without trailing zeros; true is 1 |
| float | see `floats` |
| date, time, timestamp, instant | `2024-01-31`, `12:00:00.000000`, `2024-01-31 12:00:00.000000`; instants in UTC |
| uuid, binary | lower case; hexadecimal |
| text, json, list, other | as it stands; of more than 1,000 characters the first 60 and md5 |

NULL stays NULL. What cannot be read as its family stands behind a `?`.
"""

from __future__ import annotations

from collections.abc import Callable

from datasync.compare.families import TEXTS, Family
from datasync.compare.floats import float_sql
from datasync.compare.values import Column
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import Dialect

LONG, SHOWN = 1_000, 60
"""Characters from which a text is compared by its md5, and those of it that are kept to be shown."""
NUMBER = "^[+-]?[0-9]+([.][0-9]+)?$"
"""A text that is a number."""


def text_sql(column: Column, family: Family, dialect: Dialect) -> str:
    """Give SQL of a column's canonical text.

    Args:
        column: of the table.
        family: what it is compared as.
        dialect: the table's.
    """
    quoted = quote_identifier(column.name, dialect)
    return _DIALECTS[dialect](quoted, column, family)


def unread(column: Column, family: Family, dialect: Dialect) -> bool:
    """Whether the column's text is compared as it stands, although the other table has it in a type."""
    if column.family not in TEXTS or family in (*TEXTS, "uuid", "list"):
        return False
    return dialect in ("postgres", "mysql") and family not in ("integer", "decimal")


def _shortened(text: str, length: str, hashed: str, start: str = "substr({}, 1, 60)") -> str:
    return f"CASE WHEN {length} > {LONG} THEN concat({start.format(text)}, '#', md5({hashed})) ELSE {text} END"


def _postgres(name: str, column: Column, family: Family) -> str:
    own = column.family
    if own in ("integer", "decimal") and family != "float":
        return f"{name}::text" if own == "integer" else f"trim_scale({name}::numeric)::text"
    if own == "bool":
        return f"{name}::int::text"
    if family == "float" and own in ("float", "integer", "decimal"):
        # A real as a double has all the digits of its value.
        wide = f"({name}::double precision)"
        special = f"WHEN {wide} = 'NaN' THEN 'nan' WHEN {wide} = 'Infinity' THEN 'inf' WHEN {wide} = '-Infinity' THEN '-inf'"
        return float_sql(wide, lambda value: f"trim_scale({value}::text::numeric)::text", special)
    if own in ("date", "timestamp", "instant"):
        form = "YYYY-MM-DD" if family == "date" else "YYYY-MM-DD HH24:MI:SS.US"
        local = f"({name} AT TIME ZONE 'UTC')" if own == "instant" else name
        plain = f"isfinite({name}) AND {name} >= '0001-01-01'"
        return f"CASE WHEN {plain} THEN to_char({local}, '{form}') ELSE {name}::text END"
    if own == "time":
        return f"to_char({name}, 'HH24:MI:SS.US')"
    if own == "binary":
        return _shortened(f"encode({name}, 'hex')", f"octet_length({name}) * 2", name)
    if own == "list":
        text = f"to_json({name})::text"
        return _shortened(text, f"char_length({text})", text)
    text = f"{name}::text"
    if family in ("integer", "decimal"):
        return f"CASE WHEN {text} ~ '{NUMBER}' THEN trim_scale({text}::numeric)::text ELSE '?' || {text} END"
    return f"lower({text})" if family == "uuid" else _shortened(text, f"char_length({text})", text)


def _trimmed(text: str) -> str:
    return f"TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {text}))"


def _mysql(name: str, column: Column, family: Family) -> str:
    own = column.family
    if own == "integer" and family != "float":
        # Added to zero, for a ZEROFILL column would bring its zeros.
        return f"CAST({name} + 0 AS CHAR)"
    if own == "decimal" and family != "float":
        return _mysql_decimal(name) if column.type is None else _mysql_scaled(name, column.type.scale)
    if own == "bool":
        return f"CAST({name} + 0 AS CHAR)"
    if family == "float" and own in ("float", "integer", "decimal"):
        wide = f"({name} + 0e0)"
        return float_sql(wide, lambda value: _trimmed(f"CAST(CAST({value} AS CHAR) AS DECIMAL(65,30))"), "")
    if own in ("timestamp", "instant"):
        return f"CAST(CAST({name} AS DATETIME(6)) AS CHAR)"
    if own == "date":
        return f"CAST({name} AS CHAR)" if family == "date" else f"concat(CAST({name} AS CHAR), ' 00:00:00.000000')"
    if own == "time":
        return f"TIME_FORMAT({name}, '%H:%i:%s.%f')"
    if own == "binary":
        return _shortened(f"lower(hex({name}))", f"length({name}) * 2", name)
    text = f"CONVERT({name} USING utf8mb4)"
    if family in ("integer", "decimal"):
        number = _mysql_decimal(f"CAST({text} AS DECIMAL(65,30))")
        return f"CASE WHEN {text} REGEXP '{NUMBER}' THEN {number} ELSE concat('?', {text}) END"
    return f"lower({text})" if family == "uuid" else _shortened(text, f"char_length({text})", text)


def _mysql_scaled(number: str, scale: int) -> str:
    """A decimal of known scale has a point, and zeros to take away, or has none."""
    text = f"CAST({number} AS CHAR)"
    return _trimmed(text) if scale else text


def _mysql_decimal(number: str) -> str:
    text = f"CAST({number} AS CHAR)"
    return f"CASE WHEN {number} = 0 THEN '0' WHEN LOCATE('.', {text}) > 0 THEN {_trimmed(text)} ELSE {text} END"


def _duckdb(name: str, column: Column, family: Family) -> str:
    if column.family in TEXTS and family not in TEXTS:
        return _duckdb_read(f"CAST({name} AS VARCHAR)", family)
    return _duckdb_typed(name, column.family, family, column.spelled)


def _duckdb_typed(name: str, own: Family, family: Family, spelled: str = "") -> str:
    text = f"CAST({name} AS VARCHAR)"
    if family == "float" and own in ("float", "integer", "decimal"):
        wide = f"CAST({name} AS DOUBLE)"
        return float_sql(wide, _duckdb_fixed, f"WHEN isnan({wide}) THEN 'nan' WHEN isinf({wide}) THEN CAST({wide} AS VARCHAR)")
    if own == "integer":
        return text
    if own == "decimal":
        return _duckdb_digits(text)
    if own == "bool":
        return f"CAST(CAST({name} AS TINYINT) AS VARCHAR)"
    if own in ("date", "timestamp", "instant"):
        return _duckdb_time(name, own, family, spelled)
    if own == "time":
        return f"strftime(DATE '2000-01-01' + {name}, '%H:%M:%S.%f')"
    if own == "binary":
        return _shortened(f"lower(hex({name}))", f"octet_length({name}) * 2", name)
    if own == "list":
        text = f"CAST(to_json({name}) AS VARCHAR)"
    return f"lower({text})" if family == "uuid" else _shortened(text, f"length({text})", text)


def _duckdb_digits(text: str) -> str:
    return f"CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"


def _duckdb_fixed(value: str) -> str:
    large = f"CAST(CAST(CAST({value} AS VARCHAR) AS DECIMAL(38,17)) AS VARCHAR)"
    small = f"CAST(CAST(CAST({value} AS VARCHAR) AS DECIMAL(38,31)) AS VARCHAR)"
    return f"rtrim(rtrim(CASE WHEN abs({value}) >= 1 THEN {large} ELSE {small} END, '0'), '.')"


def _duckdb_time(name: str, own: Family, family: Family, spelled: str) -> str:
    if own == "date" and family == "date":
        return f"strftime({name}, '%Y-%m-%d')"
    whole = f"({name} AT TIME ZONE 'UTC')" if own == "instant" else f"CAST({name} AS TIMESTAMP)"
    made = f"strftime({whole}, '%Y-%m-%d %H:%M:%S.%f')"
    if spelled != "TIMESTAMP_NS":
        return made
    rest = f"(epoch_ns({name}) % 1000)"
    return f"({made} || CASE WHEN {rest} <> 0 THEN lpad(CAST({rest} AS VARCHAR), 3, '0') ELSE '' END)"


def _duckdb_read(text: str, family: Family) -> str:
    """Read a text as the other table's type; what is none stays, marked."""
    if family in ("integer", "decimal"):
        digits = f"regexp_replace(regexp_replace({text}, '^[+]', ''), '^(-?)0+([0-9])', '\\1\\2')"
        number = f"CASE WHEN {_duckdb_digits(digits)} = '-0' THEN '0' ELSE {_duckdb_digits(digits)} END"
        return f"CASE WHEN regexp_full_match({text}, '{NUMBER}') THEN {number} ELSE '?' || {text} END"
    if family == "bool":
        words = (("1", "('true', 't', '1', 'yes', 'y')"), ("0", "('false', 'f', '0', 'no', 'n')"))
        cases = " ".join(f"WHEN lower({text}) IN {found} THEN '{digit}'" for digit, found in words)
        return f"CASE {cases} ELSE '?' || {text} END"
    kinds: dict[Family, str] = {
        "float": "DOUBLE", "date": "DATE", "time": "TIME", "timestamp": "TIMESTAMP", "instant": "TIMESTAMPTZ", "uuid": "UUID",
    }  # fmt: skip
    if family not in kinds:
        return _shortened(text, f"length({text})", text)
    value = f"TRY_CAST({text} AS {kinds[family]})"
    return f"coalesce({_duckdb_typed(value, family, family)}, '?' || {text})"


def _sqlite(name: str, column: Column, family: Family) -> str:
    """SQLite's cells may be of any class, whatever the column is declared as: functions of ours read them."""
    return f"datasync_text({name}, '{family}')"


_DIALECTS: dict[Dialect, Callable[[str, Column, Family], str]] = {
    "postgres": _postgres, "mysql": _mysql, "duckdb": _duckdb, "sqlite": _sqlite,
}  # fmt: skip
