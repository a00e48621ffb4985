"""What lint tells of an earlier configuration without asking its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasync.contract.loader import examine_text

EXAMPLE = Path(__file__).parents[2] / "config" / "example_config.yaml"


@pytest.mark.parametrize(
    ("right", "wrong", "where", "found"),
    [
        ("'{end_time}'", "'{end_tme}'", "source.query", "end_tme"),
        ("{{ next_ds }}", "{{ nxt_ds }}", "source.query", "nxt_ds"),
        ("{{ run_id }}", "{{ runid }}", "target.payload_template", "runid"),
    ],
)
def test_placeholders_and_variables_without_a_counterpart(right: str, wrong: str, where: str, found: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert right in text
    _, problems = examine_text(text.replace(right, wrong).encode(), EXAMPLE)
    errors = [problem for problem in problems if problem.severity == "error"]
    assert [(problem.where, found in problem.found) for problem in errors] == [(where, True)]


def test_the_example_has_no_problem() -> None:
    _, problems = examine_text(EXAMPLE.read_bytes(), EXAMPLE)
    assert [problem.severity for problem in problems] == ["advice"]
