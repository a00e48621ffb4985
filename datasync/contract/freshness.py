"""How old the newest value may be."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from datasync.contract.base import Model
from datasync.contract.columns import Severity
from datasync.contract.scalars import Duration


class Freshness(Model):
    """`min(target clock, explicit window end) - max(column) <= max_age`."""

    column: str
    max_age: Duration
    of: Literal["staging", "target"] = Field("staging", description="target: staging and the published table together.")
    severity: Severity = "error"
    description: str | None = None
