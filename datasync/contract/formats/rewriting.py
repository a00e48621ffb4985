"""An earlier configuration and the columns of its source in, the native contract that does the same out, as plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from datasync.contract.column_flow import columns_after
from datasync.contract.formats.sync_blocks import plain, source_of, target_of
from datasync.contract.formats.sync_columns import SourceColumns
from datasync.contract.formats.sync_config import TYPES, Gate, Step, SyncConfig, freshness_column, problem_at
from datasync.contract.formats.sync_variables import Names
from datasync.contract.processing import Processor
from datasync.contract.scalars import decimal_text, parse_share
from datasync.contract.types import STRING, DataType
from datasync.contract.yaml_tree import Path, Tree
from datasync.errors import ContractError, Problem

COUNTED = ("postgres", "mysql", "parquet")
"""Sources that say how many rows they have, so that rows lost for any reason can be counted."""


@dataclass
class Rewriting:
    """One rewriting on its way.

    Attributes:
        source: columns of the source with their promises.
        checks: column to what is asked of it.
    """

    config: SyncConfig
    tree: Tree
    file: str
    names: Names
    source: dict[str, dict[str, Any]] = field(default_factory=dict)
    kinds: dict[str, DataType | None] = field(default_factory=dict)
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def attempt(self, path: Path, make: Callable[[], Any]) -> Any:
        """Make a part; what does not fit is said at its place."""
        try:
            return make()
        except ValueError as error:
            self.problem(path, str(error))
            return None

    def problem(self, path: Path, found: str, hint: str = "") -> None:
        """Say that something has no counterpart."""
        self.problems.append(problem_at(self.tree, self.file, path, found, hint))


def source_block(config: SyncConfig, tree: Tree, file: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Give the native source without columns, and the params that it needs.

    Raises:
        ContractError: a placeholder or variable has no counterpart.
    """
    rewriting = Rewriting(config, tree, file, Names(dict(config.source.params)))
    block = source_of(rewriting)
    if rewriting.problems:
        raise ContractError(rewriting.problems)
    return block, rewriting.names.params


def unfit_texts(config: SyncConfig, tree: Tree, file: str) -> list[Problem]:
    """Say which texts of source and target have no counterpart, as far as that can be told without asking the source."""
    rewriting = Rewriting(config, tree, file, Names(dict(config.source.params)))
    source_of(rewriting)
    target_of(rewriting)
    return rewriting.problems


def rewrite(config: SyncConfig, tree: Tree, file: str, name: str, columns: SourceColumns) -> dict[str, Any]:
    """Give the native contract.

    Args:
        config: of `tree`, which stands in `file`.
        name: the contract's.
        columns: the source's.

    Raises:
        ContractError: everything that has no counterpart.
    """
    types, key = columns.types, columns.key
    rewriting = Rewriting(config, tree, file, Names(dict(config.source.params)))
    rewriting.kinds = dict(types)
    rewriting.source = {column: _promise(kind, columns.text) for column, kind in types.items()}
    source = source_of(rewriting, columns.records)
    steps = [item for number, step in enumerate(config.transform.processors) for item in _step(rewriting, step, number)]
    promised = _gates(rewriting, source)
    target = target_of(rewriting)
    kinds = rewriting.kinds
    for column in rewriting.checks:
        if column not in kinds:
            rewriting.problem(("transform",), f"a promise about '{column}', which no step gives; there are {', '.join(kinds)}")
    if rewriting.problems:
        raise ContractError(rewriting.problems)
    made: dict[str, Any] = {"contract": name, "version": "1.0.0"}
    if config.monitoring.task_decomposition:
        made["run"] = {"tasks": "split"}
    made |= {"params": rewriting.names.params} if rewriting.names.params else {}
    made["source"] = {**source, "columns": rewriting.source}
    made |= {"transform": steps} if steps else {}
    made["columns"] = {
        column: {"type": str(kind or STRING), **({"key": True} if column in key else {}), **rewriting.checks.get(column, {})}
        for column, kind in kinds.items()
    }
    made |= {**promised, "target": target}
    alerts = [
        {"when": alert.condition, "to": [alert.channel], **({"message": alert.message} if alert.message else {})}
        for alert in config.monitoring.alerts
    ]
    return made | ({"alerts": alerts} if alerts else {})


def _promise(kind: DataType | None, text: bool) -> dict[str, Any]:
    """What the source promises of a column; text without a zone is in UTC."""
    zoned = text and kind is not None and kind.name == "timestamp" and kind.zone is not None
    return {"type": str(kind or STRING), **({"timezone": "UTC"} if zoned else {})}


def _step(rewriting: Rewriting, step: Step, number: int) -> list[dict[str, Any]]:
    path: Path = ("transform", "processors", number)
    if step.type == "data_validator":
        for place, rule in enumerate(step.rules):
            kind = rewriting.kinds.get(rule.field)
            if rule.type is not None and kind is not None and not getattr(kind, TYPES[rule.type]):
                rewriting.problem(
                    (*path, "rules", place, "type"), f"{rule.type}, and {rule.field} is {kind}", "cast it in the query"
                )
            asked = rule.model_dump(exclude_none=True, exclude={"field", "type"})
            rewriting.checks.setdefault(rule.field, {}).update({word: plain(value) for word, value in asked.items()})
        return []
    if step.type == "timestamp_converter":
        if step.timezone is None or not step.timestamp_fields:
            rewriting.problem(path, "neither timezone nor timestamp_fields may be missing")
            return []
        _instants(rewriting, step.timestamp_fields)
        item: dict[str, Any] = {"convert_timezone": {"columns": list(step.timestamp_fields), "to": step.timezone}}
    else:
        made = {}
        for code in ("company_code", "store_code"):
            if (text := getattr(step, code)) is not None:
                made[code] = rewriting.attempt((*path, code), partial(rewriting.names.text, text))
        item = {"format_payload": {"format": step.format, **made}}
    after = rewriting.attempt(path, lambda: columns_after(Processor.model_validate(_frozen(item)), rewriting.kinds))
    rewriting.kinds = after if after is not None else rewriting.kinds
    return [item]


def _frozen(value: Any) -> Any:
    """Lists as the models want them."""
    if isinstance(value, dict):
        return {name: _frozen(item) for name, item in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _instants(rewriting: Rewriting, names: tuple[str, ...]) -> None:
    """Timestamps without a zone were in UTC; the source's gate makes instants of them."""
    for name in names:
        kind = rewriting.kinds.get(name)
        if kind is not None and kind.name == "timestamp" and kind.zone is None:
            zoned = replace(kind, zone="UTC")
            rewriting.kinds[name] = zoned
            rewriting.source[name] = {"type": str(zoned), "timezone": "UTC"}


def _gates(rewriting: Rewriting, source: dict[str, Any]) -> dict[str, Any]:
    counted = source["type"] in COUNTED or (source.get("pagination") or {}).get("total") is not None
    # An empty day was no failure then.
    made: dict[str, Any] = {"count": {"min": 0}}
    for number, gate in enumerate(rewriting.config.quality_gates.validation_rules):
        path: Path = ("quality_gates", "validation_rules", number)
        if gate.type == "record_count_match":
            share = f"{decimal_text(parse_share(gate.tolerance or 0) * 100)}%"
            if counted:
                made["count"]["tolerance"] = share
            made["quarantine"] = {"allow": share}
        elif gate.type == "data_freshness":
            made["freshness"] = _freshness(rewriting, gate, path)
        else:
            for name in gate.required_fields:
                rewriting.checks.setdefault(name, {})["required"] = True
    return made


def _freshness(rewriting: Rewriting, gate: Gate, path: Path) -> dict[str, Any]:
    column = freshness_column(rewriting.config) or ""
    kind = rewriting.kinds.get(column)
    if gate.max_age_hours is None or kind is None or kind.name != "timestamp":
        rewriting.problem(path, f"data_freshness needs max_age_hours and a timestamp, and {column} is {kind or 'no column'}",
                          "name it in field:")  # fmt: skip
    if kind is not None and kind.zone is None:
        rewriting.checks.setdefault(column, {})["timezone"] = "UTC"
    return {"column": column, "max_age": f"{gate.max_age_hours}h"}
