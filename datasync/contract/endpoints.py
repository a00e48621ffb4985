"""Where data comes from and where it goes: one model per kind, chosen by `type`."""

from __future__ import annotations

from typing import Annotated, Literal

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


class PostgresSource(SqlSource):
    type: Literal["postgres"]
    connection: str


class SqliteSource(SqlSource):
    type: Literal["sqlite"]
    database: str


class DuckdbSource(SqlSource):
    type: Literal["duckdb"]
    database: str


class CsvOptions(Model):
    """How a delimited file is written."""

    delimiter: str = Field(",", min_length=1, max_length=1)
    header: bool = True
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = Field(("",), description="Fields that mean missing; the empty field by default.")
    quote: str = Field('"', max_length=1)
    decimal: Literal[".", ","] = "."


class NoOptions(Model):
    """This kind has no options."""


class CsvSource(SourceBase):
    type: Literal["csv"]
    path: str
    options: CsvOptions = CsvOptions()


class ParquetSource(SourceBase):
    type: Literal["parquet"]
    path: str
    options: NoOptions = NoOptions()


class NdjsonSource(SourceBase):
    type: Literal["ndjson"]
    path: str
    options: NoOptions = NoOptions()


Source = Annotated[
    PostgresSource | SqliteSource | DuckdbSource | CsvSource | ParquetSource | NdjsonSource, Field(discriminator="type")
]


class TargetBase(Model):
    """What every target takes."""

    write: Write
    replace_by: ReplaceBy = Field("rows", description="How replace is done: see the publishing guarantees.")


class PostgresTarget(TargetBase):
    type: Literal["postgres"]
    connection: str
    table: str


class SqliteTarget(TargetBase):
    type: Literal["sqlite"]
    database: str
    table: str


class DuckdbTarget(TargetBase):
    type: Literal["duckdb"]
    database: str
    table: str


class CsvTarget(TargetBase):
    type: Literal["csv"]
    path: str
    options: CsvOptions = CsvOptions()


class ParquetTarget(TargetBase):
    type: Literal["parquet"]
    path: str
    options: NoOptions = NoOptions()


class NdjsonTarget(TargetBase):
    type: Literal["ndjson"]
    path: str
    options: NoOptions = NoOptions()


Target = Annotated[
    PostgresTarget | SqliteTarget | DuckdbTarget | CsvTarget | ParquetTarget | NdjsonTarget, Field(discriminator="type")
]
