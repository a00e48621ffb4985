"""A result in, its quality as one number out: the definition that reports, site and metrics share."""

from __future__ import annotations

from typing import Any

from datasync.results.model import RunResult

WEIGHTS = {"error": 3, "warn": 1}
KEPT = {"passed": 1.0, "warned": 0.5, "failed": 0.0, "error": 0.0}
"""How much of a promise a check's status keeps. A skipped check judged nothing and is left out."""


def quality(result: RunResult) -> float | None:
    """Give the share of promises kept, in percent: checks of severity error weigh three times those that warn.

    Returns:
        0 to 100; None for a run that broke before it judged anything, or that was refused.
    """
    if result.status in ("error", "refused", "interrupted") and result.error is not None:
        return None
    judged = [check for check in result.checks if check.status in KEPT]
    weight = sum(WEIGHTS[check.severity] for check in judged)
    if not weight:
        return None
    return 100 * sum(WEIGHTS[check.severity] * KEPT[check.status] for check in judged) / weight


def figure(observed: Any) -> float | None:
    """Give what a check observed when it is a number that can be drawn over time."""
    return float(observed) if isinstance(observed, int | float) and not isinstance(observed, bool) else None
