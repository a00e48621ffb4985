"""Staged rows in, the records of a request out: JSON text with every value exact, or Python values for SOAP."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal

import polars as pl

from datasync.contract.types import DataType

Encode = Callable[[Any], str]


class Unsayable(ValueError):
    """A value has no form in the API's language; the message names the column and not the value."""


@dataclass(frozen=True, slots=True)
class Records:
    """Rows as an API takes them.

    Attributes:
        values: one per row that can be said, in order: JSON text, or a mapping for SOAP.
        places: the row's place in the batch, for each of `values`.
        refused: place to reason, for rows with a value that has no form in the API's language.
    """

    values: list[Any]
    places: list[int]
    refused: dict[int, str] = field(default_factory=dict)


def as_json(frame: pl.DataFrame, types: Mapping[str, DataType], decimals: Literal["number", "string"] = "number") -> Records:
    """Write rows as JSON objects.

    Integers and decimals keep all their digits (`decimals: string` puts decimals in quotes), dates and times are ISO 8601,
    zoned timestamps carry their offset, binary is base64, json columns stand as they are, a missing value is null. NaN and
    infinity have no JSON.

    Args:
        frame: the rows.
        types: name to type of its columns.
        decimals: how decimals stand.
    """
    columns = [(f"{json.dumps(name, ensure_ascii=False)}: ", name, _encoder(kind, decimals)) for name, kind in types.items()]

    def write(row: tuple[Any, ...]) -> str:
        parts = []
        for (head, name, encode), value in zip(columns, row, strict=True):
            try:
                parts.append(head + ("null" if value is None else encode(value)))
            except Unsayable as error:
                raise Unsayable(f"{name}: {error}") from error
        return "{" + ", ".join(parts) + "}"

    return _each(frame, types, write)


def as_values(frame: pl.DataFrame, types: Mapping[str, DataType]) -> Records:
    """Give rows as mappings of Python values, which zeep writes as the WSDL's types say."""
    names = list(types)
    return _each(frame, types, lambda row: dict(zip(names, row, strict=True)))


def _each(frame: pl.DataFrame, types: Mapping[str, DataType], make: Callable[[tuple[Any, ...]], Any]) -> Records:
    found = Records([], [])
    for place, row in enumerate(_exact(frame, types).iter_rows()):
        try:
            value = make(row)
        except Unsayable as error:
            found.refused[place] = str(error)
            continue
        found.values.append(value)
        found.places.append(place)
    return found


def _exact(frame: pl.DataFrame, types: Mapping[str, DataType]) -> pl.DataFrame:
    """Nanoseconds are more than Python's datetime holds: they become text here."""
    made = []
    for name, kind in types.items():
        column = pl.col(name)
        if kind.name == "timestamp" and kind.unit == "ns":
            column = column.dt.strftime("%Y-%m-%dT%H:%M:%S%.9f" + ("%:z" if kind.zone else ""))
        made.append(column)
    return frame.select(made)


def _encoder(kind: DataType, decimals: Literal["number", "string"]) -> Encode:
    if kind.name == "list":
        assert kind.item is not None
        inner = _encoder(kind.item, decimals)
        return lambda values: "[" + ", ".join("null" if value is None else inner(value) for value in values) + "]"
    if kind.is_integer:
        return str
    if kind.is_float:
        return _float
    if kind.name == "decimal":
        return _decimal if decimals == "number" else lambda value: f'"{_decimal(value)}"'
    if kind.name == "json":
        return _plain
    others: dict[str, Encode] = {"bool": lambda value: "true" if value else "false", "binary": _binary}
    return others.get(kind.name, _text)


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise Unsayable("NaN and infinity have no JSON form")
    return repr(value)


def _decimal(value: Decimal) -> str:
    return format(value, "f")


def _plain(value: str) -> str:
    return value


def _binary(value: bytes) -> str:
    return json.dumps(base64.b64encode(value).decode())


def _text(value: Any) -> str:
    return json.dumps(value.isoformat() if isinstance(value, datetime | date | time) else str(value), ensure_ascii=False)
