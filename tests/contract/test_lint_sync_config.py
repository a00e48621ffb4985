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


WRONG = [
    ("extracted_records > 1000", "extractd_records > 1000", "monitoring.alerts[0].condition", "did you mean 'extracted_records'?"),
    ("extracted_records > 1000", "extracted_records >", "monitoring.alerts[0].condition", ""),
    ("{response_time}초", "{respons_time}초", "monitoring.alerts[1].message", "did you mean 'response_time'?"),
    ("{response_time}초", "{response_time:.1f}초", "monitoring.alerts[1].message", ""),
    ("Asia/Seoul", "Asia/Soul", "transform.processors[0].timezone", "did you mean 'Asia/Seoul'?"),
    ("      timezone: Asia/Seoul\n", "", "transform.processors[0]", ""),
    ("tolerance: 0.05", "tolerance: 5", "quality_gates.validation_rules[0].tolerance", "5 % is written 5%"),
    ("tolerance: 0.05", "tolerance: -0.05", "quality_gates.validation_rules[0].tolerance", ""),
    ("tolerance: 0.05", "max_age_hours: 1", "quality_gates.validation_rules[0].max_age_hours", "it would do nothing"),
    ("      max_age_hours: 24\n", "", "quality_gates.validation_rules[1]", ""),
    ("          min: 0", "          min: 10\n          max: 9", "transform.processors[2].rules[0].min", ""),
    ("          min: 0", '          min: "0"', "transform.processors[2].rules[0].min", "write it without quotes"),
    ("          type: string\n", '          pattern: "[a"\n', "transform.processors[2].rules[1].pattern", "write \\[ for the character"),
    ('      store_code: "{{ var.value.store_code }}"\n', "", "transform.processors[1]",
     'store_code: "{{ var.value.store_code }}" takes the variable of that name'),
    ("type: timestamp_converter", "type: timestamp_convertr", "transform.processors[0].type", "did you mean 'timestamp_converter'?"),
    ("payload_template:", "payload_tmplate:", "target.payload_tmplate", "did you mean 'payload_template'?"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "where", "hint"), WRONG)
def test_what_only_its_meaning_shows(right: str, wrong: str, where: str, hint: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert right in text
    changed = text.replace(right, wrong, 1)
    _, problems = examine_text(changed.encode(), EXAMPLE)
    (problem,) = [problem for problem in problems if problem.severity == "error"]
    assert (problem.where, problem.hint) == (where, hint)
    line = text[: text.index(right)].count("\n") + 1
    assert abs(problem.line - line) <= 3


def test_all_of_it_at_once() -> None:
    """A wrong share hides no wrong condition."""
    text = (
        EXAMPLE.read_text(encoding="utf-8").replace("tolerance: 0.05", "tolerance: 5").replace("error_occurred", "error_ocurred")
    )
    _, problems = examine_text(text.encode(), EXAMPLE)
    assert [problem.where for problem in problems if problem.severity == "error"] == [
        "monitoring.alerts[2].condition",
        "quality_gates.validation_rules[0].tolerance",
    ]


def test_the_example_has_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_VAR_STORE_CODE", raising=False)
    monkeypatch.setenv("AIRFLOW_VAR_COMPANY_CODE", "C01")
    _, problems = examine_text(EXAMPLE.read_bytes(), EXAMPLE)
    assert [problem.severity for problem in problems] == ["advice", "advice"]
    assert problems[1].where == "transform.processors[1].store_code"
    assert "--param store_code=…" in problems[1].hint
