"""A result in, workflow commands of GitHub Actions out: annotations on the very lines of the contract that are broken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from datasync.errors import Problem
from datasync.results.model import CheckResult, RunResult
from datasync.results.words import check_line, promise_line, sorted_checks, verdict

LEVELS = {"failed": "error", "error": "error", "warned": "warning"}
SHOWN = 10
"""GitHub shows ten of each level per step: of more, the last sums up the rest."""


def annotated(result: RunResult, file: str = "", places: Mapping[str, int] | None = None) -> str:
    """Write a run as annotations, worst first; a run without a finding gives one notice.

    Args:
        result: the run.
        file: its contract, as the repository names it; empty leaves annotations without a place.
        places: check name to line of the contract.
    """
    known = places or {}
    lines = []
    if result.error is not None:
        said = f"{result.error.code} {result.error.message}. {result.error.hint}".strip()
        lines.append(_command("error", said, {"file": file, "title": f"{result.contract}: {result.status}"}))
    for level in ("error", "warning"):
        found = [check for check in sorted_checks(result.checks) if LEVELS.get(check.status) == level]
        for number, check in enumerate(found):
            if number == SHOWN - 1 and len(found) > SHOWN:
                more = f"and {len(found) - number} more: datasync report {result.run_id}"
                lines.append(_command(level, more, {"file": file, "title": result.contract}))
                break
            lines.append(_check(level, check, file, known.get(check.name)))
    if not lines:
        level = "notice" if result.ok else "error"
        lines.append(_command(level, verdict(result), {"file": file, "title": f"{result.contract}: {result.status}"}))
    return "\n".join(lines) + "\n"


def _check(level: str, check: CheckResult, file: str, line: int | None) -> str:
    samples = f" e.g. {', '.join(check.samples[:3])}" if check.samples and check.failed else ""
    said = f"{check_line(check)}; promised: {promise_line(check)}.{samples}"
    return _command(level, said, {"file": file, "line": line if file else None, "title": f"{check.name} {check.status}"})


def annotated_problems(problems: Iterable[Problem]) -> str:
    """Write what lint found as annotations."""
    lines = []
    for problem in problems:
        words = [problem.found, f"allowed: {problem.allowed}" if problem.allowed else "", problem.hint]
        place = {"file": problem.file, "line": problem.line or None, "col": problem.column or None, "title": problem.where}
        lines.append(_command("warning" if problem.severity == "advice" else "error", ". ".join(filter(None, words)), place))
    return "".join(line + "\n" for line in lines)


def _command(level: str, said: str, place: Mapping[str, object]) -> str:
    """Write one command; what would end it, or its properties, is escaped as GitHub says."""
    known = ",".join(f"{name}={_property(str(value))}" for name, value in place.items() if value not in ("", None))
    return f"::{level}{' ' if known else ''}{known}::{_data(said)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
