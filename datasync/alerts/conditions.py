"""An alert's condition or message and a run's metrics in, its truth or its text out; nothing of it is ever evaluated as code."""

from __future__ import annotations

import re
from typing import Any

from datasync.alerts.metrics import Metrics
from datasync.contract.alerting import METRICS
from datasync.contract.expressions import compile_expression
from datasync.contract.types import parse_type

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)(:,)?\}")
LONGEST = 3_000
"""Characters of a message; what is longer would not fit where it goes."""


def holds(condition: str, metrics: Metrics) -> bool:
    """Tell whether a condition is true; NULL is not.

    Args:
        condition: restricted SQL over the metrics, as `alerts[].when` has it.
        metrics: from `metrics_of`.

    Raises:
        ExpressionError: lint would have refused it.
    """
    import polars as pl

    types = {name: parse_type(kind) for name, kind in METRICS.items()}
    expression = compile_expression(condition, types, boolean=True)
    dtypes = {"int64": pl.Int64, "float64": pl.Float64, "bool": pl.Boolean, "string": pl.String}
    row = pl.DataFrame(
        {name: [metrics[name]] for name in expression.columns},
        schema={name: dtypes[METRICS[name]] for name in expression.columns},
    )
    return (
        row.select(expression.polars().alias("true")).to_series().first() is True if expression.columns else _constant(expression)
    )


def _constant(expression: Any) -> bool:
    import polars as pl

    return bool(pl.select(expression.polars()).to_series().first())


def fill(template: str, metrics: Metrics) -> str:
    """Put metrics into a message.

    Args:
        template: text with `{metric}` and `{metric:,}`; every other brace is text.
        metrics: from `metrics_of`.

    Returns:
        The text; a metric without a value is `unknown`, a float has at most three digits behind the point.
    """

    def put(match: re.Match[str]) -> str:
        name, grouped = match[1], bool(match[2])
        return _shown(metrics[name], grouped) if name in metrics else match[0]

    return _PLACEHOLDER.sub(put, template)[:LONGEST]


def _shown(value: Any, grouped: bool) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if grouped else str(value)
    if isinstance(value, float):
        text = f"{value:,.3f}" if grouped else f"{value:.3f}"
        return text.rstrip("0").rstrip(".") or "0"
    return str(value)
