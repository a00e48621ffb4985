"""Row checks and a typed batch in, rows evaluated and rows unknown per check out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import polars as pl

from datasync.gates.pandera_schema import Layout, RowCheck, selected, verdict

_CELL_KINDS = frozenset(("min", "max", "greater_than", "less_than", "min_length", "max_length", "one_of", "pattern"))
"""Kinds whose verdict is NULL exactly where the cell is missing, so that counting missing cells counts unknown verdicts."""


def row_counts(
    checks: Iterable[RowCheck], frame: pl.DataFrame, layout: Layout, without: Collection[str]
) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    """Count over all rows of a batch, in one pass.

    What no row fails is settled by the screen and the diagnosis; this counts what they cannot see.

    Args:
        checks: the gate's.
        frame: as the layout says.
        layout: of the frame.
        without: names of checks that are known to be broken.

    Returns:
        name to (rows evaluated, rows whose verdict is unknown), and name to why it could not be counted.
    """
    asked = [check for check in checks if check.name not in without]
    expressions = {check.name: _counting(check, layout) for check in asked}
    counts: dict[str, tuple[int, int]] = {}
    errors: dict[str, str] = {}
    try:
        counts = _pass(frame, expressions)
    except Exception:
        for name, pair in expressions.items():
            try:
                counts |= _pass(frame, {name: pair})
            except Exception as error:
                errors[name] = f"could not be counted ({type(error).__name__})"
    return counts, errors


def _pass(frame: pl.DataFrame, expressions: Mapping[str, tuple[pl.Expr, pl.Expr]]) -> dict[str, tuple[int, int]]:
    flat = [part.alias(f"{index}") for index, part in enumerate(part for pair in expressions.values() for part in pair)]
    if not flat:
        return {}
    row = frame.lazy().select(flat).collect().row(0)
    return {name: (int(row[2 * index]), int(row[2 * index + 1])) for index, name in enumerate(expressions)}


def _counting(check: RowCheck, layout: Layout) -> tuple[pl.Expr, pl.Expr]:
    """Two aggregates: rows evaluated, rows whose verdict is unknown."""
    chosen = selected(check, layout)
    bad = layout.bad(check.columns)
    none = pl.lit(0)
    if chosen is None:
        if check.kind == "type":
            return pl.len(), none
        if check.kind == "required":
            return pl.len(), none if bad is None else bad.sum()
        if check.kind in _CELL_KINDS and len(check.columns) == 1:
            return pl.len(), _missing(check.columns[0], layout)
    judged = verdict(check, layout)
    assert judged is not None
    unknown = judged.is_null()
    if chosen is None:
        return pl.len(), unknown.sum()
    return chosen.sum(), (chosen & unknown).sum()


def _missing(name: str, layout: Layout) -> pl.Expr:
    column = pl.col(name)
    return column.null_count() + column.is_nan().sum() if layout.types[name].is_float() else column.null_count()
