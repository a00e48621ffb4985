"""A partitioned read in, its parts and their WHERE clauses out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from datasync.contract.endpoints import Partition
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType, Dialect
from datasync.errors import PermanentError
from datasync.seams import Part

MOST_PARTS = 200
"""Parts of a partitioned read; keys that leave great gaps get longer parts."""


def divide(
    partition: Partition,
    types: Mapping[str, DataType | None],
    read: tuple[str, str, Dialect],
    run: Callable[[str], list[tuple[Any, ...]]],
) -> list[Part]:
    """Divide rows along `source.partition`: `size` values each, and a part for rows without a value.

    Args:
        partition: of the source.
        types: of its columns.
        read: SQL after FROM, the WHERE clause or nothing, and their dialect.
        run: runs one SELECT.

    Raises:
        PermanentError: the column is none of integers.
    """
    kind = types.get(partition.column)
    if kind is None or not kind.is_integer:
        raise PermanentError(
            f"source.partition: {partition.column} is {kind or 'no such column'}; parts need an integer column",
            code="E_PARTITION",
        )
    source, where, dialect = read
    column = quote_identifier(partition.column, dialect)
    least, greatest, missing = run(f"SELECT min({column}), max({column}), count(*) - count({column}) FROM {source}{where}")[0]
    found = [Part()] if missing or least is None else []
    if least is None:
        return found
    size = max(partition.size, -(-(greatest - least + 1) // MOST_PARTS))
    return [*found, *(Part(start, min(start + size - 1, greatest)) for start in range(least, greatest + 1, size))]


def clauses(where: str, name: str, parts: Iterable[Part], dialect: Dialect) -> list[str]:
    """Add each part to a WHERE clause; its bounds are integers that the server gave."""
    column = quote_identifier(name, dialect)
    joint = f"{where} AND" if where else " WHERE"
    return [
        f"{joint} {column} IS NULL"
        if part.low is None or part.high is None
        else f"{joint} {column} BETWEEN {int(part.low)} AND {int(part.high)}"
        for part in parts
    ]
