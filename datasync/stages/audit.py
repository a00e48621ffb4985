"""A committed staging table in, the verdicts that only whole tables allow out; its bad rows go to quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from datasync.contract.checks import Check
from datasync.contract.endpoints.api import API_KINDS
from datasync.errors import ConnectorError, StorageError
from datasync.gates.fidelity import Figures
from datasync.plan.steps import Audit
from datasync.plan.window import to_text
from datasync.results.model import CheckTally, RowCounts
from datasync.seams import TargetSpec
from datasync.stages.context import Context, Flow, Progress
from datasync.stages.summary import Outcomes, row_counts

if TYPE_CHECKING:
    import polars as pl

    from datasync.gates.at_rest import AuditOutcome


def audit(step: Audit, context: Context, flow: Flow, spec: TargetSpec, outcomes: Outcomes) -> None:
    """Judge staging; what publish needs of it stands in the flow's detail.

    Raises:
        StorageError: rows that must leave staging could not be stored in quarantine.
    """
    from datasync.gates import at_rest

    staged = outcomes["stage"].detail
    context.progress(Progress("audit", outcomes["stage"].rows_out))
    clock = context.target.clock()
    # A row that was set aside is missing from staging, not from the source.
    spec = replace(spec, complete=spec.complete and not any(outcome.set_aside for outcome in outcomes.values()))
    with flow.working():
        plan = at_rest.AuditPlan(
            checks=step.checks,
            types=spec.columns,
            accepted=Figures.from_plain(staged["figures"]) if "figures" in staged else None,
            accepted_hash=int(staged["hash"]) if staged.get("hash") is not None else None,
            merge_key=spec.key if spec.write in ("merge", "scd2") else (),
            history=(spec.key, spec.cursor) if spec.history is not None and spec.cursor is not None else None,
            deleted=spec.deletes.column if spec.deletes is not None else None,
            bounds=_bounds(step, context, spec, clock),
            clock=context.clock,
        )
        found = at_rest.audit(plan, context.target.staging(spec), context.auditor, _storing(context))
    if context.auditor.validation is not None:
        context.workspace.write_validation(context.auditor.validation)
    flow.rows_in = outcomes["stage"].rows_out
    flow.rows_out = found.staged
    flow.set_aside = found.moved
    if flow.rows_in != found.staged + found.moved:
        raise StorageError(
            f"staging held {found.staged + found.moved} rows of {flow.rows_in}", code="E_STAGING_COUNT", stage="audit"
        )
    spec = replace(spec, complete=spec.complete and not found.moved)
    taken = _taken(step, context, spec)
    found.rechecks += taken.rechecks
    flow.detail |= {"complete": spec.complete, **taken.detail}
    flow.detail |= {"figures": found.figures.to_plain(), "rechecks": [list(pair) for pair in found.rechecks], "completed": True}
    flow.tally("staged", found.tallies)
    flow.tally("staged", taken.tallies)
    counts = row_counts({**outcomes, "audit": flow.outcome()}, 0)
    flow.tally("staged", {check.name: tally for check, tally in _counted(step, context, spec, (found, counts, clock))})
    flow.finish()


@dataclass(frozen=True, slots=True)
class _TakenAway:
    """What the audit says of rows that publishing takes away."""

    tallies: Mapping[str, CheckTally] = field(default_factory=dict)
    rechecks: tuple[tuple[str, str], ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


def _taken(step: Audit, context: Context, spec: TargetSpec) -> _TakenAway:
    """Judge how many of the target's rows would go."""
    from datasync.gates.removals import removals

    check = next((check for check in step.checks if check.kind == "deletes.limit"), None)
    if check is None:
        return _TakenAway()
    try:
        found = removals(context.target.staging(spec), check.arguments["limit"])
    except ConnectorError as error:
        return _TakenAway({check.name: CheckTally(evaluated=1, error=error.message)})
    marks = spec.deletes is not None and spec.deletes.mark is not None
    word = "closed" if spec.history is not None else "marked" if marks else "deleted"
    rechecks = ((check.name, found.recheck),) if found.recheck else ()
    return _TakenAway({check.name: found.tally}, rechecks, {word: found.rows})


def _storing(context: Context) -> Any:
    from datasync.gates.quarantine import staged_frame

    numbers = iter(range(10**9))
    begun = False

    def store(rows: pl.DataFrame, reasons: pl.Series) -> None:
        nonlocal begun
        context.check_stop()
        if not begun:
            # From here on staging is no longer what the gates left: whoever takes the run up stages again.
            context.workspace.note(auditing=True)
            begun = True
        context.set_aside.write("staged", staged_frame(rows, reasons, context.plan, next(numbers)))

    return store


Found = tuple["AuditOutcome", RowCounts, datetime]


def _counted(step: Audit, context: Context, spec: TargetSpec, seen: Found) -> Iterator[tuple[Check, CheckTally]]:
    """Freshness and counts: what needs the clock, the source's count or earlier runs."""
    from datasync.gates import counts as judge
    from datasync.gates.freshness import Moment, freshness

    found, rows, clock = seen
    plan = context.plan
    for check in step.checks:
        arguments = check.arguments
        if check.kind == "freshness":
            end = plan.window.end if plan.window is not None and plan.window.explicit else None
            newest = found.newest if found.newest is not None or rows.staged else _known(context)
            yield check, freshness(newest, arguments["max_age"], Moment(clock, end, _zone(context, spec, check)))
        elif check.kind == "count.min":
            yield check, judge.count_min(rows, arguments["min"], never_empty=_never_empty(context))
        elif check.kind == "count.max":
            yield check, judge.count_max(rows, arguments["max"])
        elif check.kind == "count.tolerance":
            yield check, judge.count_tolerance(rows, arguments["limit"])
        elif check.kind == "count.drift":
            window = plan.window
            current = (rows.staged, to_text(window.start) if window else None, to_text(window.end) if window else None)
            yield check, judge.count_drift(current, context.past_counts(arguments["runs"]), arguments["within"])


def _known(context: Context) -> datetime | None:
    """Where nothing is new and the target cannot be asked how old it is, history knows."""
    target = context.plan.contract.target
    return context.past_newest() if target is not None and target.type in API_KINDS else None


def _never_empty(context: Context) -> bool:
    """A full read of nothing, or a window replaced by nothing, is not silently green; nothing new in a window is."""
    plan = context.plan
    writes_window = plan.contract.target is not None and plan.contract.target.write == "replace_window"
    return plan.window is None or plan.full or writes_window


def _zone(context: Context, spec: TargetSpec, check: Check) -> str | None:
    column = context.plan.contract.columns[check.columns[0]]
    return column.type.zone or column.timezone or (context.plan.contract.timezone if column.type.name == "date" else None)


def _bounds(step: Audit, context: Context, spec: TargetSpec, clock: datetime) -> tuple[Any, Any] | None:
    """The values of freshness' column that are young enough and not of the future, as the column holds them."""
    from datasync.gates.freshness import AHEAD

    check = next((check for check in step.checks if check.kind == "freshness"), None)
    if check is None:
        return None
    window = context.plan.window
    reference = clock
    if window is not None and window.explicit and isinstance(window.end, date):
        end = window.end if isinstance(window.end, datetime) else datetime.combine(window.end, time(), UTC)
        reference = min(reference, end)
    zone = _zone(context, spec, check)
    kind = spec.columns[check.columns[0]]
    oldest = (reference - check.arguments["max_age"]).astimezone(ZoneInfo(zone or "UTC"))
    newest = (clock + AHEAD).astimezone(ZoneInfo(zone or "UTC"))
    if kind.name == "date":
        first = oldest.date() if oldest.time() == time() else oldest.date() + timedelta(days=1)
        return first, newest.date()
    return (oldest, newest) if kind.zone else (oldest.replace(tzinfo=None), newest.replace(tzinfo=None))
