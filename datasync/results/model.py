"""What happened in a run, as plain frozen values; `codec` writes them as JSON, `verdict` judges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from datasync.seams import StageName

CheckStatus = Literal["passed", "warned", "failed", "error", "skipped"]
RunStatus = Literal["passed", "warned", "failed", "held", "error", "refused", "interrupted"]
MAX_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class CheckTally:
    """What one check saw so far; tallies of parts add up to the tally of the whole.

    Attributes:
        evaluated: rows judged, unknown ones included; table checks judge one thing.
        failed: of these, the rows (or the thing) that broke the promise.
        unknown: of these, the rows whose verdict is NULL and passes.
        error: why it could not be evaluated, in own words; empty when it could.
        observed: what was seen, for table checks; never a row's value of a masked column.
        samples: a few failing values, masked as the contract says.
    """

    evaluated: int = 0
    failed: int = 0
    unknown: int = 0
    error: str = ""
    observed: Any = None
    samples: tuple[str, ...] = ()

    def __add__(self, other: CheckTally) -> CheckTally:
        return CheckTally(
            self.evaluated + other.evaluated,
            self.failed + other.failed,
            self.unknown + other.unknown,
            self.error or other.error,
            self.observed if other.observed is None else other.observed,
            (self.samples + other.samples)[:MAX_SAMPLES],
        )


@dataclass(frozen=True, slots=True)
class GateTally:
    """What a gate saw so far: rows in, rows set aside, and each check's tally by name. A monoid under `+`."""

    rows: int = 0
    rejected: int = 0
    checks: Mapping[str, CheckTally] = field(default_factory=dict)

    def __add__(self, other: GateTally) -> GateTally:
        checks = dict(self.checks)
        for name, tally in other.checks.items():
            checks[name] = checks[name] + tally if name in checks else tally
        return GateTally(self.rows + other.rows, self.rejected + other.rejected, checks)


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Where the run's rows are. `extracted + added == accepted + quarantined + dropped` always."""

    extracted: int = 0
    added: int = 0
    accepted: int = 0
    quarantined: int = 0
    dropped: int = 0
    staged: int = 0
    published: int = 0
    source_count: int | None = None


@dataclass(frozen=True, slots=True)
class WindowResult:
    """The run's window as ISO text; start None reads from the beginning."""

    start: str | None
    end: str


@dataclass(frozen=True, slots=True)
class StageResult:
    """What one stage did; seconds are its own working time (fused stages overlap)."""

    name: StageName
    status: CheckStatus
    seconds: float = 0.0
    rows_in: int = 0
    rows_out: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)
    began: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's verdict; counts are as in `CheckTally`.

    Attributes:
        threshold: where the verdict turns, as a number: for row and key checks the share of failing rows (0 to 1) that still
            passes, for table checks the bound of `observed`; None where there is no one number.
    """

    name: str
    type: str
    column: str | None
    gate: Literal["source", "prepared", "staged"]
    severity: Literal["error", "warn"]
    status: CheckStatus
    evaluated: int = 0
    failed: int = 0
    unknown: int = 0
    observed: Any = None
    expected: str = ""
    samples: tuple[str, ...] = ()
    tolerance: str | None = None
    description: str = ""
    message: str = ""
    previous_name: str = ""
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class QuarantineResult:
    """Rows set aside in the run and the folder they lie in."""

    rows: int = 0
    location: str = ""


@dataclass(frozen=True, slots=True)
class AlertDelivery:
    """What became of one alert of the run."""

    channel: str
    state: Literal["sent", "pending", "failed", "dead", "suppressed"]


@dataclass(frozen=True, slots=True)
class ErrorResult:
    """Why a run broke: a stable code, the stage, own words, what to do next and what was kept."""

    code: str
    stage: str
    message: str
    hint: str = ""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """Everything a run has to tell.

    Attributes:
        report: address or path of its page, where there is one.
        links: words to address: the scheduler's own pages of the run.
    """

    contract: str
    version: str
    run_id: str
    status: RunStatus
    started_at: datetime
    seconds: float = 0.0
    window: WindowResult | None = None
    rows: RowCounts = RowCounts()
    stages: tuple[StageResult, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    quarantine: QuarantineResult = QuarantineResult()
    report: str | None = None
    alerts: tuple[AlertDelivery, ...] = ()
    error: ErrorResult | None = None
    kind: Literal["run", "check", "replay", "shadow"] = "run"
    path: str = ""
    source: str = ""
    target: str = ""
    watermark: str | None = None
    notes: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Passed, or warned."""
        return self.status in ("passed", "warned")
