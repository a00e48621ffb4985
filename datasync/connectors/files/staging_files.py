"""A folder in, the staging of its runs out: a DuckDB file each, held by the process that has it open."""

from __future__ import annotations

from pathlib import Path

from datasync.connectors.duckdb.engine import Handle
from datasync.connectors.files import staging
from datasync.connectors.locks import Locks
from datasync.connectors.sql.bookkeeping import STAGING_PREFIX, staging_name
from datasync.errors import PermanentError


class StagingFiles:
    """Staging for targets whose own system has no place for it. One file is open at a time.

    Args:
        folder: of this machine; made when first needed.
        home: where locks lie, in `locks/`.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder = folder
        self._handle: Handle | None = None
        self._locks = Locks(home)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.duckdb"

    def has(self, run_id: str) -> bool:
        """Tell whether a run has staging."""
        return self._path(staging_name(run_id)).exists()

    def opened(self, run_id: str) -> Handle:
        """Give a run's file, made where it is missing; it is ours until `close`.

        Raises:
            Refused: another process has it.
        """
        path = self._path(staging_name(run_id))
        if self._handle is None or self._handle.path != path:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._locks.hold(path.stem, f"the staging of run {run_id}")
            self._handle = Handle(path)
        return self._handle

    def left(self, run_id: str) -> Handle:
        """Give a run's file, as `opened` does.

        Raises:
            PermanentError: there is none.
        """
        if not self.has(run_id):
            raise PermanentError(f"run {run_id} left no staging", code="E_NO_STAGING", hint="run it again")
        return self.opened(run_id)

    def drop(self, run_id: str) -> None:
        """Remove a run's file; missing is fine."""
        self.drop_orphan(staging_name(run_id))

    def orphans(self) -> list[str]:
        """See `seams.Target`."""
        found = sorted(self._folder.glob(f"{STAGING_PREFIX}*.duckdb"))
        return [path.stem for path in found if self._locks.free(path.stem)]

    def drop_orphan(self, name: str) -> None:
        """See `seams.Target`."""
        path = self._path(name)
        if self._handle is not None and self._handle.path == path:
            staging.remove(self._handle)
        elif path.exists():
            staging.remove(Handle(path))

    def interrupt(self) -> None:
        """End the statement that another thread is in."""
        if self._handle is not None:
            self._handle.interrupt()

    def close(self) -> None:
        """Close the open file and let go of it; may be called twice."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
        self._locks.release()
