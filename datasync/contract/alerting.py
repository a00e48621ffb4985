"""Who is told when."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from datasync.contract.base import Model
from datasync.contract.columns import Severity
from datasync.contract.scalars import Duration

Channel = Literal["slack", "email", "both"]

METRICS = {
    "extracted_records": "int64", "accepted_records": "int64", "quarantined_records": "int64", "dropped_records": "int64",
    "added_records": "int64", "staged_records": "int64", "published_records": "int64", "violation_rate": "float64",
    "response_time": "float64", "execution_time": "float64", "freshness_age": "float64", "source_count": "int64",
    "landed_count": "int64", "count_difference": "int64", "failed_checks": "int64", "warned_checks": "int64",
    "error_occurred": "bool", "error_message": "string", "violated": "bool", "recovered": "bool", "held": "bool",
    "warned": "bool", "passed": "bool", "status": "string", "contract": "string", "run_id": "string",
}  # fmt: skip
"""The run's figures that a condition or a message may name, with their types; times are seconds."""


MEANINGS = {
    "extracted_records": "rows read", "accepted_records": "rows that no gate set aside", "quarantined_records": "rows set aside",
    "dropped_records": "rows that transforms removed", "added_records": "rows that transforms added",
    "staged_records": "rows in staging after the audit", "published_records": "rows published",
    "violation_rate": "rows set aside of extracted + added, 0 to 1; NULL without rows",
    "response_time": "the slowest answer of an API source or target; NULL elsewhere", "execution_time": "the whole run",
    "freshness_age": "age of the newest value, as the check freshness saw it; NULL without it",
    "source_count": "rows as the source system counts them; NULL where it cannot",
    "landed_count": "rows that the run left in the target",
    "count_difference": "source_count − (staged + quarantined + dropped − added); NULL without source_count",
    "failed_checks": "checks that failed or could not be evaluated", "warned_checks": "checks that warned",
    "error_occurred": "a system failed, or a check could not be evaluated", "error_message": "what failed; NULL when nothing did",
    "violated": "the run failed or is held", "recovered": "it passed or warned after one that failed, was held or broke",
    "held": "it waits for a person", "warned": "it warned", "passed": "it passed",
    "status": "passed, warned, failed, held, error, refused or interrupted", "contract": "its name", "run_id": "its id",
}  # fmt: skip
"""What each metric is, for the docs."""


class Escalation(Model):
    """Who else is told when nobody has acted."""

    after: Duration
    to: tuple[Channel, ...] = Field(min_length=1)


class Mute(Model):
    """When nothing is sent: local times of the contract's timezone, `HH:MM-HH:MM`, on the given days."""

    between: str = Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$")
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()


class Alert(Model):
    """A condition over the run's metrics, and where its message goes."""

    when: str = Field(description="Restricted SQL over the run's metrics.")
    to: tuple[str, ...] = Field(min_length=1, description="slack, email, both, a channel (#name) or an address.")
    message: str | None = Field(None, description="Text with {metric} and {metric:,}.")
    severity: Severity = "error"
    escalate: Escalation | None = None
    mute: tuple[Mute, ...] = ()
    mention: Literal["owner"] | None = Field(None, description="owner: mention the owner by e-mail.")


class Owner(Model):
    """Who answers for the contract."""

    team: str | None = None
    name: str | None = None
    slack: str | None = None
    email: str | None = None
