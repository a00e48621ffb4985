"""A plan and how far its execution came in, the run's result out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from datasync.contract.checks import REFUSED_ROWS, checks_of
from datasync.contract.model import Contract
from datasync.contract.scalars import decimal_text
from datasync.errors import DataSyncError, Interrupted, Refused
from datasync.plan.build import target_name
from datasync.plan.window import to_text
from datasync.results.model import (
    CheckResult,
    CheckStatus,
    CheckTally,
    ErrorResult,
    QuarantineResult,
    RowCounts,
    RunResult,
    RunStatus,
    StageResult,
    WindowResult,
)
from datasync.results.verdict import check_result, over_budget, run_status, stage_status
from datasync.runner import Execution
from datasync.seams import StageName
from datasync.stages.context import StepOutcome
from datasync.stages.summary import conserved, row_counts, tallies_of

GATES: dict[StageName, str] = {"gate_source": "source", "gate_prepared": "prepared", "audit": "staged"}
UNCHANGED = "target and watermark are unchanged"
UNRECORDED = ("figures", "rechecks", "completed", "complete", "evolve", "header")
"""Details that only later steps need."""


def compose(execution: Execution, started: datetime, seconds: float, quarantine: str, notes: tuple[str, ...] = ()) -> RunResult:
    """Say everything about a run that was planned."""
    plan = execution.plan
    outcomes = execution.outcomes
    contract = plan.contract
    found = tallies_of(outcomes)
    nothing = CheckTally()
    allow = contract.quarantine.allow
    checks = tuple(check_result(check, found.get((check.gate, check.name), nothing), allow) for check in plan.checks)
    published = execution.commit.rows if execution.commit else _sent(outcomes)
    rows = row_counts(outcomes, published)
    error = execution.error if execution.error is None or execution.error.code != "E_GATE_FAILED" else None
    if error is None and not conserved(rows):
        error = DataSyncError(
            f"rows were lost or made up: extracted {rows.extracted} + added {rows.added} is not accepted {rows.accepted} "
            f"+ quarantined {rows.quarantined} + dropped {rows.dropped}",
            code="E_CONSERVATION",
            hint="this is a defect of datasync; nothing of this run should be trusted",
        )
    over = over_budget(allow, rows.quarantined, rows.extracted + rows.added)
    # What was sent cannot be held back any more, and a check has nothing that could be let go.
    hold = contract.on_violation == "hold" and plan.kind != "check" and contract.target is not None and "publish" not in outcomes
    status = _status(checks, error, over, hold)
    return RunResult(
        contract=contract.contract,
        version=contract.version,
        run_id=plan.run_id,
        status=status,
        started_at=started,
        seconds=round(seconds, 3),
        window=WindowResult(to_text(plan.window.start), to_text(plan.window.end) or "") if plan.window else None,
        rows=rows,
        stages=tuple(_stage(step.name, outcomes.get(step.name), checks, execution) for step in plan.steps),
        checks=checks,
        quarantine=QuarantineResult(rows.quarantined, quarantine if rows.quarantined else ""),
        error=error_result(error, kept(execution.commit is not None, rows)) if error else None,
        kind="check" if plan.kind == "check" else plan.kind,
        path=plan.path,
        source=contract.source.type,
        target=target_name(contract),
        watermark=execution.commit.watermark if execution.commit else None,
        notes=notes + _notes(over, contract) + _partly(execution.commit is not None, rows),
    )


def _notes(over: bool, contract: Contract) -> tuple[str, ...]:
    if not over or contract.quarantine.allow is None:
        return ()
    return (f"more rows were set aside than quarantine.allow permits ({decimal_text(contract.quarantine.allow * 100)}%)",)


def _sent(outcomes: Mapping[StageName, StepOutcome]) -> int:
    """Rows that an API acknowledged before sending broke off; nothing else publishes in part."""
    return outcomes["publish"].rows_out if "publish" in outcomes else 0


def _status(checks: tuple[CheckResult, ...], error: DataSyncError | None, over: bool, hold: bool) -> RunStatus:
    if isinstance(error, Interrupted):
        return "interrupted"
    if isinstance(error, Refused):
        return "refused"
    if error is not None:
        return "failed" if error.code == "E_RECHECK" else "error"
    return run_status(checks, over=over, hold=hold)


def _stage(name: StageName, outcome: StepOutcome | None, checks: tuple[CheckResult, ...], execution: Execution) -> StageResult:
    if outcome is None:
        return StageResult(name, "skipped")
    detail = {key: value for key, value in outcome.detail.items() if key not in UNRECORDED and value not in (None, {}, ())}
    return StageResult(
        name, _stage_verdict(name, checks, execution), outcome.seconds, outcome.rows_in, outcome.rows_out, detail,
        outcome.began, outcome.ended,
    )  # fmt: skip


def _stage_verdict(name: StageName, checks: tuple[CheckResult, ...], execution: Execution) -> CheckStatus:
    error = execution.error
    if error is not None and error.code != "E_GATE_FAILED" and error.stage == name:
        return "failed" if error.code == "E_RECHECK" else "error"
    if name in GATES:
        return stage_status(check for check in checks if check.gate == GATES[name] and check.type != REFUSED_ROWS)
    if name == "publish":
        return stage_status(check for check in checks if check.type == REFUSED_ROWS)
    if name == "reconcile":
        return execution.outcomes["reconcile"].detail.get("verdict", "passed")  # type: ignore[no-any-return]
    return "passed"


def error_result(error: DataSyncError, kept: str) -> ErrorResult:
    """Say why a run broke, and what was kept."""
    return ErrorResult(error.code, error.stage, error.message, error.hint, kept)


def kept(committed: bool, rows: RowCounts) -> str:
    """Say what a run that broke left in the target."""
    if committed:
        return "the new rows are published"
    return _partly(False, rows)[0] if rows.published else UNCHANGED


def _partly(committed: bool, rows: RowCounts) -> tuple[str, ...]:
    if committed or not rows.published:
        return ()
    sent = "1 row was sent and stays" if rows.published == 1 else f"{rows.published:,} rows were sent and stay"
    return (f"{sent} at the target; the watermark is unchanged",)


def broken(contract: Contract, run_id: str, error: DataSyncError, started: datetime) -> RunResult:
    """Give the result of a run that ended before it was planned."""
    nothing = CheckTally()
    status: RunStatus = "interrupted" if isinstance(error, Interrupted) else "refused" if isinstance(error, Refused) else "error"
    return RunResult(
        contract=contract.contract,
        version=contract.version,
        run_id=run_id,
        status=status,
        started_at=started,
        checks=tuple(check_result(check, nothing, None) for check in checks_of(contract)),
        error=error_result(error, UNCHANGED),
        source=contract.source.type,
        target=target_name(contract),
    )
