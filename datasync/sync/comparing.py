"""Two places as a person names them in, their comparison out: looked up, opened, compared and closed."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasync.compare.comparing import Question, compare
from datasync.compare.databases import DuckdbTable, MysqlTable, PostgresTable, SqliteTable, readable
from datasync.compare.spooling import spooled
from datasync.compare.values import Comparison, Table
from datasync.connectors.paths import local_path
from datasync.connectors.registry import open_source
from datasync.contract import endpoints
from datasync.contract.checks import types_of
from datasync.contract.endpoints.api import API_KINDS
from datasync.contract.loader import LoadedContract, find_contracts
from datasync.contract.types import DataType
from datasync.contract.variables import resolve_params
from datasync.errors import ConnectorError, ContractError, Interrupted, PermanentError, UsageError
from datasync.plan.build import target_name
from datasync.seams import Connection, Source, Surroundings
from datasync.sync.judged import file_endpoint
from datasync.sync.loading import load_any
from datasync.sync.options import RunOptions
from datasync.sync.prepare import Request, run_variables
from datasync.sync.project import Project, open_project
from datasync.sync.shadow import shadow_target
from datasync.sync.supervise import Supervised, supervise
from datasync.sync.systems import rendered, surroundings

FORMS = "CONNECTION:schema.table, sqlite:PATH:table, duckdb:PATH:table, file:PATH or contract:NAME"
"""How a table is named."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table is.

    Attributes:
        label: as it is shown.
        endpoint: a contract's target, or a source.
        types: what a contract says of its columns.
        key: the contract's.
        made_by: the command that publishes there; empty: it is no contract's target.
    """

    label: str
    endpoint: Any
    types: Mapping[str, DataType]
    key: tuple[str, ...] = ()
    made_by: str = ""


def compare_places(
    names: tuple[str, ...], question: Question, params: Mapping[str, str] | None = None,
    connections: Callable[[str], Connection] | None = None,
) -> Comparison:  # fmt: skip
    """Compare two tables; of a single contract its target with its shadow.

    Args:
        names: one contract, or two tables (`FORMS`).
        question: what is to be compared; an empty key is the contract's.
        params: values of declared params, for paths of targets.
        connections: looks connections up; default: the environment and connections.yaml.

    Raises:
        UsageError: a name that says no table, or nothing that says which rows belong together.
        Interrupted: SIGINT or SIGTERM.
        ConnectorError: a system failed.
    """
    project = _project(names)
    around = surroundings(project, connections)
    given = params or {}
    if len(names) == 1:
        places = _with_shadow(_contract(names[0], project), given)
    else:
        places = (_place(names[0], project, around, given), _place(names[1], project, around, given))
    key = question.key or places[0].key or places[1].key
    types = {**places[1].types, **places[0].types}
    asked = replace(question, key=key, types=types)
    opened: list[Source | Table] = []
    stop = threading.Event()

    def end() -> None:
        for system in tuple(opened):
            system.cancel()

    task = Supervised(lambda: _compare(places, asked, around, opened), stop, end, lambda: False)
    try:
        return supervise(task)
    except ConnectorError as error:
        if stop.is_set():
            raise Interrupted("the comparison was interrupted") from error
        raise


def _compare(places: tuple[Place, Place], question: Question, around: Surroundings, opened: list[Source | Table]) -> Comparison:
    """Open both tables and compare them; what is opened is told, so that it can be cancelled."""
    with ExitStack() as stack:
        around.home.mkdir(parents=True, exist_ok=True)
        tables = []
        for place in places:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="compare", dir=around.home)))
            table = _open(place, around, folder, opened)
            stack.callback(table.close)
            opened.append(table)
            tables.append(table)
        return compare(tables[0], tables[1], question)


def _project(names: tuple[str, ...]) -> Project:
    """The project of a contract that is named by its file, else that of the working directory."""
    path = Path(names[0].removeprefix("contract:"))
    return open_project(path if path.is_file() else Path.cwd())


def _place(name: str, project: Project, around: Surroundings, params: Mapping[str, str]) -> Place:
    kind, colon, rest = name.partition(":")
    if not colon or not rest:
        raise _unclear(name)
    if kind == "contract":
        loaded = _contract(rest, project)
        return _target(loaded, loaded.contract.target, params)
    if kind == "file":
        return Place(name, file_endpoint(project.root / rest), {})
    if kind in ("sqlite", "duckdb"):
        database, colon, table = rest.rpartition(":")
        if not colon or not table:
            raise _unclear(name)
        model: Any = endpoints.SqliteSource if kind == "sqlite" else endpoints.DuckdbSource
        return Place(name, model(type=kind, database=database, table=table), {})
    found = around.connection(kind)
    models: dict[str, Any] = {
        "postgres": endpoints.PostgresSource, "mysql": endpoints.MysqlSource, "oracle": endpoints.OracleSource
    }  # fmt: skip
    if found.kind not in models:
        raise UsageError(
            f"connection '{kind}' is of type {found.kind or 'unknown'}; tables are compared in {', '.join(models)}",
            code="E_COMPARE",
        )
    return Place(name, models[found.kind](type=found.kind, connection=kind, table=rest), {})


def _unclear(name: str) -> UsageError:
    return UsageError(f"'{name[:80]}' names no table; write {FORMS}", code="E_COMPARE")


def _contract(name: str, project: Project) -> LoadedContract:
    """Load a contract by its file or its name."""
    name = name.removeprefix("contract:")
    if Path(name).is_file() or "/" in name or name.endswith((".yaml", ".yml")):
        return load_any(Path(name))
    folder = project.root / "contracts"
    for path in find_contracts([folder]) if folder.is_dir() else ():
        try:
            loaded = load_any(path)
        except ContractError:
            continue
        if loaded.contract.contract == name:
            return loaded
    raise UsageError(f"there is no contract '{name[:60]}'", code="E_COMPARE", hint="name its file, or one in contracts/")


def _with_shadow(loaded: LoadedContract, params: Mapping[str, str]) -> tuple[Place, Place]:
    shadow = _target(loaded, shadow_target(loaded.contract), params)
    return _target(loaded, loaded.contract.target, params), replace(shadow, made_by=f"{shadow.made_by} --shadow")


def _target(loaded: LoadedContract, target: Any, params: Mapping[str, str]) -> Place:
    contract = loaded.contract
    if target is None or target.type in API_KINDS:
        what = "has no target" if target is None else f"has a {target.type} target, which cannot be read back"
        raise UsageError(f"{contract.contract} {what}", code="E_NO_TARGET")
    request = Request("compare", RunOptions(), resolve_params(contract, params), datetime.now(UTC))
    values = run_variables(contract, request)
    return Place(
        target_name(contract.model_copy(update={"target": target})),
        rendered(target, values),
        types_of(contract.columns),
        _key(contract),
        f"datasync run {contract.contract}",
    )


def _key(contract: Any) -> tuple[str, ...]:
    """What is unique in the contract's target."""
    versions = contract.target is not None and contract.target.write == "scd2"
    named = contract.target.scd2 or endpoints.Scd2() if versions else None
    return (*contract.key, named.valid_from) if named is not None and contract.key else contract.key


def _open(place: Place, around: Surroundings, folder: Path, opened: list[Source | Table]) -> Table:
    endpoint = place.endpoint
    if endpoint.type == "postgres":
        return PostgresTable(place.label, around.connection(endpoint.connection), endpoint.table)
    if endpoint.type == "mysql":
        return MysqlTable(place.label, around.connection(endpoint.connection), endpoint.table)
    if endpoint.type in ("sqlite", "duckdb"):
        path = readable(local_path(endpoint.database, around), endpoint.database)
        return (
            SqliteTable(place.label, path, endpoint.table)
            if endpoint.type == "sqlite"
            else DuckdbTable(place.label, path, endpoint.table)
        )
    source = open_source(_reading(endpoint), around)
    opened.append(source)
    try:
        return spooled(place.label, source, place.types, folder)
    except PermanentError as error:
        if error.code != "E_SOURCE_MISSING" or not place.made_by:
            raise
        raise PermanentError(
            f"{place.label}: nothing is published there", code=error.code, hint=f"publish first: {place.made_by}"
        ) from error


def _reading(endpoint: Any) -> Any:
    """The source that reads what a target writes which is compared by a copy."""
    if not hasattr(endpoint, "write"):
        return endpoint
    if endpoint.type == "oracle":
        return endpoints.OracleSource(type="oracle", connection=endpoint.connection, table=endpoint.table)
    if endpoint.type == "delta":
        return endpoints.DeltaSource(type="delta", path=endpoint.path, connection=endpoint.connection)
    return endpoints.reading(endpoint)
