"""What every stage is given beside its step, and what it leaves behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasync.contract.checks import Gate
from datasync.errors import Interrupted
from datasync.journal import note
from datasync.plan.steps import Plan
from datasync.results.model import CheckTally, GateTally
from datasync.seams import Source, StageName, Staging, Target, TargetSpec
from datasync.workspace import Workspace

if TYPE_CHECKING:
    from datasync.gates.auditor import Auditor
    from datasync.stages.set_aside import SetAside

Tallies = Mapping[Gate, Mapping[str, CheckTally]]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: the stage that just moved and its rows so far.

    Stages in flight say so after each batch. Audit, publish and reconcile say it when they begin, with the rows that they take at
    once; one that sends rows on says how many were acknowledged.
    """

    stage: StageName
    rows: int


@dataclass(frozen=True, slots=True)
class Context:
    """What stages may use.

    Attributes:
        clock: the run's time, for `now()` and `today()`; one value for the whole run.
        stop: set when the run must end; stages look at it between batches.
        past_counts: staged rows and window of the last runs that drift compares with.
        past_newest: the newest value that freshness saw when rows were last published.
        progress: told how far the run is; called from worker threads.
        before_publish: sees the audited staging last.
        released: a person let the run go on whatever is refused.
        root: the project root, where the functions of `python` are.
        open_source: opens the source block of a `lookup`.
    """

    plan: Plan
    workspace: Workspace
    source: Source
    target: Target
    auditor: Auditor
    set_aside: SetAside
    clock: datetime
    stop: threading.Event = field(default_factory=threading.Event)
    past_counts: Callable[[int], list[tuple[int, str | None, str | None]]] = lambda number: []
    past_newest: Callable[[], datetime | None] = lambda: None
    progress: Callable[[Progress], None] = lambda progress: None
    token: int = 0
    sequence: int = 0
    before_publish: Callable[[TargetSpec, Staging], None] = lambda spec, staging: None
    released: bool = False
    root: Path = Path()
    open_source: Callable[[Any], Source] | None = None

    def check_stop(self) -> None:
        """Raise Interrupted when the run must end."""
        if self.stop.is_set():
            raise Interrupted("the run was interrupted")


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What one step did; kept in the manifest, so that a run can be resumed behind it.

    Attributes:
        seconds: own working time.
        rows_in, rows_out: rows taken and given on.
        set_aside: rows that went to quarantine in this step.
        added, dropped: rows that transforms made and removed.
        tallies: per gate, per check; a step may speak for several gates.
        detail: what later steps and reports need.
        began, ended: when it first and last worked; fused steps overlap.
    """

    name: StageName
    seconds: float = 0.0
    rows_in: int = 0
    rows_out: int = 0
    set_aside: int = 0
    added: int = 0
    dropped: int = 0
    tallies: Tallies = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    began: datetime | None = None
    ended: datetime | None = None


class Flow:
    """A step while it works: counters that only this step writes; `outcome` freezes them."""

    def __init__(self, name: StageName) -> None:
        self.name: StageName = name
        self.seconds = 0.0
        self.rows_in = 0
        self.rows_out = 0
        self.set_aside = 0
        self.added = 0
        self.dropped = 0
        self.tallies: dict[Gate, GateTally] = {}
        self.detail: dict[str, Any] = {}
        self.finished = False
        self.began: datetime | None = None
        self.ended: datetime | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the time inside as this step's own."""
        start = time.monotonic()
        if self.began is None:
            self.began = datetime.now(UTC)
            note("stage began", stage=self.name)
        try:
            yield
        finally:
            self.seconds += time.monotonic() - start
            self.ended = datetime.now(UTC)

    def finish(self) -> None:
        """Say that the step did all it had to."""
        self.finished = True
        note(
            "stage ended", stage=self.name, seconds=round(self.seconds, 3), rows_in=self.rows_in, rows_out=self.rows_out,
            set_aside=self.set_aside,
        )  # fmt: skip

    def answered(self, system: object) -> None:
        """Keep the slowest answer of a system that is asked over HTTP; other systems have none."""
        slowest = getattr(system, "slowest_answer", None)
        if slowest is not None:
            self.detail["response_time"] = round(slowest, 3)

    def tally(self, gate: Gate, checks: Mapping[str, CheckTally]) -> None:
        """Add what checks of a gate saw."""
        self.tallies[gate] = self.tallies.get(gate, GateTally()) + GateTally(checks=checks)

    def outcome(self) -> StepOutcome:
        """Freeze what was done so far."""
        return StepOutcome(
            self.name,
            round(self.seconds, 3),
            self.rows_in,
            self.rows_out,
            self.set_aside,
            self.added,
            self.dropped,
            {gate: dict(tally.checks) for gate, tally in self.tallies.items()},
            dict(self.detail),
            self.began,
            self.ended,
        )
