"""Calls over dates and timestamps in, the SQL of one dialect out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from datasync.contract.expressions.arithmetic import UNITS
from datasync.contract.expressions.tree import Call, integer_of, word_of

if TYPE_CHECKING:
    from datasync.contract.expressions.to_sql import Writer

_FIELDS = {"year": (1, 4), "month": (6, 2), "day": (9, 2), "hour": (12, 2)}


def _to_timestamp(writer: Writer, node: Call) -> str:
    made = writer.of(node.arguments[0])
    if writer.dialect != "duckdb" or node.type.zone:
        return made
    return f"CAST({made} AS {'TIMESTAMP_NS' if node.type.unit == 'ns' else 'TIMESTAMP'})"


def _field(writer: Writer, node: Call) -> str:
    made, zone = writer.of(node.arguments[0]), node.arguments[0].type.zone
    if writer.dialect == "sqlite":
        start, length = _FIELDS[node.name]
        return f"CAST(substr({made}, {start}, {length}) AS INTEGER)"
    if writer.dialect == "mysql":
        return f"{node.name}({made})"
    if zone:
        made = f"make_timestamp(epoch_us({made}))" if writer.dialect == "duckdb" else f"({made} AT TIME ZONE 'UTC')"
    return f"CAST(EXTRACT({node.name} FROM {made}) AS bigint)"


def _date_diff(writer: Writer, node: Call) -> str:
    unit, first, last = node.arguments
    start, end = writer.of(first), writer.of(last)
    if first.type.name == "date":
        return _days(writer, start, end)
    step = UNITS[word_of(unit)]
    if writer.dialect == "duckdb":
        clock, scale = ("epoch_ns", 1000) if first.type.unit == "ns" and not first.type.zone else ("epoch_us", 1)
        return f"(({clock}({end}) - {clock}({start})) // {step * scale})"
    if writer.dialect == "postgres":
        return f"(CAST(EXTRACT(epoch FROM ({end} - {start})) * 1000000 AS bigint) / {step})"
    if writer.dialect == "mysql":
        return f"(TIMESTAMPDIFF(MICROSECOND, {start}, {end}) DIV {step})"
    return f"(({_micros(end)} - {_micros(start)}) / {step})"


def _micros(text: str) -> str:
    return f"(CAST(strftime('%s', substr({text}, 1, 19)) AS INTEGER) * 1000000 + CAST(substr({text}, 21, 6) AS INTEGER))"


def _days(writer: Writer, start: str, end: str) -> str:
    if writer.dialect == "mysql":
        return f"DATEDIFF({end}, {start})"
    if writer.dialect == "sqlite":
        return f"((CAST(strftime('%s', {end}) AS INTEGER) - CAST(strftime('%s', {start}) AS INTEGER)) / 86400)"
    return f"date_diff('day', {start}, {end})" if writer.dialect == "duckdb" else f"({end} - {start})"


def _shift(writer: Writer, node: Call) -> str:
    value, amount = node.arguments
    made, seconds = writer.of(value), integer_of(amount) // UNITS["second"]
    is_date = value.type.name == "date"
    if writer.dialect == "mysql":
        return f"({made} + INTERVAL ({seconds // 86400 if is_date else seconds}) {'DAY' if is_date else 'SECOND'})"
    if writer.dialect == "sqlite":
        if is_date:
            return f"date({made}, '{seconds // 86400:+d} days')"
        return f"(strftime('%Y-%m-%d %H:%M:%S', substr({made}, 1, 19), '{seconds:+d} seconds') || substr({made}, 20))"
    # A day is 24 hours, also where the session's zone has a change of clocks.
    return f"({made} + ({seconds // 86400}))" if is_date else f"({made} + INTERVAL '{seconds} seconds')"


TIME_CALLS: dict[str, Callable[[Writer, Call], str]] = {
    **dict.fromkeys(_FIELDS, _field),
    "to_timestamp": _to_timestamp,
    "date_diff": _date_diff,
    "shift": _shift,
}
"""How each operation on dates and timestamps is said in SQL."""
