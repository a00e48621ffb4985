"""What every source and every target takes, whatever its kind."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from datasync.contract.base import Model
from datasync.contract.columns import Column, Value
from datasync.contract.scalars import Duration, LagValue, Limit, LimitValue

Write = Literal["append", "merge", "replace", "replace_window"]
SqlWrite = Literal["append", "merge", "replace", "replace_window", "scd2"]
ReplaceBy = Literal["rows", "swap", "truncate"]


class Cursor(Model):
    """The column that grows as the source changes; windows are intervals of it."""

    column: str
    start: Value | None = Field(None, description="Where the first run begins.")
    lag: LagValue | None = Field(
        None,
        description="How far behind the watermark to read again, for rows that commit late. Before an integer a number: `lag: 1` "
        "reads the last second of an epoch again.",
    )
    timezone: str | None = Field(None, description="The zone of naive values.")
    nulls: Literal["fail", "ignore"] = "fail"


class Changes(Model):
    """What the sensor waits for."""

    by: Literal["cursor", "modified"] | None = None
    query: str | None = None
    poll: Duration | None = None
    timeout: Duration | None = None


class Partition(Model):
    """Read in parallel parts of `size` along `column`."""

    column: str
    size: int = Field(ge=1)


class SourceBase(Model):
    """What every source takes."""

    cursor: Cursor | None = None
    changes: Changes | None = None
    columns: dict[str, Column] | None = Field(None, description="What the source promises; gated right after extract.")


class SqlSource(SourceBase):
    """What SQL sources take: a table or a query."""

    table: str | None = None
    query: str | None = None
    partition: Partition | None = None


class TargetBase(Model):
    """What every target takes."""

    write: Write
    replace_by: ReplaceBy = Field("rows", description="How replace is done: see the publishing guarantees.")


class Scd2(Model):
    """Names of the columns that `write: scd2` keeps beside the contract's."""

    valid_from: str = Field("valid_from", description="Since when a version holds: the cursor's value, else the window's end.")
    valid_to: str = Field("valid_to", description="Until when it held, exclusive; NULL for the current one.")
    current: str = Field("is_current", description="True for the version that holds.")


class Deletes(Model):
    """Which rows of the target a run takes away; under `scd2` they are closed."""

    column: str | None = Field(
        None, description="A boolean of `columns` that is true for rows that the source deleted; with `mark`: the target's own."
    )
    missing: Literal["delete", "mark"] | None = Field(
        None, description="What becomes of rows that a full read lacks; a windowed read never takes one for missing."
    )
    limit: LimitValue = Field(
        "5%",
        validate_default=True,
        description="How many of the target's rows one run may take away; more fails `deletes.limit`.",
    )


class SqlTarget(TargetBase):
    """What SQL targets take."""

    # Histories and deletes need a table whose rows can be changed where they are.
    write: SqlWrite  # type: ignore[assignment]
    scd2: Scd2 | None = Field(None, description="Names of the history's columns.")
    deletes: Deletes | None = None


def deletes_limit(target: TargetBase | None) -> Limit | None:
    """Give the limit of what one run may take away; None where it takes nothing away."""
    if not isinstance(target, SqlTarget):
        return None
    if target.deletes is not None:
        return target.deletes.limit
    return Deletes().limit if target.write == "scd2" else None
