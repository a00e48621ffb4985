"""What people read of a result: ages, figures, and what a promise allows."""

from __future__ import annotations

from typing import Any

import pytest

from datasync.results.model import CheckResult
from datasync.results.words import check_line, promise_line, seconds


def check(kind: str, observed: Any = None, **more: Any) -> CheckResult:
    status = more.pop("status", "failed")
    severity = more.pop("severity", "error")
    values = {"evaluated": 1, "failed": 1, "expected": "at most 30d old"} | more
    return CheckResult("c", kind, None, "staged", severity, status, observed=observed, **values)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (4.2, "4.2 s"),
        (59, "59 s"),
        (185, "3 min 05 s"),
        (3600, "1 h 00 min"),
        (86_399, "23 h 59 min"),
        (407_335_876, "4,714 d 12 h"),
    ],
)
def test_durations_have_their_two_largest_units(value: float, said: str) -> None:
    assert seconds(value) == said


@pytest.mark.parametrize(
    ("kind", "observed", "said"),
    [
        ("freshness", 407_335_876, "observed 4,714 d 12 h old"),
        ("freshness", -7200, "observed 2 h 00 min in the future"),
        ("freshness", "no value", "observed no value"),
        ("count.min", 40_745, "observed 40,745"),
        ("expectation", 10.692529600642183, "observed 10.6925"),
        ("expectation", 0.0000012345, "observed 1.2345e-06"),
        ("expectation", 12_345_678.9, "observed 12,345,679"),
        ("columns", {"extra": ["a", "b"]}, "extra: a, b"),
        ("fidelity", True, "observed True"),
    ],
)
def test_what_was_observed_reads_as_what_it_is(kind: str, observed: object, said: str) -> None:
    assert check_line(check(kind, observed)) == said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"threshold": 0.02}, "≤ 99; at most 565 allowed (2.0 %)"),
        ({"threshold": 0.0}, "≤ 99; none allowed"),
        ({"threshold": 0.0, "severity": "warn"}, "≤ 99; none allowed, only warns"),
        ({"threshold": 0.02, "failed": 0, "status": "passed"}, "≤ 99"),
    ],
)
def test_a_promise_says_its_terms(more: dict[str, Any], said: str) -> None:
    assert promise_line(check("max", **{"evaluated": 28_298, "failed": 600, "expected": "≤ 99"} | more)) == said
