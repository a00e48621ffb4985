"""A run's facts and its result in, records of the log out."""

from __future__ import annotations

import logging

from datasync.history.rows import RunFacts
from datasync.journal import note
from datasync.results.model import RunResult

_LEVELS = {"failed": logging.ERROR, "error": logging.ERROR, "warned": logging.WARNING}


def run_began(facts: RunFacts) -> None:
    """Write down that a run goes on from here."""
    note(
        "run began", contract=facts.contract, version=facts.version, kind=facts.kind, window_start=facts.window_start,
        window_end=facts.window_end, origin=facts.origin,
    )  # fmt: skip


def run_ended(result: RunResult) -> None:
    """Write down what a run found, check by check where something is wrong, and how it ended."""
    for check in result.checks:
        if check.status in _LEVELS:
            note(
                "check", _LEVELS[check.status], run_id=result.run_id, contract=result.contract, check=check.name, gate=check.gate,
                status=check.status, severity=check.severity, failed=check.failed, evaluated=check.evaluated,
            )  # fmt: skip
    rows, error = result.rows, result.error
    note(
        "run ended", logging.INFO if result.ok else logging.ERROR, run_id=result.run_id, contract=result.contract,
        status=result.status, seconds=result.seconds, extracted=rows.extracted, accepted=rows.accepted,
        quarantined=rows.quarantined, dropped=rows.dropped, published=rows.published, watermark=result.watermark,
        error=error.code if error else None, stage=error.stage or None if error else None,
    )  # fmt: skip
