"""A run's result in, the figures that an alert's condition and message may name out."""

from __future__ import annotations

from typing import Any

from datasync.results.model import RunResult

BROKEN = ("failed", "held", "error")

Metrics = dict[str, Any]


def metrics_of(result: RunResult, before: str | None) -> Metrics:
    """Give every metric of `contract.alerting.METRICS` its value.

    Args:
        result: the run.
        before: status of the same sync's run before it; None: there was none.

    Returns:
        Name to value; None where the run has none: a condition over it sends nothing. Times are seconds; `violation_rate` is a
        share from 0 to 1.
    """
    rows = result.rows
    judged = rows.extracted + rows.added
    counted = rows.source_count
    answers = [stage.detail["response_time"] for stage in result.stages if "response_time" in stage.detail]
    return {
        "extracted_records": rows.extracted,
        "accepted_records": rows.accepted,
        "quarantined_records": rows.quarantined,
        "dropped_records": rows.dropped,
        "added_records": rows.added,
        "staged_records": rows.staged,
        "published_records": rows.published,
        "violation_rate": rows.quarantined / judged if judged else None,
        "response_time": float(max(answers)) if answers else None,
        "execution_time": float(result.seconds),
        "freshness_age": _freshness(result),
        "source_count": counted,
        "landed_count": rows.published,
        "count_difference": None if counted is None else counted - (rows.staged + rows.quarantined + rows.dropped - rows.added),
        "failed_checks": sum(check.status in ("failed", "error") for check in result.checks),
        "warned_checks": sum(check.status == "warned" for check in result.checks),
        "error_occurred": result.status == "error",
        "error_message": _error(result),
        "violated": result.status in ("failed", "held"),
        "recovered": result.ok and before in BROKEN,
        "held": result.status == "held",
        "warned": result.status == "warned",
        "passed": result.status == "passed",
        "status": result.status,
        "contract": result.contract,
        "run_id": result.run_id,
    }


def _freshness(result: RunResult) -> float | None:
    ages = [check.observed for check in result.checks if check.type == "freshness"]
    return float(ages[0]) if ages and isinstance(ages[0], int | float) else None


def _error(result: RunResult) -> str | None:
    if result.error is not None:
        return result.error.message
    unjudged = [check for check in result.checks if check.status == "error"]
    return f"{unjudged[0].name} could not be evaluated" if unjudged else None
