"""A contract in, its checks out: each promise declared once, as data, for both engines to compile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from datasync.contract.columns import Column, ColumnChecks, Nulls, Reference, Severity
from datasync.contract.endpoints import SqlTarget, deletes_limit
from datasync.contract.endpoints.api import API_KINDS
from datasync.contract.literals import literal_value
from datasync.contract.model import Contract
from datasync.contract.refusals import refusals
from datasync.contract.rules import CompositeReference, Rule
from datasync.contract.scalars import Limit, decimal_text, duration_text
from datasync.contract.types import INT64, STRING, DataType

if TYPE_CHECKING:
    from datasync.contract.expressions import Expression
    from datasync.contract.expressions.nodes import Node

Gate = Literal["source", "prepared", "staged"]
Family = Literal["row", "key", "table"]

REFUSED_ROWS = "api_rejected"
"""Kind of the check that counts the rows that an API refuses."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, ready to be compiled.

    Attributes:
        name: `price.min`, `key.unique`, a rule's own name, `count.min`, …; unique within a gate.
        kind: `min`, `rule`, `unique`, `freshness`, …
        family: row checks judge rows in flight, key checks judge staging together with what the target keeps, table checks
            give one verdict.
        columns: the columns it speaks of, in order.
        tolerance: its own limit; None leaves it to `quarantine.allow`.
        nulls: what an unknown verdict means.
        where: selects the rows it applies to; None: all.
        predicate: true for a good row; None where the gate knows by other means (`type`, `row.readable`, key and table checks).
        expected: what is promised, in words, for reports.
        arguments: what kinds without a predicate need: `table`, `to`, `max_age`, `min`, `max`, …
    """

    name: str
    kind: str
    family: Family
    gate: Gate
    columns: tuple[str, ...] = ()
    severity: Severity = "error"
    tolerance: Limit | None = None
    nulls: Nulls = "pass"
    where: Expression | None = None
    predicate: Expression | None = None
    expected: str = ""
    description: str = ""
    previous_name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def column(self) -> str | None:
        """The column, when it speaks of exactly one."""
        return self.columns[0] if len(self.columns) == 1 else None


def types_of(columns: Mapping[str, Column]) -> dict[str, DataType]:
    """Give name to type for a contract's columns."""
    return {name: column.type for name, column in columns.items()}


def checks_of(contract: Contract) -> tuple[Check, ...]:
    """Enumerate every check of a linted contract: the source gate's, the prepared gate's, then the audit's."""
    return tuple(_all(contract))


def _all(contract: Contract) -> Iterator[Check]:
    first: Gate = "source" if contract.source.columns else "prepared"
    yield Check("row.readable", "readable", "row", first, expected="a row that can be read")
    if contract.source.columns:
        yield from _gate(contract.source.columns, "source")
    yield from _transform_checks(contract)
    yield from _gate(contract.columns, "prepared")
    types = types_of(contract.columns)
    for rule in contract.rules:
        yield _rule(rule, types)
    yield from _key_checks(contract)
    yield from _table_checks(contract)


def _gate(columns: Mapping[str, Column], gate: Gate) -> Iterator[Check]:
    yield Check("columns", "columns", "table", gate, expected=f"columns {', '.join(columns)}"[:400])
    types = types_of(columns)
    for name, column in columns.items():
        yield Check(
            f"{name}.type", "type", "row", gate, (name,), expected=str(column.type), previous_name=_previous(column, "type")
        )
        if column.key:
            yield Check(
                f"{name}.required", "required", "row", gate, (name,), predicate=_not_null(name, column.type), expected="a value"
            )
        for prefix, checks in _sets(name, column):
            yield from _column_rows(prefix, name, checks, _Scope(gate, types, bool(column.key)))


def _sets(name: str, column: Column) -> Iterator[tuple[str, ColumnChecks]]:
    """The column's own checks, then each named set of its `checks:`."""
    yield "", column
    for extra in column.checks:
        yield extra.name, extra


def _previous(column: ColumnChecks, kind: str) -> str:
    previous = getattr(column, "previous_name", None)
    return f"{previous}.{kind}" if previous else ""


@dataclass(frozen=True, slots=True)
class _Scope:
    gate: Gate
    types: Mapping[str, DataType]
    key: bool


def _column_rows(prefix: str, name: str, checks: ColumnChecks, scope: _Scope) -> Iterator[Check]:
    kind_of = scope.types[name]
    where = _compile(checks.where, scope.types)
    for kind, predicate, expected in _predicates(name, kind_of, checks, scope.key):
        yield Check(
            f"{name}.{prefix or kind}" if not prefix or _single(checks) else f"{name}.{prefix}.{kind}",
            kind,
            "row",
            scope.gate,
            (name,),
            checks.severity,
            checks.tolerance,
            checks.nulls,
            where,
            predicate,
            expected,
            checks.description or "",
            _previous(checks, kind),
        )


KINDS = ("required", "unique", "one_of", "pattern", "min", "max", "greater_than", "less_than", "min_length", "max_length",
         "format", "references", "null_share", "distinct")  # fmt: skip
"""The checks a column may name, in the order they are reported."""


def _single(checks: ColumnChecks) -> bool:
    return sum(1 for kind in KINDS if getattr(checks, kind) not in (None, False)) == 1


def _predicates(name: str, kind: DataType, checks: ColumnChecks, key: bool) -> Iterator[tuple[str, Expression, str]]:
    from datasync.contract.expressions import nodes
    from datasync.contract.expressions.formats import format_predicate

    cell = nodes.column(name, kind)
    if checks.required and not key:
        yield "required", _not_null(name, kind), "a value"
    if checks.one_of is not None:
        values = [nodes.literal(literal_value(value, kind), kind) for value in checks.one_of]
        yield "one_of", nodes.expression_of(nodes.is_in(cell, values)), f"one of {', '.join(map(str, checks.one_of))}"[:400]
    if checks.pattern is not None:
        match = nodes.call("matches", cell, nodes.literal(checks.pattern, STRING))
        yield "pattern", nodes.expression_of(match), f"matches {checks.pattern}"
    for word, operator, sign in (("min", ">=", "≥"), ("max", "<=", "≤"), ("greater_than", ">", ">"), ("less_than", "<", "<")):
        bound = getattr(checks, word)
        if bound is not None:
            limit = nodes.literal(literal_value(bound, kind), kind)
            yield word, nodes.expression_of(nodes.compare(operator, cell, limit)), f"{sign} {bound}"
    for word, operator, phrase in (("min_length", ">=", "at least"), ("max_length", "<=", "at most")):
        size = getattr(checks, word)
        if size is not None:
            compared = nodes.compare(operator, nodes.call("length", cell), nodes.literal(size, INT64))
            yield word, nodes.expression_of(compared), f"{phrase} {size} characters"
    if checks.format is not None:
        yield "format", nodes.expression_of(format_predicate(cell, checks.format)), f"a valid {checks.format}"


def _not_null(name: str, kind: DataType) -> Expression:
    from datasync.contract.expressions import nodes

    return nodes.expression_of(nodes.negate(nodes.is_null(nodes.column(name, kind))))


def _compile(text: str | None, types: Mapping[str, DataType]) -> Expression | None:
    if text is None:
        return None
    from datasync.contract.expressions import compile_expression

    return compile_expression(text, types, boolean=True)


def _transform_checks(contract: Contract) -> Iterator[Check]:
    """What transforms can find: rows that they cannot carry on."""
    seen = set()
    for item in contract.transform:
        for refusal in refusals(item):
            if refusal.check not in seen:
                yield Check(refusal.check, refusal.kind, "row", "prepared", (refusal.column,), expected=refusal.expected)
            seen.add(refusal.check)


def _rule(rule: Rule, types: Mapping[str, DataType]) -> Check:
    where = _compile(rule.where, types)
    settings: dict[str, Any] = {
        "severity": rule.severity,
        "tolerance": rule.tolerance,
        "nulls": rule.nulls,
        "where": where,
        "description": rule.description or "",
        "previous_name": rule.previous_name or "",
    }
    if rule.rule is not None:
        predicate = _compile(rule.rule, types)
        assert predicate is not None
        return Check(
            rule.name, "rule", "row", "prepared", predicate.columns, predicate=predicate, expected=rule.rule[:400], **settings
        )
    if rule.unique is not None:
        return Check(
            rule.name, "unique", "key", "staged", rule.unique, expected=f"{', '.join(rule.unique)} together once", **settings
        )
    assert rule.references is not None
    return Check(rule.name, "references", "key", "staged", rule.references.columns, **_composite(rule.references), **settings)


def _composite(reference: CompositeReference) -> dict[str, Any]:
    table = reference.table or reference.contract or ""
    return {"expected": f"exists in {table} ({', '.join(reference.to)})", "arguments": {"table": table, "to": reference.to}}


def _simple(reference: Reference) -> dict[str, Any]:
    table = reference.table or reference.contract or ""
    return {"expected": f"exists in {table} ({reference.column})", "arguments": {"table": table, "to": (reference.column,)}}


def _key_checks(contract: Contract) -> Iterator[Check]:
    if contract.key:
        unique = _version(contract)
        yield Check("key.unique", "unique", "key", "staged", unique, expected=f"{', '.join(unique)} once")
    types = types_of(contract.columns)
    for name, column in contract.columns.items():
        for prefix, checks in _sets(name, column):
            settings: dict[str, Any] = {
                "severity": checks.severity,
                "tolerance": checks.tolerance,
                "nulls": checks.nulls,
                "where": _compile(checks.where, types),
                "description": checks.description or "",
            }
            if checks.unique:
                yield Check(_named(name, prefix, "unique", checks), "unique", "key", "staged", (name,), expected="no value twice",
                            previous_name=_previous(checks, "unique"), **settings)  # fmt: skip
            if checks.references:
                yield Check(_named(name, prefix, "references", checks), "references", "key", "staged", (name,),
                            previous_name=_previous(checks, "references"), **_simple(checks.references), **settings)  # fmt: skip


def _version(contract: Contract) -> tuple[str, ...]:
    """What is there once: the key; of a history with a cursor each of its versions, for a window may hold several."""
    cursor = contract.source.cursor
    keeps_versions = contract.target is not None and contract.target.write == "scd2" and cursor is not None
    return tuple(dict.fromkeys((*contract.key, cursor.column))) if keeps_versions and cursor is not None else contract.key


def _named(name: str, prefix: str, kind: str, checks: ColumnChecks) -> str:
    if not prefix:
        return f"{name}.{kind}"
    return f"{name}.{prefix}" if _single(checks) else f"{name}.{prefix}.{kind}"


def _table_checks(contract: Contract) -> Iterator[Check]:
    for name, column in contract.columns.items():
        for prefix, checks in _sets(name, column):
            yield from _shares(_named, prefix, name, checks)
    yield from _freshness(contract)
    yield from _counts(contract)
    if contract.source.cursor is not None and contract.source.cursor.nulls == "fail" and not _always_full(contract):
        cursor = contract.source.cursor.column
        yield Check("cursor.nulls", "cursor_nulls", "table", "source", (cursor,), expected="no row without a cursor")
    for expectation in contract.expectations:
        if expectation.type is not None:
            given = expectation.arguments.get("column")
            name = expectation.name or (f"{expectation.type}.{given}" if given else expectation.type)
            columns = (given,) if isinstance(given, str) else ()
            yield Check(name, "expectation", "table", "staged", columns, expectation.severity,
                        expected=expectation.type, description=expectation.description or "",
                        arguments={"type": expectation.type, "kwargs": expectation.arguments})  # fmt: skip
    if contract.target is not None and contract.target.type in API_KINDS:
        yield Check("api.rejected", REFUSED_ROWS, "row", "staged", expected="taken by the API")
    yield from _deletes(contract)
    yield Check("load.fidelity", "fidelity", "table", "staged", expected="what was accepted is what is staged")


def _deletes(contract: Contract) -> Iterator[Check]:
    limit = deletes_limit(contract.target)
    if limit is None or not isinstance(contract.target, SqlTarget):
        return
    deletes, cursor = contract.target.deletes, contract.source.cursor
    named = (*contract.key, cursor.column if cursor else None, deletes.column if deletes and deletes.missing != "mark" else None)
    columns = tuple(dict.fromkeys(name for name in named if name in contract.columns))
    yield Check("deletes.limit", "deletes.limit", "table", "staged", columns, arguments={"limit": limit},
                expected=f"at most {limit} of the target's rows taken away")  # fmt: skip


def _always_full(contract: Contract) -> bool:
    return contract.target is not None and contract.target.write == "replace"


def _shares(named: Any, prefix: str, name: str, checks: ColumnChecks) -> Iterator[Check]:
    common: dict[str, Any] = {"severity": checks.severity, "description": checks.description or ""}
    if checks.null_share is not None:
        share = checks.null_share
        yield Check(named(name, prefix, "null_share", checks), "null_share", "table", "staged", (name,),
                    expected=f"at most {decimal_text(share * 100)}% missing", arguments={"max": share}, **common)  # fmt: skip
    if checks.distinct is not None:
        low, high = checks.distinct.min, checks.distinct.max
        words = " and ".join(
            word for word in (f"at least {low}" if low is not None else "", f"at most {high}" if high is not None else "") if word
        )
        yield Check(named(name, prefix, "distinct", checks), "distinct", "table", "staged", (name,),
                    expected=f"{words} different values", arguments={"min": low, "max": high}, **common)  # fmt: skip


def _freshness(contract: Contract) -> Iterator[Check]:
    promise = contract.freshness
    if promise is not None:
        yield Check("freshness", "freshness", "table", "staged", (promise.column,), promise.severity,
                    expected=f"at most {duration_text(promise.max_age)} old", description=promise.description or "",
                    arguments={"max_age": promise.max_age, "of": promise.of})  # fmt: skip


def _counts(contract: Contract) -> Iterator[Check]:
    count = contract.count
    severity: Severity = count.severity if count else "error"
    text = (count.description if count else None) or ""
    low = count.min if count else None
    yield Check("count.min", "count.min", "table", "staged", (), severity, description=text, arguments={"min": low},
                expected=f"at least {low} rows" if low is not None else "not an empty full read")  # fmt: skip
    if count and count.max is not None:
        yield Check("count.max", "count.max", "table", "staged", (), severity, expected=f"at most {count.max} rows",
                    description=text, arguments={"max": count.max})  # fmt: skip
    tolerance = _count_tolerance(contract)
    if tolerance is not None:
        yield Check("count.tolerance", "count.tolerance", "table", "staged", (), severity, description=text,
                    expected=f"within {tolerance} of the source", arguments={"limit": tolerance})  # fmt: skip
    if count and count.drift is not None:
        yield Check("count.drift", "count.drift", "table", "staged", (), count.drift.severity, description=text,
                    expected=f"within {decimal_text(count.drift.within * 100)}% of the last {count.drift.against} runs",
                    arguments={"runs": count.drift.against, "within": count.drift.within})  # fmt: skip


def _count_tolerance(contract: Contract) -> Limit | None:
    """The contract's own, else 0 where the source system counts exactly, else none."""
    if contract.count is not None and contract.count.tolerance is not None:
        return contract.count.tolerance
    counting = ("postgres", "mysql", "oracle", "sqlite", "duckdb", "parquet", "delta")
    return Limit(count=0) if contract.source.type in counting else None


def row_checks_at_rest(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """The prepared gate's row checks again, as the audit judges them with `run.audit: full`."""
    from dataclasses import replace

    return tuple(replace(check, gate="staged") for check in checks if check.gate == "prepared" and check.predicate is not None)


def window_check(column: str, predicate: Node) -> Check:
    """The check that rows of a replace_window run lie inside the window (`predicate` says so)."""
    from datasync.contract.expressions import nodes

    return Check("window", "window", "row", "prepared", (column,), nulls="fail", predicate=nodes.expression_of(predicate),
                 expected="inside the run's window")  # fmt: skip
