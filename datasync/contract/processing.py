"""The `transform:` list: one processor per item, written as a mapping with one key."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from datasync.contract.base import Model
from datasync.contract.columns import TypeName, Value
from datasync.contract.endpoints import Source
from datasync.contract.json_path import parse_member
from datasync.contract.types import DataType


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


class NormaliseUnicode(Model):
    """One spelling for texts that look the same."""

    columns: tuple[str, ...] = Field(min_length=1)
    form: Literal["NFC", "NFD", "NFKC", "NFKD"] = Field("NFC", description="Unicode's normalisation form.")


class JsonField(Model):
    """A value within JSON, and the type it must have."""

    path: str | None = Field(
        None, description="`$.a.b`, `$.a[0]`, `$['odd key']` or dotted `a.b`; the field's own name when absent."
    )
    type: TypeName
    parse: str | None = Field(None, description="How text is written, as for a column.")
    timezone: str | None = Field(None, description="The zone that values without one are in.")

    @field_validator("path")
    @classmethod
    def _followed(cls, text: str | None) -> str | None:
        if text is not None:
            parse_member(text)
        return text


JsonFields = dict[str, TypeName | JsonField]


class ParseJson(Model):
    """Columns out of a text column that holds JSON."""

    column: str
    fields: JsonFields = Field(min_length=1, description="New column to its type, or to {path, type}; what is absent is NULL.")
    keep: bool = Field(True, description="Whether the text column stays.")

    def members(self) -> dict[str, tuple[tuple[str | int, ...], JsonField]]:
        """Give new column to the steps that lead to its value, and what it must be."""
        return {name: _member(name, field) for name, field in self.fields.items()}


class Flatten(Model):
    """A nested object (JSON text) as columns with a prefix."""

    column: str
    fields: JsonFields = Field(
        min_length=1, description="Path below the object to its type; `geo.lat` becomes the column PREFIXgeo_lat."
    )
    prefix: str | None = Field(None, description="In front of the new names; the column's name and _ when absent.")
    keep: bool = Field(False, description="Whether the object stays.")

    def members(self) -> dict[str, tuple[tuple[str | int, ...], JsonField]]:
        """Give new column to the steps that lead to its value, and what it must be."""
        prefix = f"{self.column}_" if self.prefix is None else self.prefix
        return {prefix + name.replace(".", "_"): _member(name, field) for name, field in self.fields.items()}


def _member(name: str, field: DataType | JsonField) -> tuple[tuple[str | int, ...], JsonField]:
    whole = field if isinstance(field, JsonField) else JsonField(type=field)
    return parse_member(whole.path or name), whole


class Explode(Model):
    """A row for each element of a list; written `explode: items` when the defaults fit."""

    column: str = Field(description="A list, or text that holds a JSON array.")
    type: TypeName | None = Field(None, description="Of the elements of a JSON array; json when absent. A list has its own.")
    empty: Literal["keep", "drop"] = Field(
        "keep", description="What becomes of rows whose list is empty or missing: kept once with NULL, or dropped and counted."
    )


def _explode(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class Hash(Model):
    """Pseudonyms: HMAC-SHA256 of each value, as 64 hexadecimal digits."""

    columns: tuple[str, ...] = Field(min_length=1, description="Text or whole numbers.")
    salt: str = Field(
        pattern=r"^\$\{env:[A-Za-z_][A-Za-z0-9_]*\}$",
        description="`${env:NAME}`: the environment variable that holds the key, 16 characters at least; never a literal.",
    )


class Mask(Model):
    """Characters hidden, but the first and last ones."""

    columns: tuple[str, ...] = Field(min_length=1)
    first: int = Field(0, ge=0, description="Characters shown at the beginning.")
    last: int = Field(0, ge=0, description="Characters shown at the end.")
    by: str = Field("*", min_length=1, max_length=1, description="What stands for a hidden character.")


class LookupColumn(Model):
    """A column of the other table, and the type it must have."""

    column: str | None = Field(None, description="Its name there; the new column's name when absent.")
    type: TypeName
    parse: str | None = Field(None, description="How text is written, as for a column.")
    timezone: str | None = Field(None, description="The zone that values without one are in.")


class Lookup(Model):
    """Columns of a small table or file, read once a run and found by key."""

    source: Source = Field(description="Any source block; read whole.")
    by: dict[str, str] = Field(min_length=1, description="Column here to column there; together unique there.")
    add: dict[str, TypeName | LookupColumn] = Field(min_length=1, description="New column to its type, or to {column, type}.")
    missing: Literal["null", "reject"] = Field(
        "null", description="What becomes of rows whose key is not there: NULL, or set aside. A key that is NULL finds NULL."
    )
    max_rows: int = Field(1_000_000, ge=1, le=10_000_000, description="More rows than this there fail the run.")

    def columns(self) -> dict[str, tuple[str, LookupColumn]]:
        """Give new column to its name in the other table, and what it must be."""
        found = {}
        for name, given in self.add.items():
            whole = given if isinstance(given, LookupColumn) else LookupColumn(type=given)
            found[name] = (whole.column or name, whole)
        return found


class FormatPayload(Model):
    """Columns that an API of a known form expects, beside or instead of the row's own; the guide defines the formats."""

    format: Literal["default", "esl_format", "inventory_format"] = "default"
    company_code: str | None = Field(None, description="Text; {name} is a param or run variable.")
    store_code: str | None = Field(None, description="Text; {name} is a param or run variable.")
    fields: dict[str, str] = Field(
        default_factory=dict, description="A column of the format to the column it is taken from, where that has another name."
    )
    keep: bool = Field(True, description="Whether the row's own columns stay.")


class Python(Model):
    """A function of the project; written `python: module:function` when columns and types stay as they are."""

    function: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="`module:function` below the project root; takes and returns a polars or pandas frame, as it is annotated.",
    )
    adds: dict[str, TypeName] = Field(default_factory=dict, description="Columns that it adds or gives another type.")
    drops: tuple[str, ...] = Field((), description="Columns that it takes away.")


def _python(value: Any) -> Any:
    return {"function": value} if isinstance(value, str) else value


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
    normalise_unicode: NormaliseUnicode | None = None
    parse_json: ParseJson | None = None
    flatten: Flatten | None = None
    explode: Annotated[Explode | None, BeforeValidator(_explode, json_schema_input_type=str | Explode | None)] = None
    hash: Hash | None = None
    mask: Mask | None = None
    lookup: Lookup | None = None
    format_payload: FormatPayload | None = None
    python: Annotated[Python | None, BeforeValidator(_python, json_schema_input_type=str | Python | None)] = None

    @property
    def kind(self) -> str:
        """The key that is set."""
        return next(iter(self.model_fields_set))
