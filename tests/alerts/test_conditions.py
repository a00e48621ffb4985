"""Conditions and messages over a run's metrics: three-valued, and never code (F72)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from datasync.alerts.conditions import LONGEST, fill, holds
from datasync.alerts.metrics import metrics_of
from datasync.contract.alerting import MEANINGS, METRICS
from datasync.contract.expressions import ExpressionError
from datasync.results.model import CheckResult, ErrorResult, RowCounts, RunResult, StageResult

RUN = RunResult(
    "orders", "1.0.0", "run-1", "failed", datetime(2026, 3, 2, tzinfo=UTC), seconds=12.5,
    rows=RowCounts(extracted=200, added=0, accepted=190, quarantined=10, staged=190, source_count=205),
    checks=(CheckResult("a", "min", "a", "prepared", "error", "failed"), CheckResult("f", "freshness", "t", "staged", "error", "passed", observed=90)),
)  # fmt: skip


def test_every_metric_has_a_value_and_every_value_a_name() -> None:
    assert set(metrics_of(RUN, None)) == set(METRICS) == set(MEANINGS)


@pytest.mark.parametrize(
    ("condition", "true"),
    [
        ("violated", True),
        ("extracted_records > 100 AND quarantined_records >= 10", True),
        ("violation_rate > 0.05", False),
        ("violation_rate >= 0.05", True),
        ("execution_time BETWEEN 12 AND 13", True),
        ("freshness_age = 90", True),
        ("count_difference = 5", True),
        ("failed_checks = 1 AND status IN ('failed', 'held')", True),
        ("response_time > 10", False),
        ("NOT response_time > 10", False),
        ("response_time IS NULL", True),
        ("error_occurred OR recovered", False),
        ("contract = 'orders'", True),
        ("true", True),
        ("false", False),
    ],
)
def test_conditions(condition: str, true: bool) -> None:
    assert holds(condition, metrics_of(RUN, None)) is true


@pytest.mark.parametrize(
    "condition", ["nothing > 1", "extracted_records", "__import__('os')", "(SELECT 1) = 1", "1 = 1; DROP TABLE x"]
)
def test_what_lint_refuses_is_refused(condition: str) -> None:
    with pytest.raises(ExpressionError):
        holds(condition, metrics_of(RUN, None))


@pytest.mark.parametrize(
    ("before", "status", "recovered"), [("failed", "passed", True), ("held", "warned", True), ("error", "passed", True),
                                        ("passed", "passed", False), (None, "passed", False), ("failed", "failed", False)],
)  # fmt: skip
def test_recovered(before: str | None, status: str, recovered: bool) -> None:
    assert metrics_of(replace(RUN, status=status), before)["recovered"] is recovered  # type: ignore[arg-type]


def test_response_time_is_the_slowest_answer_of_an_api() -> None:
    stages = (
        StageResult("extract", "passed", detail={"response_time": 0.2}),
        StageResult("publish", "passed", detail={"response_time": 12}),
    )
    assert metrics_of(replace(RUN, stages=stages), None)["response_time"] == 12


def test_no_rows_have_no_rate() -> None:
    assert metrics_of(replace(RUN, rows=RowCounts()), None)["violation_rate"] is None


def test_an_unjudged_check_is_the_error_message() -> None:
    checks = (CheckResult("sku.pattern", "pattern", "sku", "prepared", "error", "error"),)
    assert metrics_of(replace(RUN, checks=checks), None)["error_message"] == "sku.pattern could not be evaluated"
    broken = replace(RUN, error=ErrorResult("E_X", "extract", "no answer"))
    assert metrics_of(broken, None)["error_message"] == "no answer"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{extracted_records:,} rows in {execution_time}s", "200 rows in 12.5s"),
        ("{response_time} {violated} {recovered}", "unknown yes no"),
        ("{nothing} {{extracted_records}} {extracted_records.__class__}", "{nothing} {200} {extracted_records.__class__}"),
        ("{{7*7}} %s ${HOME} {0} {}", "{{7*7}} %s ${HOME} {0} {}"),
        ("{extracted_records!r} {extracted_records:>9999999}", "{extracted_records!r} {extracted_records:>9999999}"),
    ],
)
def test_messages_are_filled_and_never_evaluated(template: str, text: str) -> None:
    assert fill(template, metrics_of(RUN, None)) == text


def test_a_message_is_bounded() -> None:
    assert len(fill("x" * 100_000, metrics_of(RUN, None))) == LONGEST
