"""The arithmetic of pass, warn and fail, at its edges."""

from __future__ import annotations

from fractions import Fraction

import pytest

from datasync.contract.checks import Check
from datasync.contract.scalars import Limit
from datasync.results.codec import from_json, to_json
from datasync.results.model import CheckResult, CheckTally, ErrorResult, GateTally, RowCounts, RunResult, StageResult
from datasync.results.verdict import ExitCode, check_status, exit_code, over_budget, run_status, worst
from tests.meaning import NOW

COUNT = Limit(count=2)
SHARE = Limit(share=Fraction(29, 100))


@pytest.mark.parametrize(
    ("severity", "tolerance", "allow", "tally", "status"),
    [
        ("error", None, None, CheckTally(10, 0), "passed"),
        ("error", None, None, CheckTally(0, 0), "skipped"),
        ("error", None, None, CheckTally(10, 1), "failed"),
        ("error", None, Fraction(1, 10), CheckTally(10, 1), "warned"),
        ("error", None, Fraction(1, 10), CheckTally(10, 2), "failed"),
        ("error", COUNT, None, CheckTally(10, 2), "passed"),
        ("error", COUNT, None, CheckTally(10, 3), "failed"),
        ("error", COUNT, Fraction(1), CheckTally(10, 3), "failed"),
        ("error", SHARE, None, CheckTally(100, 29), "passed"),
        ("error", SHARE, None, CheckTally(100, 30), "failed"),
        ("error", Limit(share=Fraction(1, 3)), None, CheckTally(3, 1), "passed"),
        ("warn", None, None, CheckTally(10, 1), "warned"),
        ("warn", COUNT, None, CheckTally(10, 2), "passed"),
        ("warn", None, None, CheckTally(10, 10), "warned"),
        ("error", None, Fraction(1), CheckTally(10, 0, error="broke"), "error"),
    ],
)
def test_check_status(severity: str, tolerance: Limit | None, allow: Fraction | None, tally: CheckTally, status: str) -> None:
    check = Check("c", "min", "row", "prepared", ("c",), severity, tolerance)  # type: ignore[arg-type]
    assert check_status(check, tally, allow) == status


def test_a_budget_says_nothing_of_table_checks() -> None:
    check = Check("freshness", "freshness", "table", "staged")
    assert check_status(check, CheckTally(1, 1), Fraction(1)) == "failed"


@pytest.mark.parametrize(
    ("found", "over", "hold", "status"),
    [
        ([("passed", "error")], False, False, "passed"),
        ([], True, False, "failed"),
        ([("failed", "error")], False, True, "held"),
        ([("failed", "error"), ("error", "error")], False, True, "failed"),
        ([("error", "error")], False, False, "error"),
        ([("error", "warn")], False, False, "warned"),
        ([("warned", "error"), ("skipped", "error")], False, False, "warned"),
    ],
)
def test_run_status(found: list[tuple[str, str]], over: bool, hold: bool, status: str) -> None:
    checks = [CheckResult(str(n), "min", None, "staged", severity, state) for n, (state, severity) in enumerate(found)]  # type: ignore[arg-type]
    assert run_status(checks, over=over, hold=hold) == status


def test_budgets_are_inclusive_and_exact() -> None:
    assert not over_budget(Fraction(1, 10), 10, 100)
    assert over_budget(Fraction(1, 10), 11, 100)
    assert not over_budget(None, 100, 100)


def test_exit_codes_of_several_contracts() -> None:
    assert worst([ExitCode.PASSED, ExitCode.REFUSED]) == 4
    assert worst([ExitCode.REFUSED, ExitCode.VIOLATED]) == 1
    assert worst([ExitCode.VIOLATED, ExitCode.BROKEN]) == 3
    assert worst([ExitCode.BROKEN, ExitCode.INTERRUPTED]) == 130
    assert worst([]) == 0


def test_tallies_are_a_monoid() -> None:
    a, b, c = (GateTally(n, 1, {"x": CheckTally(n, 1, samples=("s",))}) for n in (1, 2, 3))
    assert (a + b) + c == a + (b + c)
    assert a + GateTally() == a


def test_results_survive_json() -> None:
    result = RunResult(
        "c", "1", "r", "error", NOW, 1.5, rows=RowCounts(3, 0, 2, 1), stages=(StageResult("extract", "passed", detail={"a": 1}),),
        checks=(CheckResult("a.min", "min", "a", "prepared", "warn", "warned", samples=("9",)),), error=ErrorResult("E", "stage", "m"),
    )  # fmt: skip
    assert from_json(to_json(result)) == result
    assert exit_code(result) == 3
