"""A run's folder: a manifest and Parquet parts, handed from step to step, and the folder of its quarantined rows.

HOME/runs/<contract>/<run id>/manifest.json          what the run is and which steps are done
                              parts/<stage>/*.parquet batches between steps, in order (split runs)
                              spill/                  what transforms cannot hold in memory
HOME/quarantine/<contract>/<run id>/*.parquet        rows set aside, with reasons
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasync.errors import StorageError
from datasync.failpoints import failpoint
from datasync.seams import Batch
from datasync.storage import Place, is_local, matches, read_frame, remove, write_bytes, write_frame

if TYPE_CHECKING:
    import polars as pl

VALIDATION = "validation.json"


class Workspace:
    """The folder of one run.

    Args:
        base: where all runs live (`.datasync`, or DATASYNC_WORKSPACE): any `storage.place`.
        contract: the contract's name.
        run_id: the run's.
        scratch: where files go that must be on this machine, when `base` is not.
    """

    def __init__(self, base: Place, contract: str, run_id: str, scratch: Path | None = None) -> None:
        self.folder = base / "runs" / contract / run_id
        self.quarantine = base / "quarantine" / contract / run_id
        here = self.folder if scratch is None or is_local(base) else scratch / contract / run_id
        self.local: Path = here
        """The run's folder on this machine."""

    @property
    def spill(self) -> Path:
        """A folder for what does not fit in memory; emptied when the run ends."""
        return self.local / "spill"

    def create(self) -> None:
        """Make the folder.

        Raises:
            StorageError: it cannot be made.
        """
        try:
            self.spill.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error("the run's workspace cannot be made", error) from error

    def read_manifest(self) -> dict[str, Any] | None:
        """Give the manifest; None when the run left none.

        Raises:
            StorageError: it is there and cannot be read.
        """
        file = self.folder / "manifest.json"
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise storage_error(f"the manifest of run {self.folder.name} cannot be read", error) from error
        if not isinstance(found, dict):
            raise StorageError(f"the manifest of run {self.folder.name} is damaged", code="E_MANIFEST")
        return found

    def write_manifest(self, content: dict[str, Any]) -> None:
        """Replace the manifest in one step."""
        self._replace(self.folder / "manifest.json", json.dumps(content, ensure_ascii=False).encode())

    def write_validation(self, content: dict[str, Any]) -> None:
        """Keep what Great Expectations said of the run, for its own pages."""
        self._replace(self.folder / VALIDATION, json.dumps(content, ensure_ascii=False).encode())

    def read_validation(self) -> dict[str, Any] | None:
        """Give what Great Expectations said of the run; None when it was not asked, or retention took it."""
        try:
            found: dict[str, Any] = json.loads((self.folder / VALIDATION).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise storage_error(f"{VALIDATION} of run {self.folder.name} cannot be read", error) from error
        return found

    def note(self, **facts: Any) -> None:
        """Write facts into the manifest, for whoever takes the run up."""
        self.write_manifest((self.read_manifest() or {}) | facts)

    def _replace(self, file: Place, content: bytes) -> None:
        try:
            write_bytes(file, content)
        except OSError as error:
            raise storage_error(f"{file.name} cannot be written", error) from error

    def write_outcome(self, name: str, content: dict[str, Any]) -> None:
        """Write what one of several tasks of a stage did; the manifest is for one process at a time."""
        self.create()
        self._replace(self.folder / f"outcome-{name}.json", json.dumps(content, ensure_ascii=False).encode())

    def read_outcomes(self, stage: str) -> list[dict[str, Any]]:
        """Give what the tasks of a stage did, in order.

        Raises:
            StorageError: one of them cannot be read.
        """
        try:
            files = matches(self.folder, f"outcome-{stage}.*.json")
            return [json.loads(file.read_text(encoding="utf-8")) for file in files]
        except (OSError, ValueError) as error:
            raise storage_error(f"the outcome of a part of {stage} cannot be read", error) from error

    def write_parts(self, stage: str, batches: Iterable[Batch]) -> int:
        """Write a stage's output as numbered parts, replacing what an earlier try left; give the number of rows."""
        folder = self.folder / "parts" / stage
        remove(folder)
        rows = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for batch in batches:
                write_frame(folder / f"{batch.number:08d}.parquet", batch.frame)
                rows += batch.frame.height
        except OSError as error:
            raise storage_error("a part cannot be written", error) from error
        return rows

    def read_parts(self, stage: str) -> Iterator[Batch]:
        """Give a stage's output again, batch by batch, in order."""
        # A stage that several tasks shared left a folder for each of them.
        folders = matches(self.folder / "parts", f"{stage}.*") or [self.folder / "parts" / stage]
        files = [file for folder in folders for file in matches(folder, "*.parquet")]
        for number, file in enumerate(files):
            yield Batch(read_frame(file), number if len(folders) > 1 else int(file.stem))

    def drop_parts(self) -> None:
        """Remove parts and spills: the run is over."""
        remove(self.folder / "parts")
        remove(self.spill)

    def write_quarantine(self, name: str, frame: pl.DataFrame) -> Place:
        """Write one batch of quarantined rows, durably; the same name replaces what an earlier try left.

        Raises:
            StorageError: it cannot be written; nothing may be published then.
        """
        failpoint("quarantine.before_write")
        file = self.quarantine / f"{name}.parquet"
        try:
            write_frame(file, frame)
        except OSError as error:
            raise storage_error("quarantined rows cannot be written", error) from error
        failpoint("quarantine.after_write")
        return file

    def read_quarantine(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Give the batches of quarantined rows, by name."""
        for file in matches(self.quarantine, "*.parquet"):
            yield file.stem, read_frame(file)

    def clear_quarantine(self, begin: str = "") -> None:
        """Forget the quarantined rows of an earlier try of this run, or of the stages from `begin` on, about to begin again."""
        if not begin:
            remove(self.quarantine)
            return
        for file in matches(self.quarantine, f"*-{begin}-*.parquet"):
            remove(file)


def storage_error(message: str, error: Exception) -> StorageError:
    """Say why storage failed, with what the reader can do."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    hint = "the disk is full: free space, or move DATASYNC_WORKSPACE" if full else "check the folder's owner and permissions"
    name = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
    return StorageError(f"{message}: {name}", code="E_DISK_FULL" if full else "E_STORAGE", hint=hint)


@contextmanager
def writing(file: object) -> Iterator[None]:
    """Say which file it is that cannot be written, and why.

    Raises:
        StorageError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise storage_error(f"{file} cannot be written", error) from error


def workspaces(base: Place) -> Iterator[tuple[str, str]]:
    """Give (contract, run id) of every run that left a folder."""
    for kind in ("runs", "quarantine"):
        for folder in matches(base / kind, "*/*"):
            if folder.is_dir():
                yield folder.parent.name, folder.name
