"""What a comparison is about and what it found, as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from datasync.compare.families import Family
from datasync.contract.types import DataType, Dialect

Kind = Literal["only_a", "only_b", "different"]
"""What a difference is: a row that only one table has, or one whose columns differ."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        spelled: its type as the system names it.
        type: the contract's type of it; None where there is none.
    """

    name: str
    family: Family
    spelled: str = ""
    type: DataType | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A column that is compared: what it is called in both tables, and as what its values are taken."""

    name: str
    a: Column
    b: Column
    family: Family


class Table(Protocol):
    """One table in an open snapshot, read only. Every method counts the statements it sends."""

    label: str
    """As the person who asks named it."""
    dialect: Dialect
    relation: str
    """SQL that stands after FROM."""
    columns: Mapping[str, Column]
    queries: int
    """Statements sent so far."""
    unreadable: int
    """Rows of files that could not be read as rows."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a SELECT that gives few rows."""

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a SELECT and give its rows in bounded memory."""

    def cancel(self) -> None:
        """End the statement that another thread is in."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not the same in both tables.

    Attributes:
        key: of each key column, as it may be shown.
        columns: name to what A and B hold there, as it may be shown; for rows that only one has, none.
    """

    kind: Kind
    key: tuple[str | None, ...]
    columns: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Side:
    """What was found about one of the two tables.

    Attributes:
        null_keys: rows in which a column of the key is NULL: they are compared whole, for nothing says which they are.
        duplicate_keys: keys that several rows have; `duplicate_rows` counts those rows.
        lacks: columns of the other table that this one does not have.
    """

    label: str
    kind: str
    rows: int
    null_keys: int = 0
    duplicate_keys: int = 0
    duplicate_rows: int = 0
    unreadable: int = 0
    queries: int = 0
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of comparing two tables.

    Attributes:
        only_a, only_b, different: numbers of rows.
        by_column: how many of the different rows differ in a column.
        samples: the first differences.
        fetched: rows that were fetched from both sides together, to look at them one by one.
    """

    a: Side
    b: Side
    key: tuple[str, ...]
    columns: tuple[str, ...]
    where: str | None = None
    only_a: int = 0
    only_b: int = 0
    different: int = 0
    by_column: Mapping[str, int] = field(default_factory=dict)
    samples: tuple[Difference, ...] = ()
    fetched: int = 0
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def same(self) -> bool:
        """Whether the tables hold the same rows, and everything of them could be compared."""
        found = self.only_a or self.only_b or self.different
        return not found and not any(side.lacks or side.unreadable for side in (self.a, self.b))
