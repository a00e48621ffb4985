"""A contract's Delta target in, staging in a DuckDB file of the project and one commit of the table out."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from datasync.connectors.delta import log
from datasync.connectors.delta.committing import Change, Feed, inside
from datasync.connectors.delta.staging import PUBLISHED, DeltaStaging, asked, copy, see
from datasync.connectors.delta.tables import Location, locate, translated
from datasync.connectors.delta.types import additions, check_names, columns_of, kept
from datasync.connectors.duckdb.engine import Handle
from datasync.connectors.duckdb.rows import stream
from datasync.connectors.duckdb.staging import quoted
from datasync.connectors.files import staging as staged
from datasync.connectors.files.forms import Types
from datasync.connectors.files.staging_files import StagingFiles
from datasync.connectors.locks import Locks
from datasync.connectors.patience import Patience, patiently
from datasync.connectors.refusals import check_count, fenced
from datasync.connectors.sql.bookkeeping import commit_of, commit_row
from datasync.connectors.sql.statements import Tables
from datasync.connectors.sql.storage import storage_type
from datasync.connectors.sql.written import written
from datasync.contract.endpoints import DeltaTarget as Endpoint
from datasync.errors import PermanentError, TargetMismatch, TransientError
from datasync.failpoints import failpoint
from datasync.seams import Commit, Published, PublishRequest, Surroundings, TargetSpec, TargetState

if TYPE_CHECKING:
    from deltalake import DeltaTable

Resolve = Callable[[str], "tuple[Any, Types] | None"]
"""A contract's name to its target endpoint and published columns, for `references`; None when there is none."""

PATIENCE = Patience(frozenset({"E_LOCKED"}), tries=5, first=0.2)
"""For publishing while somebody else commits to the table meanwhile."""


class DeltaTarget:
    """See `seams.Target`.

    Attributes:
        resolve: looks up contracts that `references` names.
    """

    kind = "delta"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._found: Location | None = None
        self._staging: StagingFiles | None = None
        self._locks = Locks(surroundings.home)
        self._stop = threading.Event()
        self.resolve: Resolve | None = None

    @property
    def _location(self) -> Location:
        if self._found is None:
            self._found = locate(self._endpoint.path, self._endpoint.connection, self._surroundings)
        return self._found

    @property
    def _staged(self) -> StagingFiles:
        """Staging of this table: object stores have no place for it."""
        if self._staging is None:
            name = hashlib.sha256(self._location.uri.encode()).hexdigest()[:16]
            folder = self._surroundings.home / "staging" / f"delta-{name}"
            self._staging = StagingFiles(folder, folder)
        return self._staging

    # --- before a run

    def inspect(self, spec: TargetSpec) -> TargetState:
        """Look at the table and this sync's commits."""
        check_names(spec, self._endpoint.path)
        for kind in spec.columns.values():
            kept(kind)
            storage_type(kind, "duckdb")
        table = self._location.open()
        if table is None:
            self._check_free()
            return TargetState(exists=False)
        with translated(self._endpoint.path):
            known = log.read(table, spec)
            found = columns_of(table)
        added = additions(spec, found, self._endpoint.path)
        own = tuple(commit for commit in known.commits if commit.sync == spec.sync)
        changes = tuple(f"add column {name} {kept(spec.columns[name])}" for name in added)
        return TargetState(True, found, own, known.sequence, changes)

    def _check_free(self) -> None:
        folder = self._location.local
        if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise TargetMismatch(f"{self._endpoint.path} is there, and is no Delta table", hint="name a folder of its own")

    def clock(self) -> datetime:
        """This machine's time."""
        return datetime.now(UTC)

    def acquire(self, spec: TargetSpec) -> int:
        """Lock the sync on this machine, and say which token its commit will carry.

        On other machines nothing is locked: of two runs with one token the first to commit wins, and the other is refused.
        """
        self._locks.hold(f"{self._location.uri}|{spec.sync}", f"the sync {spec.contract}")
        return self._token(self._location.open(), spec) + 1

    def _token(self, table: DeltaTable | None, spec: TargetSpec) -> int:
        return (table.transaction_version(log.application(spec.sync)) or 0) if table is not None else 0

    # --- staging

    def writer(self, spec: TargetSpec) -> staged.FileWriter:
        """Create this run's staging file and open it for loading."""
        with translated(self._endpoint.path):
            return staged.FileWriter(self._staged.opened(spec.run_id), spec)

    def staging(self, spec: TargetSpec) -> DeltaStaging:
        """Give this run's committed staging."""
        handle = self._staged.left(spec.run_id)
        return DeltaStaging(handle, spec, self._copied(handle, spec, self._location.open()), partial(self._referenced, handle))

    def _copied(self, handle: Handle, spec: TargetSpec, table: DeltaTable | None) -> tuple[str, ...]:
        """Copy what the audit asks of the published table; give the columns."""
        wanted = asked(spec) if table is not None else ()
        if wanted and table is not None:
            with translated(self._endpoint.path):
                copy(handle, table, PUBLISHED, {name: spec.columns[name] for name in wanted})
        return wanted

    def _referenced(self, handle: Handle, name: str) -> str:
        found = self.resolve(name) if self.resolve is not None else None
        if found is None:
            raise PermanentError(f"references: there is no contract {name[:80]} with a target", code="E_NO_TABLE")
        endpoint, columns = found
        if endpoint.type != "delta":
            raise PermanentError(f"references: the contract {name[:80]} publishes to no Delta table", code="E_NO_TABLE")
        table = locate(endpoint.path, endpoint.connection, self._surroundings).open()
        if table is None:
            raise PermanentError(f"references: {endpoint.path} is not there", code="E_NO_TABLE")
        relation = staged.reference_name(name)
        with translated(endpoint.path):
            copy(handle, table, relation, columns)
        return relation

    # --- publishing

    def publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        """Commit staging as one version of the table; judge again and try again when somebody else committed meanwhile."""
        from deltalake.exceptions import CommitFailedError

        def once() -> Commit:
            try:
                with translated(self._endpoint.path):
                    return self._publish(spec, request)
            except CommitFailedError as error:
                raise TransientError(f"{self._endpoint.path}: others keep committing to the table", code="E_LOCKED") from error

        failpoint("publish.begin")
        return patiently(once, PATIENCE, self._stop)

    def _publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        table = self._location.open()
        known = log.read(table, spec)
        done = known.of_run(spec.run_id)
        if done is not None:
            return done
        if known.token != request.token - 1:
            raise fenced()
        handle = self._staged.opened(spec.run_id)
        self._check(handle, spec, request, (table, known))
        row = commit_row(spec, request, (self._endpoint.path, request.rows, known.sequence + 1, self.clock()))
        added = additions(spec, columns_of(table), self._endpoint.path) if table is not None else ()
        columns = ", ".join(quoted(name) for name in spec.columns)
        rows = f"SELECT {columns} FROM {staged.tables_of(spec).staging}"
        feed = Feed(stream(handle, rows, spec.columns), spec)
        Change(self._location, table, spec, added).commit(feed, log.properties(row, request.files))
        failpoint("publish.after_commit")
        return commit_of(row, request.files)

    def _check(self, handle: Handle, spec: TargetSpec, request: PublishRequest, seen: tuple[DeltaTable | None, log.Log]) -> None:
        table, known = seen
        check_count(staged.count(handle, spec), request)
        if known.sequence <= request.seen or not request.rechecks:
            return
        self._copied(handle, spec, table)
        staged.recheck(handle, request)

    def published(self, spec: TargetSpec, commit: Commit) -> Published | None:
        """Find the rows that this run wrote by reading the table back."""
        table = self._location.open()
        if table is None or spec.write == "append" or not self._staged.has(spec.run_id):
            return None
        with translated(self._endpoint.path):
            if (table.transaction_version(log.TABLE) or 0) != commit.sequence:
                return None
            now = see(self._staged.opened(spec.run_id), table, spec.columns)
        return written(spec, Tables(now, staged.tables_of(spec).staging, "duckdb"))

    # --- afterwards

    def drop_staging(self, run_id: str) -> None:
        """Remove a run's staging file."""
        self._staged.drop(run_id)

    def orphans(self) -> list[str]:
        """Give the staging files that no process holds."""
        return self._staged.orphans()

    def drop_orphan(self, name: str) -> None:
        """Remove a staging file."""
        self._staged.drop_orphan(name)

    def explain(self, spec: TargetSpec) -> list[str]:
        """Say what the commit will do."""
        keys = ", ".join(spec.key)
        window = f" where {inside(spec)}" if spec.write == "replace_window" and spec.window is not None and spec.cursor else ""
        how = {
            "append": "add the staged rows",
            "merge": f"merge the staged rows by {keys}",
            "replace": "overwrite with the staged rows",
            "replace_window": f"overwrite{window} with the staged rows",
        }[spec.write]
        return ["stage in a DuckDB file of the project", f"{self._endpoint.path}: {how}, in one commit that names run and token"]

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self._stop.set()
        if self._staging is not None:
            self._staging.interrupt()

    def close(self) -> None:
        """Close staging and let go of the sync."""
        if self._staging is not None:
            self._staging.close()
        self._locks.release()
