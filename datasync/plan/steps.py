"""The steps of a run, as frozen values: `run` executes this list and `plan` explains the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from datasync.contract.checks import Check, Gate
from datasync.contract.columns import Column
from datasync.contract.model import Contract
from datasync.contract.processing import Processor
from datasync.seams import PinnedFile, ReadRequest, StageName, TargetSpec, Window


@dataclass(frozen=True, slots=True)
class Extract:
    """Read the source's rows of the window in one snapshot, and let the source count them."""

    name: ClassVar[StageName] = "extract"
    request: ReadRequest
    count_null_cursors: bool


@dataclass(frozen=True, slots=True)
class JudgeRows:
    """Judge rows in flight, cast what is still text, set the bad ones aside."""

    gate: Gate
    columns: Mapping[str, Column]
    checks: tuple[Check, ...]
    unknown_columns: Literal["fail", "drop", "evolve", "pass"]
    first: bool

    @property
    def name(self) -> StageName:
        return "gate_source" if self.gate == "source" else "gate_prepared"


@dataclass(frozen=True, slots=True)
class Reshape:
    """Carry the rows through the contract's transforms."""

    name: ClassVar[StageName] = "transform"
    items: tuple[Processor, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """Write accepted rows to a staging table beside the target (`check`: the audited columns to a local DuckDB)."""

    name: ClassVar[StageName] = "stage"
    spec: TargetSpec
    local: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """Judge the staging table at rest, and move rows that break key checks to quarantine."""

    name: ClassVar[StageName] = "audit"
    checks: tuple[Check, ...]
    full: bool


@dataclass(frozen=True, slots=True)
class Publish:
    """Make staging the target's content in one atomic step, with the commit row and the watermark."""

    name: ClassVar[StageName] = "publish"
    spec: TargetSpec
    watermark: str | None
    refusals: Check | None = None
    """The check that counts what the target refuses, for one that sends rows on."""


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Compare what the target holds of this run with what was staged."""

    name: ClassVar[StageName] = "reconcile"
    spec: TargetSpec


Step = Extract | JudgeRows | Reshape | Load | Audit | Publish | Reconcile


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run will do.

    Attributes:
        kind: run (publishes), check (judges only) or replay (corrected rows of a quarantine).
        full: the read knows no window (`replace`, no cursor) or ignores the watermark (`--full`).
        checks: every check of the run, in the order of its gates.
        contract_hash: SHA-256 of the contract's text; a run that is resumed must have the same.
    """

    contract: Contract
    run_id: str
    sync: str
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    kind: Literal["run", "check", "replay", "shadow"] = "run"
    window: Window | None = None
    full: bool = False
    files: tuple[PinnedFile, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    contract_hash: str = ""
    path: str = ""

    def step(self, name: StageName) -> Any:
        """Give the step of that name; None when the plan has none."""
        return next((step for step in self.steps if step.name == name), None)
