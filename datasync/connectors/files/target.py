"""A file target: staging in a DuckDB file beside it, the new files written in full, then one atomic switch.

What a run published is in the log beside the target (`ledger`); the switch and the log cannot be one write, so the log says first
what the switch will make true, and whoever comes after a crash looks which is.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from datasync.connectors.duckdb.engine import Handle
from datasync.connectors.duckdb.rows import stream
from datasync.connectors.files import staging as staged
from datasync.connectors.files.forms import Form, Types
from datasync.connectors.files.ledger import Log
from datasync.connectors.files.local_place import MovedError
from datasync.connectors.files.places import is_url, place_of
from datasync.connectors.files.staging_files import StagingFiles
from datasync.connectors.locks import Locks
from datasync.connectors.paths import local_path
from datasync.connectors.refusals import check_count, fenced
from datasync.connectors.sql.bookkeeping import commit_of, commit_row
from datasync.connectors.sql.storage import check_types
from datasync.connectors.sql.written import written
from datasync.contract.types import DataType, of_polars, polars_type
from datasync.errors import PermanentError, TargetMismatch, TransientError, did_you_mean
from datasync.failpoints import failpoint
from datasync.seams import Commit, Published, PublishRequest, Surroundings, TargetSpec, TargetState

ATTEMPTS = 10
"""Times to begin a publish again because another one was faster."""
Resolve = Callable[[str], "tuple[Any, Types] | None"]
"""A contract's name to its target endpoint and published columns, for `references`; raises PermanentError."""


class FileTarget:
    """See `seams.Target`; one class for all kinds of files, each with its form.

    Attributes:
        resolve: looks up contracts that `references` names; None: names are paths of Parquet files.
    """

    kind = "file"

    def __init__(self, endpoint: Any, surroundings: Surroundings, form: Form) -> None:
        name = str(endpoint.path)
        self._name = name
        self._surroundings = surroundings
        self._form = form
        self._place = place_of(endpoint, surroundings, form.suffix)
        self._others: list[FileTarget] = []
        self._staged = StagingFiles(self._place.folder / "staging", self._place.folder)
        self._locks = Locks(surroundings.home)
        self.resolve: Resolve | None = None

    # --- before a run

    def inspect(self, spec: TargetSpec) -> TargetState:
        """Look at the files and this sync's commits."""
        check_types(spec.columns, "duckdb")
        with translated(self._name):
            exists = self._place.exists()
            log = self._place.log()
            commits = tuple(commit for commit in log.commits if commit.sync == spec.sync)
            self._form.check(spec.columns)
            if not exists:
                return TargetState(False, {}, commits, log.sequence)
            found = self._found(spec.columns)
        if spec.write != "replace" and self._form.extra is not None and not log.commits:
            raise TargetMismatch(
                f"{self._name} is there, and datasync did not write it", hint="move it away; only replace writes over it"
            )
        return TargetState(True, found, commits, log.sequence, self._changes(spec, found))

    def _changes(self, spec: TargetSpec, found: Mapping[str, DataType | None]) -> tuple[str, ...]:
        """Say which columns publishing will add.

        Raises:
            TargetMismatch: a column has another type, or the key is missing.
        """
        added = []
        for name, kind in spec.columns.items():
            if name not in found:
                if name in spec.key:
                    raise TargetMismatch(f"{self._name} has no column {name}, which is part of the contract's key")
                added.append(f"add column {name} {kind}")
                continue
            there = found[name]
            if (there is None and self._form.extra is None) or (there is not None and not _same(there, kind)):
                raise TargetMismatch(
                    f"{self._name}: column {name} is {there or 'of a type that no contract can name'}, the contract says {kind}",
                    hint="change the contract's type, or move the file away: datasync never alters a column's type",
                )
        for name, there in found.items():
            if name not in spec.columns and there is None and self._form.extra is None:
                raise TargetMismatch(f"{self._name}: column {name} has a type that no contract can name",
                                     hint=did_you_mean(name, spec.columns))  # fmt: skip
        return tuple(added)

    def _found(self, wanted: Types) -> Mapping[str, DataType | None]:
        """Columns of what is published."""
        known = self._place.columns()
        return known if known is not None else self._form.columns(self._place.parts(), wanted)

    def clock(self) -> datetime:
        """This machine's time."""
        return datetime.now(UTC)

    def acquire(self, spec: TargetSpec) -> int:
        """Lock the sync on this machine and take the next fencing token."""
        self._locks.hold(f"{self._place.key}|{spec.sync}", f"the sync {spec.contract}")
        with translated(self._name):
            return self._place.token(spec.sync)

    # --- staging

    def writer(self, spec: TargetSpec) -> staged.FileWriter:
        """Create this run's staging file and open it for loading."""
        with translated(self._name):
            return staged.FileWriter(self._staged.opened(spec.run_id), spec)

    def staging(self, spec: TargetSpec) -> staged.FileStaging:
        """Give this run's committed staging."""
        with translated(self._name):
            handle = self._staged.left(spec.run_id)
            exists = self._show(handle, spec, needed=spec.write != "replace")
        return staged.FileStaging(handle, spec, exists, partial(self._referenced, handle))

    def _show(self, handle: Handle, spec: TargetSpec, needed: bool = True) -> bool:
        """Make the published files a view of staging; tell whether there are any."""
        parts = self._place.parts() if needed or (self._form.extra is None and self._place.columns() is None) else []
        relation = self._form.relation(handle, parts, self._columns(spec, bool(parts))) if parts else None
        staged.show(handle, relation)
        return relation is not None

    def _columns(self, spec: TargetSpec, exists: bool) -> dict[str, DataType]:
        """The contract's columns, and those that the files have beside them."""
        columns = dict(spec.columns)
        if exists and spec.write != "replace":
            for name, kind in self._found(spec.columns).items():
                known = kind or self._form.extra
                if name not in columns and known is not None:
                    columns[name] = known
        return columns

    def _referenced(self, handle: Handle, name: str) -> str:
        if self.resolve is None:
            path = local_path(name, self._surroundings)
            if path.suffix != ".parquet" or not path.is_file():
                raise PermanentError(f"references: there is no contract or Parquet file {name[:80]}", code="E_NO_TABLE")
            from datasync.connectors.files.parquet_form import file_list

            return f"read_parquet({file_list([path])})"
        found = self.resolve(name)
        if found is None:
            raise PermanentError(f"references: there is no contract {name[:80]} that publishes anything", code="E_NO_TABLE")
        endpoint, columns = found
        from datasync.connectors.registry import open_target

        other = open_target(endpoint, self._surroundings)
        if not isinstance(other, FileTarget):
            raise PermanentError(f"references: the contract {name[:80]} publishes to no file", code="E_NO_TABLE")
        self._others.append(other)
        return other.relation(handle, columns)

    def relation(self, handle: Handle, columns: Types) -> str:
        """SQL after FROM for the published rows.

        Raises:
            PermanentError: nothing is published.
        """
        parts = self._place.parts()
        if not parts:
            raise PermanentError(f"references: {self._name} is not there", code="E_NO_TABLE")
        return self._form.relation(handle, parts, columns)

    # --- publishing

    def publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        """Write the new files, say what they will mean, switch."""
        failpoint("publish.begin")
        for _ in range(ATTEMPTS):
            with translated(self._name), suppress(MovedError):
                return self._published_now(spec, request)
        raise TransientError(f"{self._name}: others publish to it all the time", code="E_BUSY", hint="run again")

    def _published_now(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        with self._place.publishing() as log:
            done = log.commit(spec.run_id)
            if done is not None:
                return done
            if log.tokens.get(spec.sync) != request.token:
                raise fenced()
            handle = self._staged.opened(spec.run_id)
            self._check(handle, spec, request, log)
            self._place.tidy()
            room, columns = self._written(handle, spec)
            self._place.upload(room)
            failpoint("publish.after_files")
            row = commit_row(spec, request, (self._name, request.rows, log.sequence + 1, self.clock()))
            commit = commit_of(row, request.files)
            self._place.switch(room, commit, columns)
        # Another one may publish already; what is old now goes at the latest before the next publish.
        self.tidy()
        return commit

    def tidy(self) -> None:
        """Remove versions that no reader can still be in; `clean` asks for it, too."""
        with translated(self._name), self._place.publishing():
            self._place.tidy()

    def _check(self, handle: Handle, spec: TargetSpec, request: PublishRequest, log: Log) -> None:
        check_count(staged.count(handle, spec), request)
        if log.sequence <= request.seen or not request.rechecks:
            return
        self._show(handle, spec)
        staged.recheck(handle, request)

    def _written(self, handle: Handle, spec: TargetSpec) -> tuple[Path, dict[str, DataType]]:
        """Write the files of the next version to a folder of their own; append only adds a part where that will do."""
        exists = self._place.exists()
        columns = self._columns(spec, exists)
        kept = spec.write == "append" and not self._place.single and exists and self._fits(columns)
        room = self._place.room(kept)
        if kept:
            sql = staged.staged(spec, columns)
        else:
            shown = self._show(handle, spec, needed=spec.write != "replace")
            sql = staged.content(handle, spec, columns, shown)
        self._form.write(stream(handle, sql, columns), self._place.part(room), columns)
        return room, columns

    def _fits(self, columns: Types) -> bool:
        """Whether a new part will have the columns, order and types of those that are there."""
        found = self._found(columns)
        return list(found) == list(columns) and all(
            kind is None or kind in (columns[name], of_polars(polars_type(columns[name]))) for name, kind in found.items()
        )

    def published(self, spec: TargetSpec, commit: Commit) -> Published | None:
        """Find the rows that this run wrote by reading the published files back."""
        with translated(self._name):
            log = self._place.log()
            if log.sequence != commit.sequence or not self._staged.has(spec.run_id):
                return None
            if spec.write == "append" or not self._show(self._staged.opened(spec.run_id), spec):
                return None
        return written(spec, staged.tables_of(spec))

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
        """Say how the files will be written."""
        single = self._place.single
        what = "one file" if single else "a folder of parts"
        how = {
            "append": "the rows that are there, then the staged ones" if single else "one more part",
            "merge": f"staged rows over those with the same {', '.join(spec.key)}",
            "replace": "the staged rows",
            "replace_window": "the rows outside the window, then the staged ones",
        }[spec.write]
        switch = "rename over the file" if single else "switch the link to the new version"
        if is_url(self._name):
            switch = "put the parts under new names, then write the next manifest, which names them"
        return [f"stage in {self._place.folder.name}/staging", f"write {what}: {how}", f"{switch} ({self._name})"]

    def cancel(self) -> None:
        """End the statement that another thread is in."""
        self._staged.interrupt()

    def close(self) -> None:
        """Close staging and let go of the sync."""
        self._staged.close()
        self._locks.release()
        for other in self._others:
            other.close()
        self._others.clear()
        self._place.close()


def _same(there: DataType, kind: DataType) -> bool:
    """Whether a column holds what the contract says: json and uuid are text there, a zone only says how an instant is shown."""
    wanted = of_polars(polars_type(kind))
    return replace(there, zone=there.zone and "UTC") == replace(wanted, zone=wanted.zone and "UTC")


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Say the file system's errors in our words."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PermanentError(f"{name}: no space left", code="E_DISK_FULL", hint="free disk space and run again") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise PermanentError(f"{name}: no permission to write there", code="E_PERMISSION") from error
        raise PermanentError(f"{name}: {os.strerror(error.errno or 0)}", code="E_FILE") from error
