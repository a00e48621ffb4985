"""Tallies and limits in, statuses out: the whole arithmetic of pass, warn and fail, pure and exact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import IntEnum
from fractions import Fraction

from datasync.contract.checks import Check
from datasync.contract.scalars import Limit
from datasync.results.model import CheckResult, CheckStatus, CheckTally, RunResult, RunStatus


class ExitCode(IntEnum):
    """What the process says to the shell."""

    PASSED = 0
    VIOLATED = 1
    WRONG = 2
    BROKEN = 3
    REFUSED = 4
    INTERRUPTED = 130


_EXIT = {
    "passed": ExitCode.PASSED,
    "warned": ExitCode.PASSED,
    "failed": ExitCode.VIOLATED,
    "held": ExitCode.VIOLATED,
    "error": ExitCode.BROKEN,
    "refused": ExitCode.REFUSED,
    "interrupted": ExitCode.INTERRUPTED,
}
_WORST_FIRST = (ExitCode.INTERRUPTED, ExitCode.BROKEN, ExitCode.VIOLATED, ExitCode.REFUSED, ExitCode.PASSED)


def check_status(check: Check, tally: CheckTally, allow: Fraction | None) -> CheckStatus:
    """Judge one check.

    Args:
        check: what was promised.
        tally: what was seen in the whole run.
        allow: the run's `quarantine.allow`, which limits row and key checks without a tolerance of their own.
    """
    if tally.error:
        return "error"
    if tally.evaluated == 0:
        return "skipped"
    if tally.failed == 0 or (check.tolerance is not None and check.tolerance.allows(tally.failed, tally.evaluated)):
        return "passed"
    if check.severity == "warn":
        return "warned"
    # A table check sets no row aside, so the budget for rows set aside says nothing about it.
    budget = allow if check.tolerance is None and check.family != "table" else None
    if budget is not None and Limit(share=budget).allows(tally.failed, tally.evaluated):
        return "warned"
    return "failed"


def check_result(check: Check, tally: CheckTally, allow: Fraction | None) -> CheckResult:
    """Judge one check and say everything about it."""
    return CheckResult(
        name=check.name,
        type=check.kind,
        column=check.column,
        gate=check.gate,
        severity=check.severity,
        status=check_status(check, tally, allow),
        evaluated=tally.evaluated,
        failed=tally.failed,
        unknown=tally.unknown,
        observed=tally.observed,
        expected=check.expected,
        samples=tally.samples,
        tolerance=str(check.tolerance) if check.tolerance is not None else None,
        description=check.description,
        message=tally.error,
        previous_name=check.previous_name,
        threshold=_threshold(check, tally, allow),
    )


_BOUNDS = {"freshness": "max_age", "count.min": "min", "count.max": "max"}


def _threshold(check: Check, tally: CheckTally, allow: Fraction | None) -> float | None:
    """Say where the verdict turns, as a number to be drawn."""
    if check.family == "table":
        bound = check.arguments.get(_BOUNDS.get(check.kind, ""))
        if check.kind == "distinct":
            low, high = check.arguments["min"], check.arguments["max"]
            bound = low if high is None else high if low is None else None
        return float(bound / timedelta(seconds=1) if isinstance(bound, timedelta) else bound) if bound is not None else None
    limit = check.tolerance or Limit(share=allow if allow is not None and check.severity == "error" else Fraction(0))
    if limit.share is not None:
        return float(limit.share)
    return (limit.count or 0) / tally.evaluated if tally.evaluated else None


def over_budget(allow: Fraction | None, quarantined: int, judged: int) -> bool:
    """Tell whether more distinct rows were set aside than `quarantine.allow` permits; `judged` is extracted + added."""
    return allow is not None and not Limit(share=allow).allows(quarantined, judged)


def run_status(checks: Iterable[CheckResult], *, over: bool, hold: bool) -> RunStatus:
    """Judge a run that went through all its stages.

    Args:
        checks: every check of the run.
        over: `quarantine.allow` is exceeded.
        hold: the contract says `on_violation: hold`.
    """
    seen = {(check.status, check.severity) for check in checks}
    statuses = {status for status, _ in seen}
    if over or "failed" in statuses:
        # Release publishes what was audited, never what could not be evaluated.
        return "held" if hold and ("error", "error") not in seen else "failed"
    if ("error", "error") in seen:
        return "error"
    return "warned" if "warned" in statuses or ("error", "warn") in seen else "passed"


def stage_status(checks: Iterable[CheckResult]) -> CheckStatus:
    """Judge a gate or the audit by its checks."""
    seen = {check.status for check in checks}
    for status in ("failed", "error", "warned"):
        if status in seen:
            return status
    return "passed"


def exit_code(result: RunResult, fail_on_warn: bool = False) -> ExitCode:
    """Turn one result into the process's exit code. An unusable contract or call never gets this far (2)."""
    if fail_on_warn and result.status == "warned":
        return ExitCode.VIOLATED
    if result.error is not None and result.error.code == "E_TARGET_MISMATCH":
        return ExitCode.WRONG
    return _EXIT[result.status]


def worst(codes: Sequence[ExitCode]) -> ExitCode:
    """Join the codes of several contracts: 130 > 3 > 1 > 4 > 0."""
    if ExitCode.WRONG in codes:
        return ExitCode.WRONG
    return next((code for code in _WORST_FIRST if code in codes), ExitCode.PASSED)
