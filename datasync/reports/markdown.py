"""A result in, Markdown out, for pull requests and wikis."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from datasync.results.model import CheckResult, RunResult
from datasync.results.words import (
    BAD,
    SIGNS,
    check_line,
    counts_line,
    number,
    outcome_line,
    promise_line,
    seconds,
    sorted_checks,
    status_counts,
    when,
)


def escape(text: str) -> str:
    """Let text stand in a table cell as itself."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", text.replace("\n", " "))


def markdown(result: RunResult) -> str:
    """Write a run as a page: what happened, then what is wrong, worst first; what is not is folded."""
    lines = [
        f"# {SIGNS[result.status]} {escape(result.contract)}: {result.status}",
        "",
        f"Version {escape(result.version)}, run `{result.run_id}`, {when(result.started_at)}, {seconds(result.seconds)}.",
        f"Rows: {counts_line(result)}. Checks: {status_counts(result)}.",
        f"{escape(outcome_line(result)).capitalize()}.",
        "",
    ]
    if result.error is not None:
        lines += [f"**{result.error.code}** {escape(result.error.message)} {escape(result.error.hint)}", ""]
    lines += [f"> {escape(note)}\n" for note in result.notes]
    checks = sorted_checks(result.checks)
    bad = [check for check in checks if check.status in BAD]
    rest = [check for check in checks if check.status not in BAD]
    if bad:
        lines += [*_table(bad), ""]
    if rest:
        word = "1 check" if len(rest) == 1 else f"{number(len(rest))} checks"
        # The empty lines around the table make GitHub and GitLab read it as Markdown.
        lines += [f"<details><summary>{word} without a finding</summary>", "", *_table(rest), "", "</details>"]
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(checks: Sequence[CheckResult]) -> Iterator[str]:
    yield "| | check | gate | seen | promised |"
    yield "|---|---|---|---|---|"
    for check in checks:
        cells = (SIGNS[check.status], escape(check.name), check.gate, escape(check_line(check)), escape(promise_line(check)))
        yield "| " + " | ".join(cells) + " |"
