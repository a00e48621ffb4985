"""The columns of two tables and what is asked in, the pairs of columns that are compared out, with what is to be said of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from datasync.compare.canonical import unread
from datasync.compare.families import TEXTS, family_of, joined
from datasync.compare.values import Column, Compared, Table
from datasync.contract.types import DataType
from datasync.errors import UsageError, did_you_mean


@dataclass(frozen=True, slots=True)
class Pairing:
    """What is compared.

    Attributes:
        columns: the key's first.
        lacks: columns that A, and that B, does not have although nobody said which to compare.
        notes: what a reader should know of how they are compared.
    """

    columns: tuple[Compared, ...]
    lacks: tuple[tuple[str, ...], tuple[str, ...]]
    notes: tuple[str, ...]


def paired(a: Table, b: Table, key: tuple[str, ...], columns: tuple[str, ...] | None, types: Mapping[str, DataType]) -> Pairing:
    """Pair the columns of two tables by name; where case alone differs, they are the same.

    Args:
        a, b: the tables.
        key: its columns.
        columns: the others that are asked for; None: all.
        types: a contract's, by name.

    Raises:
        UsageError: no key, or a table lacks a column that is asked for.
    """
    if not key:
        raise UsageError("nothing says which rows belong together", code="E_KEY", hint="name the key: --key id")
    asked = [*key, *(name for name in columns or () if name not in key)]
    lacks: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    if columns is None:
        lacks = (_absent(b, a), _absent(a, b))
        asked += [name for name in a.columns if _named(name, asked) is None and name not in lacks[1]]
    made = tuple(_compared(name, _column(a, name), _column(b, name), types) for name in asked)
    notes = [note for column in made for note in _notes(column, a, b)]
    return Pairing(made, lacks, tuple(notes))


def _named(name: str, names: Iterable[str]) -> str | None:
    """Find a name, exactly or but for its case; None: it is not there, or no one name is meant."""
    known = list(names)
    if name in known:
        return name
    close = [other for other in known if other.lower() == name.lower()]
    return close[0] if len(close) == 1 else None


def _absent(table: Table, other: Table) -> tuple[str, ...]:
    return tuple(name for name in table.columns if _named(name, other.columns) is None)


def _column(table: Table, name: str) -> Column:
    found = _named(name, table.columns)
    if found is None:
        raise UsageError(
            f"{table.label} has no column {name}", code="E_COLUMN",
            hint=did_you_mean(name, table.columns) or f"it has {', '.join(list(table.columns)[:20])}",
        )  # fmt: skip
    return table.columns[found]


def _compared(name: str, a: Column, b: Column, types: Mapping[str, DataType]) -> Compared:
    family = joined(a.family, b.family)
    declared = types.get(name)
    if declared is not None and family in TEXTS:
        family = joined(family, family_of(declared))
    return Compared(name, a, b, family)


def _notes(column: Compared, a: Table, b: Table) -> Iterable[str]:
    if column.family == "instant" and "instant" in (column.a.family, column.b.family) and column.a.family != column.b.family:
        naive = a if column.a.family != "instant" else b
        if (column.a if naive is a else column.b).family in ("timestamp", "date"):
            yield f"{column.name}: {naive.label} has no zone there; its values are taken as UTC"
    for table, side in ((a, column.a), (b, column.b)):
        if unread(side, column.family, table.dialect):
            yield f"{column.name}: {table.label} has text there, which is compared as it stands"
    if column.family == "text" and not {column.a.family, column.b.family} & set(TEXTS):
        yield f"{column.name}: {column.a.family} and {column.b.family} have nothing in common but their text"
