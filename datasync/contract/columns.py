"""What a column promises: its type and its checks."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from datasync.contract.base import Model
from datasync.contract.scalars import LimitValue, Share
from datasync.contract.types import DataType, parse_type

Severity = Literal["error", "warn"]
Nulls = Literal["pass", "fail"]
Samples = Literal["mask", "show", "hide"]
FORMATS = ("email", "uuid", "url", "ipv4", "ipv6", "date_iso", "country", "currency", "json")
Format = Literal["email", "uuid", "url", "ipv4", "ipv6", "date_iso", "country", "currency", "json"]
Value = bool | int | Decimal | str
"""A literal of a contract; `checks.literal_value` reads it as the column's type."""


def _type(value: Any) -> DataType:
    if isinstance(value, DataType):
        return value
    if not isinstance(value, str):
        raise ValueError("a type is a name, such as int64, string or decimal(12,2)")
    return parse_type(value)


TypeName = Annotated[DataType, BeforeValidator(_type), WithJsonSchema({"type": "string"})]


class CheckSettings(Model):
    """What every row and key check takes."""

    severity: Severity = Field("error", description="error: the row is set aside; warn: it goes on and is counted.")
    tolerance: LimitValue | None = Field(None, description="How much may fail and still pass: 1% or a number of rows.")
    nulls: Nulls = Field("pass", description="Whether a check that NULL makes unknown passes or fails.")
    where: str | None = Field(None, description="A rule selecting the rows that the check applies to.")
    description: str | None = Field(None, description="In plain words, shown in reports and alerts.")


class Distinct(Model):
    """Bounds for the number of different values, NULL left out."""

    min: int | None = Field(None, ge=0)
    max: int | None = Field(None, ge=0)


class Reference(Model):
    """Where a value must exist: `{table, column}`, or for file and API targets `{contract, column}`."""

    table: str | None = None
    contract: str | None = None
    column: str


class ColumnChecks(CheckSettings):
    """The checks a column can promise."""

    required: bool | None = Field(None, description="No missing value.")
    unique: bool | None = Field(None, description="No value twice, as the table would be after publish.")
    one_of: tuple[Value, ...] | None = Field(None, description="The values allowed.", min_length=1)
    pattern: str | None = Field(None, description="A regular expression found in the text; anchor it with ^ and $.")
    min: Value | None = Field(None, description="Least value allowed.")
    max: Value | None = Field(None, description="Greatest value allowed.")
    greater_than: Value | None = Field(None, description="Values must lie above this.")
    less_than: Value | None = Field(None, description="Values must lie below this.")
    min_length: int | None = Field(None, ge=0, description="Fewest characters allowed.")
    max_length: int | None = Field(None, ge=0, description="Most characters allowed.")
    format: Format | None = Field(None, description="A well-known form the text must have.")
    references: Reference | None = Field(None, description="The value must exist in another table.")
    null_share: Share | None = Field(None, description="The largest share of missing values allowed in the run.")
    distinct: Distinct | None = Field(None, description="How many different values the run must hold.")


class NamedColumnChecks(ColumnChecks):
    """A further check of a column, called `column.name`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    previous_name: str | None = None


class Column(ColumnChecks):
    """One column of the data."""

    type: TypeName = Field(description="Arrow's name or SQL's: int64, string, decimal(12,2), date, timestamp[us, UTC], …")
    key: bool = Field(False, description="Part of the key: required, and together unique.")
    parse: str | None = Field(None, description="How text is written, in strptime's letters: %d/%m/%Y.")
    timezone: str | None = Field(None, description="The zone that values without one are in.")
    samples: Samples = Field("mask", description="How values of this column may be shown outside the quarantine store.")
    previous_name: str | None = Field(None, description="The column's name before it was renamed; keeps its incidents.")
    checks: tuple[NamedColumnChecks, ...] = Field((), description="Further checks, each with a name.")
