"""Promises over more than one column: row rules, composite uniqueness and references, counts, expectations."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from datasync.contract.base import Model
from datasync.contract.columns import CheckSettings, Severity
from datasync.contract.scalars import LastRuns, LimitValue, Share


class CompositeReference(Model):
    """Columns whose values must exist together in another table."""

    columns: tuple[str, ...] = Field(min_length=1)
    table: str | None = None
    contract: str | None = None
    to: tuple[str, ...] = Field(min_length=1)


class Rule(CheckSettings):
    """One promise with a name: exactly one of `rule`, `unique` and `references`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="The check's name in reports and incidents.")
    rule: str | None = Field(None, description="Restricted SQL, true for a good row.")
    unique: tuple[str, ...] | None = Field(None, min_length=1, description="Columns that are unique together.")
    references: CompositeReference | None = None
    previous_name: str | None = None


class Drift(Model):
    """How far this run's count may lie from the median of the last runs."""

    against: LastRuns = Field(description="last N runs")
    within: Share
    severity: Severity = "error"


class Count(Model):
    """How many rows a run must have, and how many it may lose on the way."""

    min: int | None = Field(None, ge=0)
    max: int | None = Field(None, ge=0)
    tolerance: LimitValue | None = Field(None, description="Rows that may be missing between source and staging.")
    drift: Drift | None = None
    severity: Severity = "error"
    description: str | None = None


class Expectation(Model):
    """A Great Expectations expectation by its own name (`type` and its arguments), or a hand-written suite (`suite`)."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, arbitrary_types_allowed=True)

    type: str | None = None
    suite: str | None = None
    name: str | None = None
    severity: Severity = "error"
    description: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The expectation's own arguments: every key that is not ours."""
        return dict(self.model_extra or {})
