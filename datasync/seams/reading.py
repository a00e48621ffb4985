"""What a source must offer, and what it is asked and answers with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from datasync.contract.types import DataType
from datasync.seams.batches import Batch, Part, Window, WindowValue


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file as it was when the run was planned.

    Attributes:
        path: as the contract's path would name it (relative to the project root where it lies inside), `/` separated.
        size: bytes.
        modified: modification time, nanoseconds since 1970.
        fingerprint: hash of the content where the kind can give one cheaply, else of size and modification time.
    """

    path: str
    size: int
    modified: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a system is and how to sign in, in Airflow's terms. `repr` shows neither password nor extra."""

    id: str
    kind: str
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a connector may use of the place it runs in.

    Attributes:
        root: the project root; relative paths count from here and local paths are confined to it and to `roots`.
        roots: further folders, from `datasync.toml`.
        home: `.datasync/` of the project, for locks and spills.
        connection: looks a connection up by id; raises PermanentError when there is none.
    """

    root: Path
    home: Path
    connection: Callable[[str], Connection]
    roots: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What a run reads.

    Attributes:
        types: what the first gate declares, name to type: a hint for kinds that store less than they mean (SQLite).
        columns: only these are needed; None reads all. A source may ignore it.
        cursor: the cursor's column when `window` is given or NULL cursors must be counted.
        cursor_zone: the zone that naive cursor values are in.
        window: rows to read; None reads everything.
        files: pinned files to read, for file kinds.
        variables: run variables and params, for `:name` and `{name}` in a query.
        batch_rows: rows per batch, at most.
        staged_dir: a folder for spills, emptied by the run.
        part: read and count only this part.
    """

    batch_rows: int = 250_000
    types: Mapping[str, DataType] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None
    cursor: str | None = None
    cursor_type: DataType | None = None
    cursor_zone: str | None = None
    window: Window | None = None
    files: tuple[PinnedFile, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    staged_dir: Path | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row of a file that could not be read as a row (ragged, undecodable): it becomes a `row.readable` violation.

    Attributes:
        position: as in `POSITION`.
        reason: in own words, without values: `3 fields, the header has 4`.
        text: what stood there, for the quarantine store only.
    """

    position: int
    reason: str
    text: str


class Reading(Protocol):
    """One open read: everything asked of it sees one snapshot where the system can give one.

    `unreadable` grows while `batches` is consumed; take and clear it after each batch.
    """

    header: Sequence[str]
    """Column names as the source has them, in order; a name that stands twice stands twice here."""
    types: Mapping[str, DataType | None]
    """Types as the source declares them; None where cells arrive as text or the type has no name here."""
    unreadable: list[UnreadableRow]

    def count(self) -> int | None:
        """Rows the source system counts for this request; None where it cannot count."""

    def null_cursors(self) -> int | None:
        """Rows whose cursor is NULL, which no window will ever read; None where it cannot count."""

    def batches(self) -> Iterator[Batch]:
        """The rows, in bounded memory."""


class Source(Protocol):
    """Where data comes from. Construct with the contract's endpoint and the surroundings; no I/O before the first method.

    All methods raise TransientError or PermanentError; foreign errors never leave a connector.
    """

    kind: str

    def files(self) -> tuple[PinnedFile, ...] | None:
        """Files the path matches now, sorted; None for kinds without files. PermanentError when a literal path is absent."""

    def clock(self) -> datetime:
        """The source system's time, aware, UTC (files: this machine's)."""

    def cursor_type(self, column: str, variables: Mapping[str, Any]) -> DataType | None:
        """Type of the cursor column as the source declares it; None when it cannot tell."""

    def max_cursor(self, column: str, variables: Mapping[str, Any]) -> WindowValue | None:
        """Greatest value of the cursor; None when there is no row."""

    def read(self, request: ReadRequest) -> AbstractContextManager[Reading]:
        """Open one snapshot for reading."""

    def explain(self, request: ReadRequest) -> list[str]:
        """The statements or files a read would use, for `plan`; no I/O."""

    def cancel(self) -> None:
        """End a read that another thread is in, from the main thread, within a second."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""
