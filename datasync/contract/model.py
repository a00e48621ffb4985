"""A whole contract, typed and frozen."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from datasync.contract.alerting import Alert, Owner
from datasync.contract.base import Model
from datasync.contract.columns import Column, Value
from datasync.contract.endpoints import Source, Target
from datasync.contract.freshness import Freshness
from datasync.contract.processing import Processor
from datasync.contract.rules import Count, Expectation, Rule
from datasync.contract.scalars import Duration, Share


class Every(Model):
    """A fixed interval."""

    every: Duration


class Assets(Model):
    """Run when these assets were updated."""

    assets: tuple[str, ...] = Field(min_length=1)


class Cron(Model):
    """A cron schedule with catchup."""

    cron: str
    catchup: bool = False
    start: str | None = None


class Run(Model):
    """How a run is executed."""

    tasks: Literal["split", "fused"] = Field("fused", description="split: one task per stage; fused: one process does all.")
    retries: int = Field(2, ge=0, le=100)
    timeout: Duration | None = None
    batch_rows: int = Field(250_000, ge=1, le=10_000_000)
    audit: Literal["promises", "full"] = Field(
        "promises", description="full: every check again at rest, and row hashes compared."
    )


class Parameter(Model):
    """A value given from outside, per run."""

    type: Literal["string", "int64", "float64", "bool", "date", "timestamp"] = "string"
    default: Value | None = None
    one_of: tuple[Value, ...] | None = None
    description: str | None = None


class Quarantine(Model):
    """How much may be set aside while the rest is published, and how long it is kept."""

    allow: Share | None = None
    keep: Duration | None = None


class Contract(Model):
    """One sync: what the data must be, where it comes from, where it goes, who is told."""

    contract: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63, description="Its name: the DAG's id, the incident's key.")
    version: str = Field(min_length=1, max_length=50)
    description: str | None = None
    owner: Owner | None = None
    tags: tuple[str, ...] = ()
    schedule: str | Every | Assets | Cron | None = None
    timezone: str = "UTC"
    run: Run = Run()
    params: dict[str, Parameter] = Field(default_factory=dict)
    source: Source
    transform: tuple[Processor, ...] = ()
    columns: dict[str, Column] = Field(default_factory=dict)
    unknown_columns: Literal["fail", "drop", "evolve"] = "fail"
    rules: tuple[Rule, ...] = ()
    freshness: Freshness | None = None
    count: Count | None = None
    expectations: tuple[Expectation, ...] = ()
    quarantine: Quarantine = Quarantine()
    on_violation: Literal["block", "hold"] = "block"
    target: Target | None = None
    alerts: tuple[Alert, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """The key columns, in order."""
        return tuple(name for name, column in self.columns.items() if column.key)
