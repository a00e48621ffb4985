"""The SQL of two tables in, the ranges of their keys in which they differ out: checksums by range, finer where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from datasync.compare.digests import SPAN, Digest

Sums = Mapping[int | None, tuple[int, int]]
"""Range to its number of rows and its checksum; None: rows whose whole key is NULL."""

ROWS_OF_A_RANGE = 1_000
MOST_RANGES = 4_096
"""Ranges of the first look."""
SURVEYED = 2**14
"""Ranges of the one scan that says all of a key that is cut by its hash: so many that few rows are left to fetch."""
MOST_GROUPS = 65_536
"""Checksums of a later look, at most."""
FEW_ROWS = 50_000
"""Rows that are rather fetched than cut into finer ranges."""
WIDESPREAD = 64
"""Where more ranges differ, and with them most of the rows, checksums of finer ranges would differ as well."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Rows, rows without a key, and of a whole key its least and greatest value."""

    rows: int
    null_keys: int
    least: int | None
    greatest: int | None
    strange: int


@dataclass(frozen=True, slots=True)
class Look:
    """What the first look at a table told.

    Attributes:
        duplicates: keys that several rows have, and those rows.
        sums: by range of `SPAN // SURVEYED` places, of a key that is cut by its hash; None: of a whole key.
    """

    bounds: Bounds
    duplicates: tuple[int, int]
    sums: Sums | None = None


@dataclass(frozen=True, slots=True)
class Suspects:
    """Where the tables differ.

    Attributes:
        ranges: of the key; empty: nowhere.
        width: places of a range.
        rows: of the table that has more there.
    """

    ranges: frozenset[int | None]
    width: int
    rows: int


def bounds(digest: Digest) -> Bounds:
    """Ask a table for the bounds of a whole key."""
    rows, null_keys, least, greatest, strange = digest.table.rows(digest.bounds())[0]
    if strange:
        least = greatest = None
    return Bounds(int(rows), int(null_keys or 0), least, greatest, int(strange or 0))


def look(digest: Digest) -> Look:
    """Ask a table for what is to be known before ranges are cut finer: of a key that its hash cuts, in one scan."""
    if digest.whole:
        keys, rows = digest.table.rows(digest.duplicates())[0]
        return Look(bounds(digest), (int(keys), int(rows or 0)))
    found = [[int(cell) for cell in row] for row in digest.table.rows(digest.survey(SPAN // SURVEYED))]
    rows, nulls, keys, several = (sum(row[place] for row in found) for place in (1, 3, 4, 5))
    sums: Sums = {number: (count, checksum) for number, count, checksum, *_ in found}
    return Look(Bounds(rows, nulls, 0, SPAN - 1, 0), (keys, several), sums)


def bisect(pair: tuple[Digest, Digest], found: tuple[Look, Look], pool: ThreadPoolExecutor) -> Suspects:
    """Find the ranges in which two tables differ.

    Args:
        pair: their SQL.
        found: what the first look at them told.
        pool: runs the two tables' statements.
    """
    total = max(side.bounds.rows for side in found)
    width = _first_width((found[0].bounds, found[1].bounds), total) if pair[0].whole else SPAN // SURVEYED
    first, second = found[0].sums, found[1].sums
    if first is None or second is None:
        first, second = _both(pair, width, ("", ""), pool)
    while True:
        ranges = frozenset(number for number in {*first, *second} if first.get(number) != second.get(number))
        rows = sum(max(first.get(number, (0, 0))[0], second.get(number, (0, 0))[0]) for number in ranges)
        suspects = Suspects(ranges, width, rows)
        finer = _finer(suspects, total)
        if finer is None:
            return suspects
        among = (pair[0].among(ranges, width), pair[1].among(ranges, width))
        width = finer
        first, second = _both(pair, width, among, pool)


def _both(pair: tuple[Digest, Digest], width: int, among: tuple[str, str], pool: ThreadPoolExecutor) -> tuple[Sums, Sums]:
    first, second = (pool.submit(_sums, digest, width, chosen) for digest, chosen in zip(pair, among, strict=True))
    return first.result(), second.result()


def _sums(digest: Digest, width: int, among: str) -> Sums:
    return {
        None if number is None else int(number): (int(rows), int(checksum))
        for number, rows, checksum in digest.table.rows(digest.sums(width, among))
    }


def _first_width(found: tuple[Bounds, Bounds], total: int) -> int:
    """Give the places of a range: a power of two, so that finer ranges lie within those of before."""
    bounds_ = [bound for side in found for bound in (side.least, side.greatest) if bound is not None]
    span = max(bounds_) - min(bounds_) + 1 if bounds_ else SPAN
    ranges = min(max(total // ROWS_OF_A_RANGE, 1), MOST_RANGES)
    # No engine divides by more than its integers hold.
    return min(1 << max(span // ranges - 1, 0).bit_length(), 1 << 62)


def _finer(suspects: Suspects, total: int) -> int | None:
    """Give the width of the next look; None: what is left is fetched."""
    count = len(suspects.ranges)
    widespread = count > WIDESPREAD and suspects.rows * 2 > total
    if suspects.rows <= FEW_ROWS or suspects.width == 1 or widespread or count * 2 > MOST_GROUPS:
        return None
    fan = 1 << ((MOST_GROUPS // count).bit_length() - 1)
    return max(suspects.width // fan, 1)


def fetch(digest: Digest, suspects: Suspects) -> Iterator[tuple[Any, ...]]:
    """Stream the suspected rows of a table, in order."""
    return digest.table.stream(digest.fetched(digest.among(suspects.ranges, suspects.width)))
