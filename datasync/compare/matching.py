"""Two streams of rows in one order in, the rows that are not the same out: equal rows pass by, the rest is paired by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

Texts = tuple[str | None, ...]
KEPT = 1_000
"""Rows of one key that are kept on each side; more are counted."""


@dataclass(slots=True)
class Unmatched:
    """Rows of one key that have no equal on the other side.

    Attributes:
        count: rows of A, and of B.
        rows: their texts, at most KEPT of each side.
    """

    key: Texts
    count: list[int] = field(default_factory=lambda: [0, 0])
    rows: tuple[list[Texts], list[Texts]] = field(default_factory=lambda: ([], []))

    def add(self, side: int, texts: Texts) -> None:
        """Add a row of A (0) or B (1)."""
        self.count[side] += 1
        if len(self.rows[side]) < KEPT:
            self.rows[side].append(texts)

    def pairs(self) -> Iterator[tuple[Texts | None, Texts | None]]:
        """Give kept rows of both sides, and what is left over. Of rows with one key nobody knows which became which."""
        yield from zip_longest(*self.rows)


class Streams:
    """Merges two streams of `(place, hash, texts…)`, ordered by place (NULL last) and hash.

    Args:
        first, second: of A and of B.
        key: positions of the key's columns among the texts.
    """

    def __init__(self, first: Iterable[tuple[Any, ...]], second: Iterable[tuple[Any, ...]], key: Sequence[int]) -> None:
        self._streams = (iter(first), iter(second))
        self._key = key
        self.fetched = 0

    def _next(self, side: int) -> tuple[Any, ...] | None:
        row = next(self._streams[side], None)
        self.fetched += row is not None
        return row

    def unmatched(self) -> Iterator[Unmatched]:
        """Give the rows that are not the same, key by key."""
        heads = [self._next(0), self._next(1)]
        place: Any = None
        found: dict[Texts, Unmatched] = {}
        while heads[0] is not None or heads[1] is not None:
            orders = [_order(row) for row in heads]
            lower = min(orders)
            if lower[:2] != place:
                yield from found.values()
                place, found = lower[:2], {}
            if orders[0] == orders[1]:
                heads = [self._next(0), self._next(1)]
                continue
            side = orders.index(lower)
            row = heads[side]
            assert row is not None
            texts: Texts = tuple(row[2:])
            key = tuple(texts[number] for number in self._key)
            found.setdefault(key, Unmatched(key)).add(side, texts)
            heads[side] = self._next(side)
        yield from found.values()


_END = (2, 0, 0)


def _order(row: tuple[Any, ...] | None) -> tuple[int, int, int]:
    if row is None:
        return _END
    return (1, 0, int(row[1])) if row[0] is None else (0, int(row[0]), int(row[1]))
