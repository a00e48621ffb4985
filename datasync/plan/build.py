"""A contract and the situation of a run in, the run's plan out; no I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from datasync.contract.checks import REFUSED_ROWS, Check, checks_of, row_checks_at_rest, types_of, window_check
from datasync.contract.endpoints import SqlTarget
from datasync.contract.model import Contract
from datasync.contract.types import TIMESTAMP_UTC, DataType
from datasync.plan.local_time import held
from datasync.plan.steps import Audit, Extract, JudgeRows, Load, Plan, Publish, Reconcile, Reshape, Step
from datasync.plan.window import CursorFacts, latest
from datasync.seams import Deletes, HistoryColumns, PinnedFile, ReadRequest, TargetSpec, Window

FILE_KINDS = ("csv", "parquet", "ndjson", "json", "xml")
PAGED_KINDS = ("rest", "graphql", "soap")
"""Sources whose rows have a page and a place on it."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a run finds when it starts.

    Attributes:
        window: None reads everything.
        files: pinned files still to be read, for file kinds.
        variables: run variables and params.
        params: the declared params alone: they are part of the sync's identity.
        watermark: the sync's new watermark once published, as text; None leaves it.
    """

    run_id: str
    kind: Literal["run", "check", "replay", "shadow"] = "run"
    window: Window | None = None
    full: bool = False
    files: tuple[PinnedFile, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    cursor: CursorFacts | None = None
    watermark: str | None = None
    evolve: Mapping[str, DataType] = field(default_factory=dict)
    contract_hash: str = ""
    path: str = ""


def target_name(contract: Contract) -> str:
    """Name the target as one text: kind, connection or database, table or path."""
    target = contract.target
    if target is None:
        return "none"
    place = getattr(target, "connection", None) or getattr(target, "database", None)
    names = ("table", "path", "operation", "endpoint")
    what = next((found for found in (getattr(target, name, None) for name in names) if found), "")
    return ":".join(part for part in (target.type, place, what) if part)


def sync_id(contract: Contract, params: Mapping[str, Any]) -> str:
    """Name the sync: contract, target and the values of its declared params; at most 200 characters."""
    values = json.dumps({name: str(value) for name, value in sorted(params.items())}, ensure_ascii=False) if params else ""
    text = "|".join(part for part in (contract.contract, target_name(contract), values) if part)
    return text if len(text) <= 200 else f"{contract.contract}|{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def target_spec(contract: Contract, situation: Situation) -> TargetSpec:
    """Say what a run writes."""
    target = contract.target
    columns = {**types_of(contract.columns), **situation.evolve}
    cursor = situation.cursor
    history = _history(contract, cursor)
    return TargetSpec(
        sync=sync_id(contract, situation.params),
        contract=contract.contract,
        run_id=situation.run_id,
        write=target.write if target else "replace",
        columns=columns,
        required=frozenset(name for name, column in contract.columns.items() if _never_null(contract, name) or column.key),
        key=contract.key,
        cursor=cursor.column if cursor and cursor.column in columns else None,
        cursor_zone=cursor.zone if cursor else None,
        window=_written_window(situation, history),
        replace_by=target.replace_by if target else "rows",
        position=contract.source.type in (*FILE_KINDS, *PAGED_KINDS),
        evolve=frozenset(situation.evolve),
        history=history,
        deletes=_deletes(contract),
        # A check looks at the same rows as the run would.
        complete=situation.full and situation.kind != "replay",
    )


def _history(contract: Contract, cursor: CursorFacts | None) -> HistoryColumns | None:
    """The columns of `write: scd2`, of the cursor's type as the target has it, else instants."""
    target = contract.target
    if not isinstance(target, SqlTarget) or target.write != "scd2":
        return None
    column = contract.columns.get(cursor.column) if cursor else None
    kind = column.type if column is not None else TIMESTAMP_UTC
    named = target.scd2
    return HistoryColumns(kind, named.valid_from, named.valid_to, named.current) if named is not None else HistoryColumns(kind)


def _written_window(situation: Situation, history: HistoryColumns | None) -> Window | None:
    """The run's window; a history without a cursor has the end of the data interval for its changes' instant."""
    interval_end = situation.variables.get("data_interval_end")
    if history is None or situation.cursor is not None or interval_end is None:
        return situation.window
    return Window(None, interval_end)


def _deletes(contract: Contract) -> Deletes | None:
    target = contract.target
    found = target.deletes if isinstance(target, SqlTarget) and target.write in ("merge", "scd2") else None
    if found is None:
        return None
    if found.missing == "mark":
        return Deletes(missing="mark", mark=found.column)
    return Deletes(found.column, found.missing) if found.column or found.missing else None


def _never_null(contract: Contract, name: str) -> bool:
    """Whether no accepted row can lack the value: required as an error, for every row."""
    column = contract.columns[name]
    return bool(column.required) and column.severity == "error" and column.where is None


def build(contract: Contract, situation: Situation) -> Plan:
    """Lay out the steps of a run.

    Args:
        contract: linted.
        situation: what the run found.

    Returns:
        The plan; `run` executes its steps in order and `plan` explains them.
    """
    checks = tuple(_checks(contract, situation))
    spec = target_spec(contract, situation)
    spec = replace(spec, asked=_asked(checks, spec), looked_up=_looked_up(checks))
    return Plan(
        contract=contract,
        run_id=situation.run_id,
        sync=spec.sync,
        steps=tuple(_steps(contract, situation, checks, spec)),
        checks=checks,
        kind=situation.kind,
        window=situation.window,
        full=situation.full,
        files=situation.files,
        variables=situation.variables,
        contract_hash=situation.contract_hash,
        path=situation.path,
    )


def _checks(contract: Contract, situation: Situation) -> Iterator[Check]:
    declared = checks_of(contract)
    yield from declared
    window = situation.window
    writes_window = contract.target is not None and contract.target.write == "replace_window"
    if writes_window and window is not None and situation.cursor is not None:
        from datasync.contract.expressions import nodes

        column = situation.cursor.column
        kind = contract.columns[column].type
        bounds = [
            nodes.compare("<", nodes.column(column, kind), nodes.literal(held(window.end, kind, situation.cursor.zone), kind))
        ]
        if window.start is not None:
            low = nodes.literal(held(window.start, kind, situation.cursor.zone), kind)
            bounds.insert(0, nodes.compare(">=", nodes.column(column, kind), low))
        yield window_check(column, nodes.all_of(*bounds))
    if contract.run.audit == "full":
        yield from row_checks_at_rest(declared)


def _asked(checks: tuple[Check, ...], spec: TargetSpec) -> frozenset[str]:
    """Columns of the published table that checks at rest may ask: keys that rows which stay could share, and freshness."""
    found: set[str] = set()
    for check in checks:
        merged = spec.write in ("merge", "scd2") and set(spec.key) <= set(check.columns)
        if check.kind == "freshness" or (check.kind == "unique" and spec.write != "replace" and not merged):
            found |= {*check.columns, *(check.where.columns if check.where is not None else ())}
    return frozenset(found & set(spec.columns))


def _looked_up(checks: tuple[Check, ...]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Tables that `references` names, with the pairs of columns that are compared."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for check in checks:
        if check.kind == "references":
            pairs = tuple(zip(check.columns, check.arguments["to"], strict=True))
            found[check.arguments["table"]] = tuple(dict.fromkeys((*found.get(check.arguments["table"], ()), *pairs)))
    return found


def _steps(contract: Contract, situation: Situation, checks: tuple[Check, ...], spec: TargetSpec) -> Iterator[Step]:
    source = contract.source
    first = source.columns or contract.columns
    cursor = source.cursor
    yield Extract(
        ReadRequest(
            batch_rows=contract.run.batch_rows,
            types={name: column.type for name, column in first.items()},
            columns=None,
            cursor=cursor.column if cursor else None,
            cursor_type=situation.cursor.kind if situation.cursor else None,
            cursor_zone=situation.cursor.zone if situation.cursor else None,
            # Without a cursor the window only names what an append adds: the query's own variables select the rows.
            window=_read_window(situation, spec),
            files=situation.files,
            variables=situation.variables,
        ),
        count_null_cursors=any(check.kind == "cursor_nulls" for check in checks),
    )
    if source.columns:
        judged = tuple(check for check in checks if check.gate == "source" and check.family == "row")
        yield JudgeRows("source", source.columns, judged, "pass", first=True)
    if contract.transform:
        yield Reshape(contract.transform)
    judged = tuple(check for check in checks if check.gate == "prepared" and check.family == "row")
    yield JudgeRows("prepared", contract.columns, judged, contract.unknown_columns, first=not source.columns)
    local = situation.kind == "check"
    yield Load(_local_spec(spec, contract, checks) if local else spec, local)
    refusals = next((check for check in checks if check.kind == REFUSED_ROWS), None)
    audited = tuple(check for check in checks if check.gate == "staged" and check is not refusals)
    yield Audit(audited, contract.run.audit == "full")
    if situation.kind != "check" and contract.target is not None:
        yield Publish(spec, situation.watermark, refusals)
        yield Reconcile(spec)


def _read_window(situation: Situation, spec: TargetSpec) -> Window | None:
    """The rows to read. Where a full read tells what is missing, rows that changed since the window was chosen are there too."""
    window = situation.window
    if situation.cursor is None or window is None:
        return None
    judges_missing = spec.history is not None or (spec.deletes is not None and spec.deletes.missing is not None)
    return replace(window, end=latest(situation.cursor.kind)) if spec.complete and judges_missing else window


def _local_spec(spec: TargetSpec, contract: Contract, checks: tuple[Check, ...]) -> TargetSpec:
    """The spec of a check's local staging: only the columns that the audit reads, all of them when expectations may."""
    names = {name for check in checks if check.gate == "staged" for name in check.columns}
    names |= {name for check in checks if check.gate == "staged" and check.where for name in check.where.columns}
    if contract.run.audit == "full" or contract.expectations:
        names |= set(spec.columns)
    columns = {name: kind for name, kind in spec.columns.items() if name in names}
    if not columns:
        # Something must be staged for rows to be counted: the narrowest column will do.
        first = next(iter(spec.columns), None)
        columns = {first: spec.columns[first]} if first else {}
    return replace(spec, columns=columns, key=tuple(name for name in spec.key if name in columns), required=frozenset())
