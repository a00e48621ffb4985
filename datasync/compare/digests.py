"""The compared columns of a table in, its SQL out: each row's text and hash, its place in the key's order, sums by ranges of it.

A row's hash is 60 bits of the md5 of its canonical texts; a range's checksum is the number of its rows and the sum of their
hashes (a sum, not an exclusive or: there two equal rows would vanish). Another row passes for the same with a chance of 2**-60.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from datasync.compare.canonical import text_sql
from datasync.compare.families import TEXTS, Family
from datasync.compare.values import Column, Table
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import Dialect

SPAN = 2**60
"""Hashes are below it."""
MOST_RANGES = 200
"""Ranges of an integer key that are written as such, so that an index finds them."""
MOST_LISTED = 5_000
"""Ranges that are written at all; where more differ, everything is read."""
_FREE: tuple[Family, ...] = ("text", "json", "list", "other")
"""Families whose text may hold the mark between columns."""


@dataclass(frozen=True, slots=True)
class Digest:
    """The SQL of one table.

    Attributes:
        table: what is asked.
        columns: the compared columns, in an order that both tables share, with the families they are compared as.
        key: positions of the key's columns among them.
        whole: the key is one integer: its own order cuts the table into ranges, which an index finds. Else the order is that of
            the key's hash, which is the same whatever collations say, and cuts any table evenly.
        where: rows that are compared; empty: all.
    """

    table: Table
    columns: Sequence[tuple[Column, Family]]
    key: Sequence[int]
    whole: bool
    where: str = ""

    def texts(self) -> list[str]:
        """SQL of the canonical text of each column."""
        return [text_sql(column, family, self.table.dialect) for column, family in self.columns]

    @property
    def row(self) -> str:
        """SQL of a row's hash."""
        return self._hash([*range(len(self.columns))])

    @property
    def place(self) -> str:
        """SQL of an integer: where the row stands in the order that both tables share; NULL for a whole key that is NULL."""
        return self._names()[0] if self.whole else self._hash(self.key)

    def _names(self) -> list[str]:
        return [quote_identifier(self.columns[number][0].name, self.table.dialect) for number in self.key]

    def _hash(self, positions: Sequence[int]) -> str:
        texts, dialect = self.texts(), self.table.dialect
        parts = [_part(texts[number], *self.columns[number], dialect) for number in positions]
        if dialect == "mysql":
            whole = f"CONCAT_WS(',', {', '.join(parts)})"
            return f"CAST(CONV(SUBSTR(MD5({whole}), 1, 15), 16, 10) AS UNSIGNED)"
        whole = " || ',' || ".join(parts)
        if dialect == "sqlite":
            return f"datasync_hash({whole})"
        if dialect == "postgres":
            return f"('x0' || substr(md5({whole}), 1, 15))::bit(64)::bigint"
        return f"CAST('0x0' || substr(md5({whole}), 1, 15) AS BIGINT)"

    def null_key(self) -> str:
        """SQL that is true where a column of the key is NULL."""
        return "(" + " OR ".join(f"{name} IS NULL" for name in self._names()) + ")"

    def bounds(self) -> str:
        """Of a whole key, a SELECT of the number of rows, of those without a key, least, greatest and how many are strange."""
        null = f"sum(CASE WHEN {self.null_key()} THEN 1 ELSE 0 END)"
        name = self._names()[0]
        strange = f"sum(CASE WHEN typeof({name}) NOT IN ('integer', 'null') THEN 1 ELSE 0 END)" if self._is("sqlite") else "0"
        return f"SELECT count(*), {null}, min({name}), max({name}), {strange} FROM {self._from()}"

    def duplicates(self) -> str:
        """Of a whole key, a SELECT of how many of them several rows have, and how many rows those are."""
        inner = f"SELECT count(*) AS n FROM {self._from([f'NOT {self.null_key()}'])} GROUP BY {self.place} HAVING count(*) > 1"
        return f"SELECT count(*), sum(n) FROM ({inner}) AS d"

    def sums(self, width: int, among: str = "") -> str:
        """A SELECT of each range of `width` places: its number, rows and checksum."""
        added = "datasync_sum" if self._is("sqlite") else "sum"
        inner = f"SELECT {self._range(width)} AS r, {self.row} AS h FROM {self._from([among])}"
        return f"SELECT r, count(*), {added}(h) FROM ({inner}) AS d GROUP BY r"

    def survey(self, width: int) -> str:
        """A SELECT of all that one scan tells of a key that is not whole.

        Args:
            width: places of a range.

        Returns:
            SQL of each range: its number, rows and checksum, rows without a key, keys that several rows have, and those rows.
        """
        added = "datasync_sum" if self._is("sqlite") else "sum"
        null = f"CASE WHEN {self.null_key()} THEN 1 ELSE 0 END"
        inner = f"SELECT {self.place} AS p, {self.row} AS h, {null} AS z FROM {self._from()}"
        keys = f"SELECT p, z, count(*) AS n, {added}(h) AS h FROM ({inner}) AS d GROUP BY p, z"
        several = "sum(CASE WHEN z = 0 AND n > 1 THEN {} ELSE 0 END)"
        return (
            f"SELECT {self._range(width, 'p')} AS r, sum(n), {added}(h), sum(n * z), {several.format(1)}, {several.format('n')} "
            f"FROM ({keys}) AS k GROUP BY r"
        )

    def fetched(self, among: str = "") -> str:
        """A SELECT of rows in order: place, hash and the canonical texts."""
        texts = ", ".join(f"{text} AS c{number}" for number, text in enumerate(self.texts()))
        inner = f"SELECT {self.place} AS p, {self.row} AS h, {texts} FROM {self._from([among])}"
        return f"SELECT * FROM ({inner}) AS d ORDER BY CASE WHEN p IS NULL THEN 1 ELSE 0 END, p, h"

    def _range(self, width: int, place: str = "") -> str:
        """SQL of a place's range; all engines cut towards zero, so that the range 0 is twice as wide."""
        operator = {"mysql": "DIV", "duckdb": "//"}.get(self.table.dialect, "/")
        return f"({place or self.place} {operator} {width})"

    def among(self, ranges: Collection[int | None], width: int) -> str:
        """SQL that selects the rows of some ranges; empty: so many that it is no use."""
        numbers = sorted(number for number in ranges if number is not None)
        if len(numbers) > MOST_LISTED:
            return ""
        conditions = [f"{self.place} IS NULL"] if None in ranges else []
        spans = _spans(numbers, width)
        if self.whole and len(spans) <= MOST_RANGES:
            name = self._names()[0]
            conditions += [f"{name} BETWEEN {low} AND {high}" for low, high in spans]
        elif numbers:
            conditions.append(f"{self._range(width)} IN ({', '.join(map(str, numbers))})")
        return "(" + " OR ".join(conditions or ["1 = 0"]) + ")"

    def _from(self, conditions: Sequence[str] = ()) -> str:
        kept = [condition for condition in (self.where and f"({self.where})", *conditions) if condition]
        return self.table.relation + (f" WHERE {' AND '.join(kept)}" if kept else "")

    def _is(self, dialect: str) -> bool:
        return self.table.dialect == dialect


def _part(text: str, column: Column, family: Family, dialect: Dialect) -> str:
    """Write a column's text so that it cannot pass for NULL, nor reach into the next one."""
    # A cell that is none of its family stands there as it is, and any of SQLite's may be that.
    free = family in _FREE or column.family in TEXTS or dialect == "sqlite"
    if free and dialect == "mysql":
        # As bytes, so that no two collations meet.
        text = f"CAST({text} AS BINARY)"
    if free:
        text = f"replace(replace({text}, '^', '^^'), ',', '^,')"
    return f"coalesce({text}, '^0')"


def _spans(numbers: Sequence[int], width: int) -> list[tuple[int, int]]:
    """Give the places of ranges, neighbours joined."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        low = max(number * width if number > 0 else number * width - width + 1, -(2**63))
        high = number * width + width - 1 if number >= 0 else number * width
        if found and found[-1][1] + 1 == low:
            low = found.pop()[0]
        found.append((low, high))
    return found
