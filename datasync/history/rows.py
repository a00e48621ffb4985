"""What history keeps of runs and of quarantined batches, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known when a run starts."""

    run_id: str
    contract: str
    version: str
    sync: str
    kind: str
    path: str
    started_at: datetime
    window_start: str | None = None
    window_end: str | None = None
    explicit: bool = False
    full: bool = False
    origin: str | None = None
    contract_hash: str | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list."""

    run_id: str
    contract: str
    version: str
    kind: str
    status: str
    started_at: datetime
    seconds: float
    window_start: str | None
    window_end: str | None
    staged: int
    published: int
    quarantined: int
    extracted: int = 0
    committed: bool = False
    score: float | None = None
    contract_hash: str | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QuarantineBatch:
    """One stored batch of quarantined rows."""

    run_id: str
    name: str
    contract: str
    sync: str
    gate: str
    rows: int
    reasons: Mapping[str, int]
    path: str
    state: str
    created_at: datetime
