"""A contract, its project and the caller's choices in, the open systems of one run out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from datasync.connectors.connections import lookup
from datasync.connectors.registry import open_source, open_target
from datasync.contract.checks import checks_of, types_of
from datasync.contract.endpoints import DuckdbTarget
from datasync.contract.loader import LoadedContract, find_contracts, load_contract
from datasync.contract.types import DataType, Dialect
from datasync.contract.variables import placeholders, render_path
from datasync.errors import ContractError, UsageError
from datasync.gates.auditor import Auditor
from datasync.seams import Connection, Source, Surroundings, Target
from datasync.stages.local_staging import LocalTarget
from datasync.sync.prepare import Request, run_variables
from datasync.sync.project import Project

CHECK_MEMORY = "256MB"
"""What DuckDB may use before it spills while a check stages and judges: sorting out duplicates is no slower so."""


@dataclass(frozen=True, slots=True)
class Systems:
    """What a run works with.

    Attributes:
        target: the contract's; None: the contract can only be checked.
        staging_target: where this run stages: the target, or for a check a local DuckDB.
    """

    source: Source
    target: Target | None
    staging_target: Target
    auditor: Auditor
    open_source: Callable[[Any], Source]
    """Opens a further source, such as a lookup's table, as the run's own is opened."""


def surroundings(project: Project, connections: Callable[[str], Connection] | None = None) -> Surroundings:
    """Say what connectors may use of the project; connections are looked up there unless the caller has his own."""
    return Surroundings(project.root, project.home, connections or (lambda name: lookup(name, project.root)), project.roots)


@contextmanager
def open_systems(
    loaded: LoadedContract, project: Project, request: Request, auditor: Auditor | None = None, audited: bool = True
) -> Iterator[Systems]:
    """Open a run's systems; they are closed when the run is over.

    Args:
        loaded: the contract.
        project: its places.
        request: what is asked.
        auditor: one that outlives the run, for callers with several runs.
        audited: Great Expectations will be asked.

    Raises:
        UsageError: a run without target, or a path that its variables do not fill.
    """
    contract, options = loaded.contract, request.options
    if contract.target is None and options.kind != "check":
        raise UsageError(
            f"{contract.contract} has no target: it can only be checked",
            code="E_NO_TARGET",
            hint="datasync check, or add a target",
        )
    around = surroundings(project, options.connections)
    workspace = project.run_folder(contract.contract, request.run_id)
    values = run_variables(contract, request)
    own = auditor is None
    auditor = auditor or Auditor(workspace.local / "audit.log")
    if audited and _audits(loaded):
        # Before locks and connections: a forked worker must not hold any of them.
        auditor.expect(_staged_in(loaded, request))
    source = open_source(rendered(contract.source, values), around)
    target = open_target(rendered(contract.target, values), around) if contract.target is not None else None
    if hasattr(source, "known"):
        source.known = values
    if target is not None and hasattr(target, "resolve"):
        target.resolve = lambda name: _published_by(name, loaded, project)
    staging: Target
    if options.kind == "check":
        from datasync.connectors.duckdb.target import DuckdbTarget as LocalDuckdb

        workspace.create()
        local = Surroundings(workspace.spill, project.home, around.connection, (workspace.spill,))
        endpoint = DuckdbTarget(type="duckdb", database=str(workspace.spill / "check.duckdb"), table="staged", write="replace")
        judged = LocalTarget(LocalDuckdb(endpoint, local, CHECK_MEMORY), contract, target, around)
        judged.alone = options.at_target
        staging = judged
    else:
        assert target is not None
        staging = target
    try:
        yield Systems(source, target, staging, auditor, lambda endpoint: open_source(rendered(endpoint, values), around))
    finally:
        if own:
            auditor.close()
        for system in (source, target, staging):
            if system is not None:
                system.close()


def _published_by(name: str, loaded: LoadedContract, project: Project) -> tuple[Any, dict[str, DataType]] | None:
    """Find the contract that file targets name in `references: {contract}`: its target, and its columns' types."""
    for folder in (loaded.path.resolve().parent, project.root / "contracts"):
        for path in find_contracts([folder]) if folder.is_dir() else ():
            try:
                found = load_contract(path).contract
            except ContractError:
                continue
            if found.contract == name and found.target is not None:
                return found.target, types_of(found.columns)
    return None


def rendered(endpoint: Any, values: Mapping[str, Any]) -> Any:
    """Put params and run variables into an endpoint's path."""
    for name in ("path", "database"):
        text = getattr(endpoint, name, None)
        if text and any(True for _ in placeholders(text)):
            endpoint = endpoint.model_copy(update={name: render_path(text, values)})
    return endpoint


def _staged_in(loaded: LoadedContract, request: Request) -> Dialect:
    """Say which system will hold staging: databases keep their own, all else is staged in DuckDB."""
    target = loaded.contract.target
    if request.options.kind == "check" or target is None:
        return "duckdb"
    found: dict[str, Dialect] = {"postgres": "postgres", "mysql": "mysql", "sqlite": "sqlite"}
    return found.get(target.type, "duckdb")


def _audits(loaded: LoadedContract) -> bool:
    """Whether Great Expectations will have anything to judge."""
    judged = ("unique", "references", "null_share", "distinct", "freshness", "expectation")
    bounded = loaded.contract.count is not None and (
        loaded.contract.count.min is not None or loaded.contract.count.max is not None
    )
    return bounded or loaded.contract.run.audit == "full" or any(check.kind in judged for check in checks_of(loaded.contract))
