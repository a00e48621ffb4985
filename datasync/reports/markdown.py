"""A result in, Markdown out, for pull requests and wikis."""

from __future__ import annotations

import re

from datasync.results.model import RunResult
from datasync.results.words import SIGNS, check_line, counts_line, outcome_line, seconds, sorted_checks, status_counts, when


def escape(text: str) -> str:
    """Let text stand in a table cell as itself."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", text.replace("\n", " "))


def markdown(result: RunResult) -> str:
    """Write a run as a page: what happened, then every check, worst first."""
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
    lines += ["| | check | gate | seen | promised |", "|---|---|---|---|---|"]
    for check in sorted_checks(result.checks):
        cells = (SIGNS[check.status], escape(check.name), check.gate, escape(check_line(check)), escape(check.expected))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
