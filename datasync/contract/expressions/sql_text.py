"""Calls over text in, the SQL of one dialect out."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING

from datasync.contract.expressions import regex
from datasync.contract.expressions.dialects import literal_sql
from datasync.contract.expressions.tree import Call, word_of
from datasync.contract.types import STRING, Dialect

if TYPE_CHECKING:
    from datasync.contract.expressions.to_sql import Writer


def comparable(sql: str, dialect: Dialect) -> str:
    """Make a text compare by code point, whatever collation its column has."""
    if dialect == "postgres":
        return f'({sql} COLLATE "C")'
    if dialect == "sqlite":
        return f"({sql} COLLATE BINARY)"
    # The binary collations of MySQL ignore trailing spaces; bytes do not.
    return f"CAST(CONVERT({sql} USING utf8mb4) AS BINARY)" if dialect == "mysql" else sql


def _unicode(sql: str, dialect: Dialect) -> str:
    return f"(CONVERT({sql} USING utf8mb4) COLLATE utf8mb4_bin)" if dialect == "mysql" else sql


def _letters(writer: Writer, node: Call) -> str:
    made = writer.of(node.arguments[0])
    if writer.dialect == "sqlite":
        return f"{node.name}({made})"
    old, new = (ascii_uppercase, ascii_lowercase) if node.name == "lower" else (ascii_lowercase, ascii_uppercase)
    if writer.dialect == "mysql":
        pairs = zip(old, new, strict=True)
        return reduce(lambda inner, pair: f"REPLACE({inner}, '{pair[0]}', '{pair[1]}')", pairs, _unicode(made, "mysql"))
    return f"translate({made}, '{old}', '{new}')"


def _trim(writer: Writer, node: Call) -> str:
    made = writer.of(node.arguments[0])
    if writer.dialect == "mysql":
        return f"TRIM(BOTH ' ' FROM {made})"
    return f"{'btrim' if writer.dialect == 'postgres' else 'trim'}({made}, ' ')"


def _length(writer: Writer, node: Call) -> str:
    return f"{'char_length' if writer.dialect == 'mysql' else 'length'}({writer.of(node.arguments[0])})"


def _concat(writer: Writer, node: Call) -> str:
    parts = writer.operands(node)
    return f"CONCAT({', '.join(parts)})" if writer.dialect == "mysql" else f"({' || '.join(parts)})"


def _substr(writer: Writer, node: Call) -> str:
    return f"substr({', '.join(writer.operands(node))})"


def _like(writer: Writer, node: Call) -> str:
    text, pattern = writer.of(node.arguments[0]), word_of(node.arguments[1])
    if writer.dialect == "sqlite":
        return f"({text} GLOB {literal_sql(_glob(pattern), STRING, 'sqlite')})"
    quoted = literal_sql(pattern, STRING, writer.dialect)
    return f"({_unicode(text, writer.dialect)} LIKE {quoted} ESCAPE '~')"


def _glob(pattern: str) -> str:
    out, rest = "", iter(pattern)
    for character in rest:
        if character == "~":
            out += next(rest)
        else:
            out += {"%": "*", "_": "?"}.get(character) or (f"[{character}]" if character in "*?[" else character)
    return out


def _matches(writer: Writer, node: Call) -> str:
    text = writer.of(node.arguments[0])
    pattern = literal_sql(regex.compile_regex(word_of(node.arguments[1])).pattern(writer.dialect), STRING, writer.dialect)
    if writer.dialect == "duckdb":
        return f"regexp_matches({text}, {pattern})"
    if writer.dialect == "postgres":
        return f"({comparable(text, 'postgres')} ~ {pattern})"
    return f"({_unicode(text, writer.dialect)} REGEXP {pattern})"


def _is_json(writer: Writer, node: Call) -> str:
    made = writer.of(node.arguments[0])
    if writer.dialect == "sqlite":
        # json_valid(NULL) is false there.
        return f"(CASE WHEN {made} IS NOT NULL THEN json_valid({made}) END)"
    if writer.dialect == "duckdb":
        # Its parser lets NaN, Infinity and trailing commas pass; outside of texts they are easy to see.
        bare = f"""regexp_replace({made}, '"(?:[^"\\\\]|\\\\.)*"', '0', 'g')"""
        return f"(json_valid({made}) AND NOT regexp_matches({bare}, ',\\s*[\\]}}]|[Nn]a|[Ii]nf'))"
    return f"({made} IS JSON)" if writer.dialect == "postgres" else f"json_valid({made})"


TEXT_CALLS: dict[str, Callable[[Writer, Call], str]] = {
    "lower": _letters,
    "upper": _letters,
    "trim": _trim,
    "length": _length,
    "concat": _concat,
    "substr": _substr,
    "like": _like,
    "matches": _matches,
    "is_json": _is_json,
}
"""How each operation on text is said in SQL."""
