"""A run's result in, what the task that made it does out: passes, fails for good, or fails to be tried again."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from datasync.results.model import RunResult

log = logging.getLogger("datasync")


class ContractViolated(AirflowFailException):
    """The data broke its contract: trying again would read the same data, so the task fails at once."""


class RunRefused(AirflowFailException):
    """The run was not begun or not gone on with: another one owns the sync, or its state is not what it should be."""


class SystemFailed(AirflowException):
    """A source, a target or history failed: Airflow tries again, with backoff."""


def tell(result: RunResult) -> None:
    """Write the result into the task's log, as the command line shows it."""
    import io

    from rich.console import Console

    from datasync.reports.terminal import show

    text = io.StringIO()
    show(result, Console(file=text, width=130, color_system=None, emoji=False), False)
    for line in text.getvalue().splitlines():
        log.info("%s", line)


def tell_stage(result: RunResult, name: str) -> None:
    """Write what one stage of a run did that goes on in the next task."""
    from datasync.results.words import SIGNS, check_line, number, seconds

    for stage in result.stages:
        if stage.name == name:
            rows = f"{number(stage.rows_in)} rows in, {number(stage.rows_out)} out"
            log.info("%s %s %s: %s, %s", SIGNS[stage.status], name, stage.status, rows, seconds(stage.seconds))
    for check in result.checks:
        if check.status in ("failed", "error", "warned"):
            log.warning("%s %s: %s (%s)", SIGNS[check.status], check.name, check_line(check), check.expected)


def conclude(result: RunResult) -> None:
    """Return for a run that may go on, raise for one that may not.

    Raises:
        ContractViolated: failed.
        RunRefused: refused.
        SystemFailed: error or interrupted.
    """
    if result.ok or result.status == "held":
        return
    if result.status == "failed":
        raise ContractViolated(violation(result))
    error = result.error
    words = f"{result.contract}: {error.message if error else result.status}"
    if error is not None and error.hint:
        words += f" ({error.hint})"
    raise RunRefused(words) if result.status == "refused" else SystemFailed(words)


def violation(result: RunResult) -> str:
    """Say which promises were broken, in one line."""
    from datasync.results.words import check_line

    broken = [check for check in result.checks if check.status == "failed"]
    words = "; ".join(f"{check.name}: {check_line(check)}" for check in broken[:5])
    more = f"; and {len(broken) - 5} more" if len(broken) > 5 else ""
    notes = "" if broken else "; ".join(result.notes)
    return f"{result.contract} broke its contract: {words}{more}{notes}. Target and watermark are unchanged."


def measures(result: RunResult) -> dict[str, Any]:
    """Give what goes with an asset event and through XCom: ids and counts, never a row's value."""
    return {
        "run_id": result.run_id,
        "contract": result.contract,
        "version": result.version,
        "verdict": result.status,
        "rows": result.rows.published,
        "quarantined": result.rows.quarantined,
        "watermark": result.watermark,
    }


def emit_metrics(result: RunResult) -> None:
    """Count rows, failures and seconds in Airflow's own metrics (StatsD or OpenTelemetry, as Airflow is set up)."""
    from airflow.sdk.observability import stats

    name = f"datasync.{result.contract}"
    for part in ("extracted", "accepted", "quarantined", "published"):
        stats.gauge(f"{name}.rows.{part}", getattr(result.rows, part))
    for stage in result.stages:
        if stage.status != "skipped":
            stats.timing(f"{name}.{stage.name}.seconds", stage.seconds * 1000)
    stats.incr(f"{name}.runs.{result.status}")
    stats.gauge(f"{name}.checks.failed", sum(check.status in ("failed", "error") for check in result.checks))
