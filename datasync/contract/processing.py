"""The `transform:` list: one processor per item, written as a mapping with one key."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from datasync.contract.base import Model
from datasync.contract.columns import TypeName, Value


class Dedupe(Model):
    """Keep one row of those that agree in `by`."""

    by: tuple[str, ...] = Field(min_length=1)
    order: str | None = Field(None, description="`updated_at desc`; the source's order when absent.")
    keep: Literal["first", "last"] = "first"


class MapValues(Model):
    """Replace values by others."""

    column: str
    values: dict[str, Value | None]
    default: Literal["keep", "null", "reject"] = "keep"


class ConvertTimezone(Model):
    """The same instants, shown in another zone."""

    columns: tuple[str, ...] = Field(min_length=1)
    to: str


class Processor(Model):
    """One item of `transform:`; exactly one key is set."""

    rename: dict[str, str] | None = None
    select: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None
    cast: dict[str, TypeName] | None = None
    derive: dict[str, str] | None = None
    filter: str | None = None
    dedupe: Dedupe | None = None
    map_values: MapValues | None = None
    trim: tuple[str, ...] | None = None
    fill: dict[str, Value] | None = None
    convert_timezone: ConvertTimezone | None = None

    @property
    def kind(self) -> str:
        """The key that is set."""
        return next(iter(self.model_fields_set))
