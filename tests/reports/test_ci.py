"""What continuous integration reads: annotations, JUnit, Markdown."""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import fromstring

from datasync.errors import Problem
from datasync.reports.github import SHOWN, annotated, annotated_problems
from datasync.reports.junit import junit
from datasync.reports.markdown import markdown
from datasync.results.model import CheckResult, ErrorResult
from tests.reports.filled import START, Given, run

FAILED = run(Given(checks=1), 10, START)
PASSED = run(Given(checks=1), 0, START)
BROKEN = run(Given(checks=1), 28, START)


def test_an_annotation_stands_on_the_line_of_the_promise() -> None:
    said = annotated(FAILED, "contracts/shop.yaml", {"price.min": 8})
    assert said == (
        "::error file=contracts/shop.yaml,line=8,title=price.min failed::910 of 24,000 rows (3.8 %25); promised: ≥ 0 ; at most 240 allowed (1.0 %25). e.g. -99\n"
    )


def test_a_good_run_is_a_notice_and_a_broken_one_says_why() -> None:
    assert annotated(PASSED, "c.yaml").startswith("::notice file=c.yaml,title=shop%3A passed::Passed: 3 checks judged.")
    assert annotated(BROKEN).startswith("::error title=shop%3A error::E_SOURCE the source is gone")
    over = replace(PASSED, status="failed", notes=("too much",))
    assert annotated(over).startswith("::error title=shop%3A failed::Blocked")


def test_nothing_can_end_an_annotation_or_begin_another() -> None:
    hostile = "a,b:c\n::error::x\r%0A"
    check = CheckResult(hostile, "min", None, "prepared", "error", "failed", 2, 1, expected=hostile, samples=(hostile,))
    said = annotated(replace(FAILED, checks=(check,)), hostile)
    assert said.count("\n") == 1
    assert said.startswith("::error file=a%2Cb%3Ac%0A%3A%3Aerror%3A%3Ax%0D%250A,title=")


def test_more_than_github_shows_is_summed_up() -> None:
    checks = tuple(replace(FAILED.checks[0], name=f"c{number}") for number in range(25))
    lines = annotated(replace(FAILED, checks=checks)).splitlines()
    assert len(lines) == SHOWN
    assert "and 16 more" in lines[-1]


def test_problems_of_lint_are_annotated() -> None:
    problems = [
        Problem("columns.a", "no type", "a type", "see docs", file="c.yaml", line=3, column=5),
        Problem("", "old", severity="advice"),
    ]
    assert annotated_problems(problems) == (
        "::error file=c.yaml,line=3,col=5,title=columns.a::no type. allowed: a type. see docs\n::warning::old\n"
    )


def test_several_runs_are_one_junit_document() -> None:
    one = fromstring(junit(FAILED))
    assert (one.tag, one.get("tests"), one.get("failures")) == ("testsuite", "3", "1")
    many = fromstring(junit(FAILED, PASSED, replace(PASSED, error=ErrorResult("E_X", "", "gone"))))
    assert (many.tag, many.get("tests"), many.get("failures"), many.get("errors")) == ("testsuites", "10", "1", "1")
    assert [suite.tag for suite in many] == ["testsuite"] * 3


def test_markdown_folds_what_is_in_order() -> None:
    said = markdown(FAILED)
    before, _, folded = said.partition("<details>")
    assert "price.min" in before
    assert "at most 240 allowed" in before
    assert all(check.name.replace("_", "\\_") in folded for check in FAILED.checks if check.status == "passed")
    assert "price.min" not in folded
