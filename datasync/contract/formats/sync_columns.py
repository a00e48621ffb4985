"""What a source without types shows, what an earlier configuration says of its fields, and its target's table in, columns out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datasync.contract.column_making import FORMATS
from datasync.contract.formats.sync_config import TYPES, SyncConfig, freshness_column
from datasync.contract.types import DATE, FLOAT64, INT64, STRING, TIMESTAMP_UTC, DataType

Types = Mapping[str, DataType | None]
WORDS = {
    "numeric": FLOAT64, "number": FLOAT64, "float": FLOAT64, "integer": INT64, "string": STRING, "date": DATE,
    "datetime": TIMESTAMP_UTC, "timestamp": TIMESTAMP_UTC,
}  # fmt: skip
"""A validator's word for a type -> the type of text that it is said of."""


@dataclass(frozen=True, slots=True)
class SourceColumns:
    """The columns of a source.

    Attributes:
        types: name to type, in order.
        key: which of them are the key.
        text: cells arrive as text (or as JSON), so that the source's gate casts them.
        records: where an API's answer has its rows, when that had to be found out.
    """

    types: Types
    key: tuple[str, ...]
    text: bool = False
    records: str | None = None


def text_columns(config: SyncConfig, shown: Types, target: Types, key: tuple[str, ...]) -> dict[str, DataType | None]:
    """Type the columns of a source that has none.

    A word of the configuration says it where it fits what the source shows; else the target's table does; else what was shown;
    else it is text.

    Args:
        config: the configuration.
        shown: column to the type that its values were seen to have; None: they are text that may mean anything.
        target: columns of the target's table, if it is there.
        key: the key's columns.
    """
    words = words_of(config)
    converted = {name for step in config.transform.processors for name in step.timestamp_fields}
    made: dict[str, DataType | None] = {}
    for name, seen in (shown or dict.fromkeys(named(config, key))).items():
        said, held = words.get(name), None if name in converted else target.get(name)
        if said == FLOAT64 and name in key:
            # A number with a fraction is no key.
            said = INT64
        if said is not None and _fits(said, seen):
            made[name] = held if held is not None and _same_kind(held, said) else said
        elif held is not None and _fits(held, seen):
            made[name] = held
        else:
            made[name] = seen or STRING
    return made


def words_of(config: SyncConfig) -> dict[str, DataType]:
    """Give the types that the configuration itself says of fields."""
    found = {column: TIMESTAMP_UTC for column in [freshness_column(config)] if column is not None}
    for step in config.transform.processors:
        found |= dict.fromkeys(step.timestamp_fields, TIMESTAMP_UTC)
        found |= {rule.field: WORDS[rule.type] for rule in step.rules if rule.type is not None}
    return found


def named(config: SyncConfig, key: Iterable[str]) -> list[str]:
    """Give the columns that a configuration names, for a source that has nothing to show today."""
    found = dict.fromkeys([*key, *words_of(config)])
    for gate in config.quality_gates.validation_rules:
        found |= dict.fromkeys(gate.required_fields)
    for step in config.transform.processors:
        found |= dict.fromkeys(rule.field for rule in step.rules)
        for candidates in FORMATS[step.format].values():
            if not any(name in found for name in candidates):
                found[candidates[0]] = None
    return list(found)


def kind_of(values: Iterable[Any]) -> DataType | None:
    """Give the type of JSON values; None: they are all null.

    Args:
        values: True, False, None, text, lists and objects; numbers as int or float.
    """
    kinds = {_kind(value) for value in values if value is not None}
    if kinds == {INT64, FLOAT64}:
        return FLOAT64
    return kinds.pop() if len(kinds) == 1 else DataType("json") if kinds else None


def _kind(value: Any) -> DataType:
    if isinstance(value, bool):
        return DataType("bool")
    if isinstance(value, int):
        return INT64 if -(2**63) <= value < 2**63 else FLOAT64
    return FLOAT64 if isinstance(value, float) else STRING if isinstance(value, str) else DataType("json")


def _fits(kind: DataType, seen: DataType | None) -> bool:
    """Text may be read as anything; a number as another kind of number."""
    return seen is None or (seen == STRING and kind.name != "bool") or (seen.is_numeric and kind.is_numeric) or seen == kind


def _same_kind(held: DataType, said: DataType) -> bool:
    return any(getattr(held, word) and getattr(said, word) for word in set(TYPES.values()) | {"is_numeric"})
