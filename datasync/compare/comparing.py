"""Two open tables and a question in, their comparison out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from datasync.compare.bisecting import Look, bisect, fetch, look
from datasync.compare.digests import Digest
from datasync.compare.families import TEXTS
from datasync.compare.matching import Streams, Unmatched
from datasync.compare.pairing import paired
from datasync.compare.values import Compared, Comparison, Difference, Kind, Side, Table
from datasync.connectors.sql.storage import storage_type
from datasync.contract.expressions.compiler import compile_expression
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.types import DataType
from datasync.errors import UsageError
from datasync.gates.samples import shape

SHOWN = 80
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be compared.

    Attributes:
        key: columns that say which rows belong together.
        columns: the others that are compared; None: all that either table has.
        where: a rule that selects rows, as in a contract.
        samples: differences that are kept to be shown.
        show: values stand there as they are; else their shapes.
        types: what a contract says of columns that both tables have as text.
    """

    key: tuple[str, ...]
    columns: tuple[str, ...] | None = None
    where: str | None = None
    samples: int = 10
    show: bool = False
    types: Mapping[str, DataType] = field(default_factory=dict)


def compare(a: Table, b: Table, question: Question) -> Comparison:
    """Compare two tables row by row; both are asked at the same time, by statements that read.

    Args:
        a, b: open, each in one snapshot.
        question: what is to be compared.

    Raises:
        UsageError: a column that a table does not have, or a rule that does not fit.
        ConnectorError: a system failed.
    """
    begun = time.monotonic()
    pairing = paired(a, b, question.key, question.columns, question.types)
    pool = ThreadPoolExecutor(2, thread_name_prefix="compare")
    try:
        found = _compare((a, b), pairing.columns, question, pool)
    except BaseException:
        # What the other thread is in ends too, so that nothing is left running.
        a.cancel()
        b.cancel()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    sides = [_side(table, told, lacks) for table, told, lacks in zip((a, b), found.looks, pairing.lacks, strict=True)]
    return Comparison(
        sides[0], sides[1], question.key, tuple(column.name for column in pairing.columns), question.where,
        found.counts["only_a"], found.counts["only_b"], found.counts["different"], dict(found.by_column), tuple(found.samples),
        found.fetched, pairing.notes, time.monotonic() - begun,
    )  # fmt: skip


@dataclass(slots=True)
class _Found:
    """What a comparison has found so far."""

    looks: tuple[Look, Look]
    counts: Counter[Kind] = field(default_factory=Counter)
    by_column: Counter[str] = field(default_factory=Counter)
    samples: list[Difference] = field(default_factory=list)
    fetched: int = 0


def _compare(tables: tuple[Table, Table], columns: tuple[Compared, ...], question: Question, pool: ThreadPoolExecutor) -> _Found:
    pair = _digests(tables, columns, question, whole=_whole(columns, question))
    first, second = pool.map(look, pair)
    if first.bounds.strange or second.bounds.strange:
        # SQLite's integers may be anything: their order is none.
        pair = _digests(tables, columns, question, whole=False)
        first, second = pool.map(look, pair)
    found = _Found((first, second))
    suspects = bisect(pair, found.looks, pool)
    if suspects.ranges:
        streams = Streams(fetch(pair[0], suspects), fetch(pair[1], suspects), pair[0].key)
        for unmatched in streams.unmatched():
            _count(found, unmatched, columns, question)
        found.fetched = streams.fetched
    return found


def _whole(columns: tuple[Compared, ...], question: Question) -> bool:
    (first, *others) = [column for column in columns if column.name in question.key]
    return not others and first.a.family == first.b.family == "integer"


def _digests(
    tables: tuple[Table, Table], columns: tuple[Compared, ...], question: Question, whole: bool
) -> tuple[Digest, Digest]:
    key = tuple(number for number, column in enumerate(columns) if column.name in question.key)
    made = []
    for table, own, other in ((tables[0], "a", "b"), (tables[1], "b", "a")):
        taken = tuple((getattr(column, own), column.family) for column in columns)
        read_as = {
            getattr(column, own).name: kind
            for column in columns
            if getattr(column, own).family in TEXTS
            for kind in (getattr(column, other).type, question.types.get(column.name))
            if kind is not None and not kind.is_text
        }
        made.append(Digest(table, taken, key, whole, _where(table, question.where, read_as)))
    return made[0], made[1]


def _where(table: Table, text: str | None, read_as: Mapping[str, DataType]) -> str:
    """Write the rule in the table's dialect, over the table's own types; DuckDB reads texts as what they are elsewhere."""
    if text is None:
        return ""
    types = {name: column.type for name, column in table.columns.items() if column.type is not None}
    casts = read_as if table.dialect == "duckdb" else {}
    try:
        rule = compile_expression(text, {**types, **casts}, boolean=True).sql(table.dialect)
    except ExpressionError as error:
        raise UsageError(
            f"--where, for {table.label}: {error.found}; allowed: {error.allowed}", code="E_WHERE", hint=error.hint
        ) from error
    if not casts:
        return rule
    cells = ", ".join(
        f"TRY_CAST({name} AS {storage_type(kind, 'duckdb')}) AS {name}"
        for name, kind in ((quote_identifier(name, "duckdb"), kind) for name, kind in casts.items())
    )
    return f"rowid IN (SELECT number FROM (SELECT rowid AS number, * REPLACE ({cells}) FROM {table.relation}) WHERE {rule})"


def _count(found: _Found, unmatched: Unmatched, columns: tuple[Compared, ...], question: Question) -> None:
    """Count a key's rows, and keep some to be shown. Rows without a key are never taken for two states of one row."""
    of_a, of_b = unmatched.count
    pairs = 0 if None in unmatched.key else min(of_a, of_b)
    found.counts.update({"different": pairs, "only_a": of_a - pairs, "only_b": of_b - pairs})
    key = tuple(_shown(text, question.show) for text in unmatched.key)
    if not pairs:
        kinds: list[Kind] = [*["only_a" for _ in range(of_a)][:20], *["only_b" for _ in range(of_b)][:20]]  # type: ignore[list-item]
        _keep(found, [Difference(kind, key) for kind in kinds], question)
        return
    for a, b in unmatched.pairs():
        if a is not None and b is not None:
            differing = {column.name: (left, right) for column, left, right in zip(columns, a, b, strict=True) if left != right}
            found.by_column.update(differing.keys())
            texts = {
                name: (_shown(left, question.show), _shown(right, question.show)) for name, (left, right) in differing.items()
            }
            _keep(found, [Difference("different", key, texts)], question)
        else:
            _keep(found, [Difference("only_b" if a is None else "only_a", key)], question)


def _keep(found: _Found, differences: list[Difference], question: Question) -> None:
    found.samples += differences[: max(question.samples - len(found.samples), 0)]


def _shown(text: str | None, show: bool) -> str | None:
    if text is None:
        return None
    cut = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    return cut if show else shape(cut)


def _side(table: Table, told: Look, lacks: tuple[str, ...]) -> Side:
    return Side(
        table.label,
        table.dialect,
        told.bounds.rows,
        told.bounds.null_keys,
        *told.duplicates,
        table.unreadable,
        table.queries,
        lacks,
    )
