"""Figures in, the words people read out: no failure is ever rounded to zero."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from datasync.results.model import CheckResult, CheckStatus, RunResult

ORDER: tuple[CheckStatus, ...] = ("failed", "error", "warned", "passed", "skipped")
BAD = ("failed", "error", "warned")
HELD_FOR = timedelta(hours=24)
"""How long a held run waits for a person, from its start on."""
TABLE = ("columns", "cursor_nulls", "null_share", "distinct", "freshness", "expectation", "fidelity",
         "count.min", "count.max", "count.tolerance", "count.drift")  # fmt: skip
"""Kinds that give one verdict and count no rows."""

SIGNS = {
    "passed": "✓",
    "warned": "!",
    "failed": "✗",
    "held": "✗",
    "error": "✗",
    "refused": "✗",
    "interrupted": "✗",
    "skipped": "·",
}


def number(value: int | None) -> str:
    """Write a count with separators; `?` when nobody could count."""
    return "?" if value is None else f"{value:,}"


def share(part: int, whole: int) -> str:
    """Write a share in percent, with as many digits as it takes not to say 0 % or 100 % of what is neither."""
    if whole == 0:
        return "–"
    percent = 100 * part / whole
    for digits in (1, 2, 3, 4):
        text = f"{percent:.{digits}f}"
        if not (part and float(text) == 0) and not (part != whole and float(text) == 100):
            return f"{text} %"
    return "<0.0001 %" if part * 2 < whole else ">99.9999 %"


def seconds(value: float) -> str:
    """Write a duration by its two largest units: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 05 min`, `4,714 d 12 h`."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 60:
        return f"{value:.0f} s"
    whole = int(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400:,} d {whole % 86400 // 3600} h"


def when(value: datetime) -> str:
    """Write a time in UTC, to the second."""
    return f"{value:%Y-%m-%d %H:%M:%S} UTC"


def sorted_checks(checks: Iterable[CheckResult]) -> list[CheckResult]:
    """Worst first; within a status in the order of the gates."""
    return sorted(checks, key=lambda check: ORDER.index(check.status))


def check_line(check: CheckResult) -> str:
    """Say what a check saw, in one phrase."""
    if check.status == "skipped":
        return check.message or "nothing to judge"
    if check.status == "error":
        return check.message or "could not be evaluated"
    if check.evaluated <= 1 and check.observed is not None:
        text = observed_text(check)
        return text if isinstance(check.observed, Mapping) else f"observed {text}"
    if check.type in TABLE:
        return "not met" if check.failed else "met"
    if check.failed == 0:
        unknown = f", {number(check.unknown)} unknown" if check.unknown else ""
        return f"{number(check.evaluated)} rows{unknown}"
    return f"{number(check.failed)} of {number(check.evaluated)} rows ({share(check.failed, check.evaluated)})"


def observed_text(check: CheckResult) -> str:
    """Write what a table check saw: `missing: id, name; extra: id;name`, an age, a figure; empty for nothing."""
    value = check.observed
    if isinstance(value, Mapping):
        return "; ".join(f"{word}: {', '.join(map(str, found))}" for word, found in value.items())
    if value is None or isinstance(value, bool | str):
        return "" if value is None else str(value)
    if check.type == "freshness":
        return f"{seconds(value)} old" if value >= 0 else f"{seconds(-value)} in the future"
    return number(value) if isinstance(value, int) else _figure(value) if isinstance(value, float) else str(value)


def _figure(value: float) -> str:
    """Write a measured figure with the digits that tell something; what is not zero never reads as zero."""
    return f"{value:,.0f}" if abs(value) >= 1e6 else f"{value:,.6g}"


def limit_line(check: CheckResult) -> str:
    """Say how much was allowed, in rows where rows are counted."""
    if check.type in TABLE or check.status in ("error", "skipped") or check.evaluated <= 1:
        return ""
    if check.threshold is None:
        return f"allowed {check.tolerance}" if check.tolerance else ""
    # Floats of exact shares: a whole number of rows must not become one less.
    rows = math.floor(check.threshold * check.evaluated + 1e-6)
    if not rows:
        return "none allowed"
    return f"at most {number(rows)} allowed ({share(rows, check.evaluated)})"


def terms(check: CheckResult) -> str:
    """Say what breaking a promise costs, beside it: how much was allowed where it is broken, and that it only warns."""
    limit = limit_line(check) if check.failed else ""
    return ", ".join(part for part in (limit, "only warns" if check.severity == "warn" else "") if part)


def promise_line(check: CheckResult) -> str:
    """Say what was promised, and on which terms."""
    said = terms(check)
    return f"{check.expected}; {said}" if said else check.expected


def counts_line(result: RunResult) -> str:
    """Say where the rows are."""
    rows = result.rows
    parts = [f"{number(rows.extracted)} extracted"]
    for name in ("added", "dropped", "quarantined"):
        value = getattr(rows, name)
        if value:
            parts.append(f"{number(value)} {name}")
    parts.append(f"{number(rows.accepted)} accepted")
    if result.kind != "check":
        parts.append(f"{number(rows.published)} published")
    return " · ".join(parts)


def status_counts(result: RunResult) -> str:
    """Say how many checks ended how, worst first."""
    found = {status: sum(1 for check in result.checks if check.status == status) for status in ORDER}
    return " · ".join(f"{count} {status}" for status, count in found.items() if count)


def outcome_line(result: RunResult) -> str:
    """Say what the run means for the target."""
    if result.kind == "check":
        return "judged only: nothing was published"
    if result.status == "held":
        return f"held: datasync runs release {result.run_id} --reason …, or reject it within 24 h"
    if any(stage.name == "publish" and stage.status in ("failed", "error") for stage in result.stages) and result.rows.published:
        return f"sent in part to {result.target}: {number(result.rows.published)} rows stay there, the watermark is unchanged"
    if result.rows.published or (result.ok and result.error is None):
        mark = f", watermark {result.watermark}" if result.watermark else ""
        return f"published to {result.target}{mark}"
    return "target and watermark are unchanged"


def rows_of(value: int) -> str:
    """Say `1 row was` or `151 rows were`."""
    return "1 row was" if value == 1 else f"{number(value)} rows were"


def verdict(result: RunResult, published_at: datetime | None = None) -> str:
    """Say in one sentence what happened and what it means for the target.

    Args:
        result: the run.
        published_at: when the target was last written, for a run that left it alone.
    """
    counts = {status: sum(check.status == status for check in result.checks) for status in ORDER}
    judged = sum(counts.values()) - counts["skipped"]
    aside = f" {rows_of(result.rows.quarantined)} set aside." if result.rows.quarantined else ""
    kept = f"The target is unchanged{f' since {when(published_at)}' if published_at else ''}."
    if result.kind == "check":
        kept = "A check publishes nothing."
    elif result.rows.published or result.ok:
        kept = f"{rows_of(result.rows.published)} published."
    if result.error is not None:
        return f"{_STATUS[result.status]} at {result.error.stage or 'the start'}: {result.error.message}.{aside} {kept}"
    if result.status in ("failed", "held"):
        stage = next((stage.name for stage in result.stages if stage.status == "failed"), "")
        place = f" at {stage.replace('_', ' ')}" if stage else ""
        many = "More rows were set aside than is allowed."
        if counts["failed"]:
            many = f"{counts['failed']} of {judged} checks failed."
        return f"{_STATUS[result.status]}{place}: {many}{aside} {kept}"
    some = "1 check" if judged == 1 else f"{judged} checks"
    said = f", {counts['warned']} with warnings" if counts["warned"] else ""
    said += f", {counts['error']} could not be evaluated" if counts["error"] else ""
    return f"{_STATUS[result.status]}: {some} judged{said}.{aside} {kept}"


_STATUS = {
    "passed": "Passed", "warned": "Passed with warnings", "failed": "Blocked", "held": "Held", "error": "Broken",
    "refused": "Refused", "interrupted": "Interrupted",
}  # fmt: skip


def alerts_line(result: RunResult) -> str:
    """Say what became of a run's messages: `slack sent · email pending: datasync alerts pending`."""
    found = " · ".join(
        f"{channel} {state}" for channel, state in dict.fromkeys((one.channel, one.state) for one in result.alerts)
    )
    waits = any(one.state in ("pending", "failed", "dead") for one in result.alerts)
    return f"{found}: datasync alerts pending" if waits else found
