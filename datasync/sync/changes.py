"""A contract in, whether its source has anything new out; the source counts, no row is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from datasync.contract.loader import LoadedContract
from datasync.contract.model import Contract
from datasync.contract.variables import resolve_params
from datasync.errors import UsageError
from datasync.history.store import History
from datasync.plan.build import FILE_KINDS, PAGED_KINDS, Situation, target_spec
from datasync.seams import Connection, PinnedFile, ReadRequest
from datasync.sync.options import RunOptions
from datasync.sync.prepare import Opened, Request, prepare
from datasync.sync.project import open_project
from datasync.sync.session import new_run_id
from datasync.sync.systems import Systems, open_systems


class VersionedSource(Protocol):
    """A source of `changes.by: modified` that has no files, but a version."""

    def version(self, known: PinnedFile | None) -> PinnedFile | None:
        """Give the version there is now; None: still the known one."""


class PagedReading(Protocol):
    """A reading whose first page says whether there is anything, and perhaps how much."""

    def peek(self) -> bool:
        """Tell whether there is any row."""

    def first_total(self) -> int | None:
        """Give how many rows the source says there are."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new: rows; for `modified` files, for `version` versions of a table; count None: nobody could count."""

    changed: bool
    count: int | None
    by: str


def changes(
    loaded: LoadedContract,
    params: Mapping[str, str],
    connections: Callable[[str], Connection] | None = None,
    interval: tuple[str, str] | None = None,
) -> Changes:
    """Ask the source, in the contract's way: `changes.query`, `modified`, or by cursor.

    Args:
        loaded: the contract.
        params: values of its params.
        connections: looks connections up; default: the environment and connections.yaml.
        interval: the data interval of a source without cursor, as text; default: today.

    Raises:
        UsageError: the contract has no way to tell.
        ConnectorError: a system failed.
    """
    project = open_project(loaded.path)
    now = datetime.now(UTC)
    start, end = interval or (None, None)
    options = RunOptions(params=params, connections=connections, window_start=start, window_end=end)
    request = Request(new_run_id(now), options, resolve_params(loaded.contract, params), now)
    with ExitStack() as stack:
        history = History(project.history_url)
        stack.callback(history.close)
        systems = stack.enter_context(open_systems(loaded, project, request, audited=False))
        opened = Opened(_without_steps(loaded.contract), systems.source, systems.target, history)
        return _ask(loaded, opened, request, systems)


def _without_steps(contract: Contract) -> Contract:
    """Read nothing again that an integer's lag would: the last row of all would be news for ever."""
    cursor = contract.source.cursor
    if cursor is None or not isinstance(cursor.lag, int):
        return contract
    source = contract.source.model_copy(update={"cursor": cursor.model_copy(update={"lag": None})})
    return contract.model_copy(update={"source": source})


def _ask(loaded: LoadedContract, opened: Opened, request: Request, systems: Systems) -> Changes:
    contract = loaded.contract
    declared = contract.source.changes
    if declared is not None and declared.query is not None:
        variables = prepare(opened, request, owned=False).plan.variables
        return _query(loaded, declared.query, request, variables)
    by = declared.by if declared is not None and declared.by else "modified" if contract.source.type in FILE_KINDS else "cursor"
    if by == "modified" and contract.source.type in PAGED_KINDS:
        return _version(opened, request)
    if contract.source.type == "delta" and (by == "modified" or contract.source.cursor is None):
        return _versions(opened, request)
    if by == "modified" or contract.source.cursor is None:
        if contract.source.type not in FILE_KINDS:
            raise UsageError("nothing tells what is new: add source.cursor or source.changes.query", code="E_CHANGES")
        return _modified(opened, request)
    # replace reads in full; its cursor tells here whether there is anything new.
    plan = prepare(opened, request, owned=False).plan
    read: ReadRequest = plan.step("extract").request
    with systems.source.read(read) as reading:
        if contract.source.type in PAGED_KINDS:
            # The first page tells; the others would be data.
            paged = cast(PagedReading, reading)
            return Changes(paged.peek(), paged.first_total(), "cursor")
        count = reading.count()
    return Changes(bool(count), count, "cursor")


def _version(opened: Opened, request: Request) -> Changes:
    """Ask an API whether it still has the version that the last published run pinned; the API itself compares."""
    spec = target_spec(opened.contract, Situation(request.run_id, params=request.params))
    commits = opened.target.inspect(spec).commits if opened.target is not None else ()
    known = commits[-1].files[0] if commits and commits[-1].files else None
    found = cast(VersionedSource, opened.source).version(known)
    return Changes(found is not None, None, "modified")


def _modified(opened: Opened, request: Request) -> Changes:
    files = opened.source.files() or ()
    plan_state = prepare(opened, replace(request, options=replace(request.options, full=False)), owned=False)
    last = plan_state.plan.variables.get("last_run_time")
    since = int(last.timestamp() * 10**9) if isinstance(last, datetime) else 0
    fresh = [file for file in files if file.modified > since]
    return Changes(bool(fresh), len(fresh), "modified")


def _versions(opened: Opened, request: Request) -> Changes:
    """A table is new when it is not at the version that the last run published: no clock is asked."""
    (now,) = opened.source.files() or ()
    spec = target_spec(opened.contract, Situation(request.run_id, params=request.params))
    commits = opened.target.inspect(spec).commits if opened.target is not None else ()
    loaded = [int(file.fingerprint) for commit in commits for file in commit.files if file.path == now.path]
    version = int(now.fingerprint)
    behind = version - loaded[-1] if loaded and loaded[-1] <= version else version + 1
    return Changes(behind > 0, behind, "version")


def _query(loaded: LoadedContract, query: str, request: Request, variables: Mapping[str, Any]) -> Changes:
    from datasync.connectors.registry import open_source
    from datasync.sync.systems import surroundings

    endpoint = loaded.contract.source.model_copy(update={"table": None, "query": query, "cursor": None})
    source = open_source(endpoint, surroundings(open_project(loaded.path), request.options.connections))
    try:
        with source.read(ReadRequest(variables=variables)) as reading:
            batch = next(iter(reading.batches()), None)
    finally:
        source.close()
    count = int(batch.frame.item(0, 0) or 0) if batch is not None and batch.frame.width else 0
    return Changes(count > 0, count, "query")
