"""A YAML tree of the earlier sync configuration in, its typed parts out, or each thing that is wrong with it.

That configuration names no columns, which a contract needs: `datasync import` asks the source for them and rewrites it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, ValidationError

from datasync.contract.base import Model
from datasync.contract.columns import Value
from datasync.contract.formats.ill_typed import problems_of
from datasync.contract.formats.sync_variables import holds_variable
from datasync.contract.model import Contract
from datasync.contract.yaml_tree import Path, Tree, dotted
from datasync.errors import ContractError, Problem

TYPES = {
    "numeric": "is_numeric", "number": "is_numeric", "integer": "is_integer", "float": "is_float", "string": "is_text",
    "datetime": "is_temporal", "timestamp": "is_temporal", "date": "is_temporal",
}  # fmt: skip
"""A validator's word for a type -> the property of `DataType` that says so."""


FileFormat = Literal["csv", "json", "ndjson", "parquet", "xml"]


class Source(Model):
    """Where rows are read: a query whose `{placeholders}` are filled from params, an API that is asked with params, or files."""

    type: Literal["postgres", "mysql", "rest_api", "file"]
    connection_id: str | None = None
    query: str | None = None
    params: dict[str, Value] = Field(default_factory=dict)
    endpoint: str | None = None
    method: Literal["GET"] | None = None
    headers: dict[str, str] | None = None
    records: str | None = None
    pagination: dict[str, Any] | None = None
    path: str | None = None
    format: FileFormat | None = None
    options: dict[str, Any] | None = None


class Target(Model):
    """Where rows go: an API, a table, or a file."""

    type: Literal["rest_api", "postgres", "mysql", "file"]
    connection_id: str | None = None
    endpoint: str | None = None
    method: Literal["POST", "PUT", "PATCH"] | None = None
    payload_template: dict[str, Any] | None = None
    table: str | None = None
    path: str | None = None
    format: FileFormat | None = None
    options: dict[str, Any] | None = None


SQL_TYPES = ("postgres", "mysql")
_FILE = (("path",), ("connection_id", "format", "options"))
SOURCE_KEYS = {
    "postgres": (("connection_id", "query"), ("params",)),
    "mysql": (("connection_id", "query"), ("params",)),
    "rest_api": (("connection_id", "endpoint"), ("params", "method", "headers", "records", "pagination")),
    "file": (_FILE[0], (*_FILE[1], "params")),
}
TARGET_KEYS = {
    "postgres": (("connection_id", "table"), ()),
    "mysql": (("connection_id", "table"), ()),
    "rest_api": (("connection_id", "endpoint"), ("method", "payload_template")),
    "file": _FILE,
}
"""Type -> the keys that it needs, and those that it may have."""


class FieldRule(Model):
    """What `data_validator` asks of a field."""

    field: str
    type: Literal[tuple(TYPES)] | None = None  # type: ignore[valid-type]
    required: bool | None = None
    min: Value | None = None
    max: Value | None = None
    pattern: str | None = None


class Step(Model):
    """One processor; which keys it may have depends on its type."""

    type: Literal["timestamp_converter", "payload_formatter", "data_validator"]
    timezone: str | None = None
    timestamp_fields: tuple[str, ...] = ()
    format: Literal["default", "esl_format", "inventory_format"] = "default"
    company_code: str | None = None
    store_code: str | None = None
    rules: tuple[FieldRule, ...] = ()


class Transform(Model):
    processors: tuple[Step, ...] = ()


class ChangeDetection(Model):
    enabled: bool = True
    query: str | None = None


class EarlierAlert(Model):
    condition: str
    channel: Literal["slack", "email", "both"]
    message: str | None = None


class Monitoring(Model):
    change_detection: ChangeDetection | None = None
    task_decomposition: bool = False
    alerts: tuple[EarlierAlert, ...] = ()


class Gate(Model):
    """One of `validation_rules`."""

    type: Literal["record_count_match", "data_freshness", "schema_validation"]
    tolerance: int | Decimal | str | None = None
    max_age_hours: int | None = Field(None, ge=1)
    field: str | None = None
    required_fields: tuple[str, ...] = ()


class Gates(Model):
    validation_rules: tuple[Gate, ...] = ()


class SyncConfig(Model):
    """A whole earlier configuration."""

    source: Source
    target: Target
    transform: Transform = Transform()
    monitoring: Monitoring = Monitoring()
    quality_gates: Gates = Gates()


UNDECLARED = "E_SYNC_CONFIG_COLUMNS"
"""Code of the one problem that such a file has for a reader who cannot ask its source."""


def recognises(tree: Tree) -> bool:
    """Tell whether a tree is in this spelling: it has no name, and connections or types are called as they were then."""
    value = tree.value
    if not isinstance(value, dict) or "contract" in value:
        return False
    blocks = [block for name in ("source", "target") if isinstance(block := value.get(name), dict)]
    return any("connection_id" in block or block.get("type") in ("rest_api", "file") for block in blocks)


def normalise(tree: Tree, file: str) -> tuple[Contract | None, list[Problem]]:
    """Type such a file as far as its text goes; its columns are the source's, which is asked when it runs."""
    from datasync.contract.formats.rewriting import unfit_texts
    from datasync.contract.formats.sync_judging import judge

    try:
        config = read_config(tree, file)
        unfit = [*unfit_texts(config, tree, file), *judge(config, tree, file)]
    except ContractError as error:
        return None, [problem for problem in error.problems if problem not in tree.problems]
    place = tree.place(("source",))
    found = "the earlier configuration: its columns are asked of the source when it runs"
    hint = "datasync import --format sync_config FILE writes the contract"
    return None, [*unfit, Problem("", found, "", hint, file, place.line, place.column, UNDECLARED, "advice")]


def read_config(tree: Tree, file: str) -> SyncConfig:
    """Type a tree.

    Raises:
        ContractError: every key or value that does not fit.
    """
    try:
        found = SyncConfig.model_validate(tree.value)
    except ValidationError as error:
        raise ContractError([*tree.problems, *problems_of(error, tree, file, SyncConfig)]) from None
    problems = [*tree.problems]
    for name, block, keys in (("source", found.source, SOURCE_KEYS), ("target", found.target, TARGET_KEYS)):
        problems += _unfit_keys(tree, file, name, block, keys[block.type])
    if problems:
        raise ContractError(problems)
    return found


def _unfit_keys(tree: Tree, file: str, name: str, block: Model, keys: tuple[tuple[str, ...], tuple[str, ...]]) -> list[Problem]:
    """Say which keys of a block its type lacks, or does not have."""
    needed, others = keys
    kind = getattr(block, "type", "")
    lacking = [problem_at(tree, file, (name,), f"'{key}' is missing") for key in needed if getattr(block, key) is None]
    extra = [
        problem_at(tree, file, (name, key), f"a key that type {kind} does not have", f"it has {', '.join((*needed, *others))}")
        for key in sorted(block.model_fields_set - {"type", *needed, *others})
    ]
    return lacking + extra


def problem_at(tree: Tree, file: str, path: Path, found: str, hint: str = "") -> Problem:
    """Say a problem of an earlier configuration at its place."""
    place = tree.place(path)
    return Problem(dotted(path), found, "", hint, file, place.line, place.column, "E_SYNC_CONFIG")


_COMPARED = re.compile(r"(\w+)\s*(?:>=?|<=?)\s*'\{")


def freshness_column(config: SyncConfig) -> str | None:
    """Give the column that `data_freshness` is about: the one it names, or that the query compares with a placeholder."""
    for gate in config.quality_gates.validation_rules:
        if gate.type == "data_freshness":
            compared = _COMPARED.search(config.source.query or "")
            return gate.field or (compared[1] if compared else "updated_at")
    return None


def with_params(config: SyncConfig, given: Mapping[str, Any]) -> SyncConfig:
    """Put values from outside where the file has a variable, or where they are run variables themselves.

    Other params stay: the contract declares them, and a run gives them their values.
    """
    params = {
        name: given[name] if name in given and (holds_variable(value) or holds_variable(given[name])) else value
        for name, value in config.source.params.items()
    }
    return config.model_copy(update={"source": config.source.model_copy(update={"params": params})})
