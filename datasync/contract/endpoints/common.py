"""What every source and every target takes, whatever its kind."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from datasync.contract.base import Model
from datasync.contract.columns import Column, Value
from datasync.contract.scalars import Duration

Write = Literal["append", "merge", "replace", "replace_window"]
ReplaceBy = Literal["rows", "swap", "truncate"]


class Cursor(Model):
    """The column that grows as the source changes; windows are intervals of it."""

    column: str
    start: Value | None = Field(None, description="Where the first run begins.")
    lag: Duration | None = Field(None, description="How far behind the watermark to read again, for rows that commit late.")
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
