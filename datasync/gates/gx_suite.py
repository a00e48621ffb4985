"""A contract's checks in, a Great Expectations suite out: what the audit runs, and what is committed for review."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from datasync.contract.checks import Check
from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.gates.offenders import Ground, breaking_rows, for_gx, offending, repeated_keys

SEVERITY = {"error": "critical", "warn": "warning"}


@dataclass(frozen=True, slots=True)
class Suite:
    """What compiling needs.

    Attributes:
        ground: the staging relation and its surroundings; `{batch}` stands for staging where Great Expectations runs it.
        reference: gives SQL after FROM for a referenced table.
        bounds: earliest and latest value that freshness allows, for the run; None in a committed suite.
    """

    ground: Ground
    reference: Callable[[str], str]
    bounds: tuple[Any, Any] | None = None


def compile_checks(checks: Iterable[Check], suite: Suite) -> Iterator[dict[str, Any]]:
    """Give the expectations that judge what Great Expectations can judge of the checks, one per check."""
    makers: dict[str, Callable[[Check, Suite], dict[str, Any] | None]] = {
        "unique": _unique, "references": _references, "null_share": _null_share, "distinct": _distinct, "count.min": _count,
        "count.max": _count, "freshness": _freshness, "expectation": _own,
    }  # fmt: skip
    for check in checks:
        made = _row(check, suite) if check.family == "row" else makers[check.kind](check, suite) if check.kind in makers else None
        if made is not None:
            yield made | {"meta": {"check": check.name, "promise": check.expected}, "severity": SEVERITY[check.severity]}


def _sql(query: str, description: str) -> dict[str, Any]:
    """Rows that a query gives are unexpected. The batch gets a name, for a subselect has only its own alias."""
    text = f"WITH staged AS (SELECT * FROM {{batch}}) {query}"
    return {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": text, "description": description}}


def _staged(suite: Suite) -> Ground:
    return replace(suite.ground, relation="staged")


def _unique(check: Check, suite: Suite) -> dict[str, Any]:
    ground = _staged(suite)
    if check.nulls == "fail":
        return _sql(for_gx(f"SELECT 1 AS broken FROM staged WHERE {offending(check, ground)}"), check.expected)
    return _sql(for_gx(repeated_keys(check, ground)), check.expected)


def _references(check: Check, suite: Suite) -> dict[str, Any]:
    ground = replace(_staged(suite), reference=suite.reference(check.arguments["table"]))
    return _sql(for_gx(f"SELECT 1 AS orphan FROM staged WHERE {offending(check, ground)}"), check.expected)


def _row(check: Check, suite: Suite) -> dict[str, Any] | None:
    if check.predicate is None:
        return None
    return _sql(for_gx(f"SELECT 1 AS broken FROM staged WHERE {breaking_rows(check, _staged(suite))}"), check.expected)


def _null_share(check: Check, suite: Suite) -> dict[str, Any]:
    from datasync.gates.offenders import cells

    share = check.arguments["max"]
    missing = f"(count(*) - count({cells(check, suite.ground)[0]})) * {share.denominator} > count(*) * {share.numerator}"
    return _sql(
        for_gx(f"SELECT 1 AS broken FROM (SELECT {missing} AS too_many FROM staged) AS shares WHERE too_many"), check.expected
    )


def _distinct(check: Check, suite: Suite) -> dict[str, Any]:
    from datasync.gates.offenders import cells

    if suite.ground.dialect == "mysql" and suite.ground.types[check.columns[0]].is_text:
        # Great Expectations counts what the column's collation tells apart.
        number, least, most = f"count(DISTINCT {cells(check, suite.ground)[0]})", check.arguments["min"], check.arguments["max"]
        beyond = [f"n < {least}"] if least is not None else []
        beyond += [f"n > {most}"] if most is not None else []
        counted = f"SELECT {number} AS n FROM staged"
        return _sql(for_gx(f"SELECT 1 AS broken FROM ({counted}) AS counts WHERE {' OR '.join(beyond)}"), check.expected)
    kwargs = {"column": check.columns[0], "min_value": check.arguments["min"], "max_value": check.arguments["max"]}
    return {"type": "expect_column_unique_value_count_to_be_between", "kwargs": _given(kwargs)}


def _count(check: Check, suite: Suite) -> dict[str, Any] | None:
    kwargs = {"min_value": check.arguments.get("min"), "max_value": check.arguments.get("max")}
    return {"type": "expect_table_row_count_to_be_between", "kwargs": _given(kwargs)} if _given(kwargs) else None


def _given(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if value is not None}


def _freshness(check: Check, suite: Suite) -> dict[str, Any] | None:
    name = check.columns[0]
    column = quote_identifier(name, suite.ground.dialect)
    if suite.bounds is None:
        return _sql(
            for_gx(f"SELECT 1 AS stale FROM (SELECT max({column}) AS newest FROM staged) AS found WHERE newest IS NULL"),
            check.expected,
        )
    low, high = (literal_sql(value, suite.ground.types[name], suite.ground.dialect) for value in suite.bounds)
    rows = f"SELECT {column} AS value FROM staged"
    if check.arguments["of"] == "target" and suite.ground.reference:
        rows += f" UNION ALL SELECT {column} AS value FROM {suite.ground.reference}"
    newest = f"SELECT max(value) AS newest FROM ({rows}) AS seen"
    stale = f"newest IS NULL OR newest < {low} OR newest > {high}"
    return _sql(for_gx(f"SELECT 1 AS stale FROM ({newest}) AS found WHERE {stale}"), check.expected)


def _own(check: Check, suite: Suite) -> dict[str, Any]:
    return {"type": check.arguments["type"], "kwargs": _plain(check.arguments["kwargs"])}


def _plain(value: Any) -> Any:
    """What Great Expectations' JSON can hold: decimals become numbers."""
    from decimal import Decimal

    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def committed(name: str, checks: Iterable[Check], suite: Suite) -> dict[str, Any]:
    """Give the suite as `expectations/<contract>.json` holds it: stable, without ids or versions."""
    judged = list(checks)
    note = "for review: runs compile the contract itself"
    if any(part is not None and part.uses_clock for check in judged for part in (check.where, check.predicate)):
        note += f", and now() is {suite.ground.clock:%Y-%m-%d} here"
    return {"name": name, "meta": {"made_by": "datasync compile", "note": note},
            "expectations": list(compile_checks(judged, suite))}  # fmt: skip
