"""The seams of the house: what a source, a target, a staging table and a transform must offer.

Connectors, transforms and gates are blind to each other and meet only in these protocols and values. Frames are polars
DataFrames, which share their memory with Arrow record batches. Nothing here does I/O or imports a heavy library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from datasync.contract.types import BOOL, DataType, Dialect

if TYPE_CHECKING:
    import polars as pl

POSITION = "__position"
"""Hidden Int64 column of frames that come from files: `file index << 40 | line` (text files: physical line, counted from 1;
Parquet: row, counted from 1). It goes through transforms and staging untouched and is never published."""

POSITION_BITS = 40

StageName = Literal["extract", "gate_source", "transform", "gate_prepared", "stage", "audit", "publish", "reconcile"]
STAGES: tuple[StageName, ...] = ("extract", "gate_source", "transform", "gate_prepared", "stage", "audit", "publish", "reconcile")
"""The stages of a run, in order; a run without transform or source columns leaves some out."""

WindowValue = int | date | datetime
"""A bound of a window: an integer, a date, or a timestamp (aware, in UTC)."""


def decode_position(position: int) -> tuple[int, int]:
    """Split a position into `(file index, line)`."""
    return position >> POSITION_BITS, position & ((1 << POSITION_BITS) - 1)


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open interval of the cursor: `start <= cursor < end`.

    Attributes:
        start: None reads from the beginning.
        end: exclusive.
        explicit: given by flags, a backfill or catchup, and not computed from the watermark.
    """

    start: WindowValue | None
    end: WindowValue
    explicit: bool = False


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
class Batch:
    """Some rows on their way.

    Attributes:
        frame: the data columns, and `POSITION` where rows come from files.
        number: counts from 0 in the order of the source.
    """

    frame: pl.DataFrame
    number: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a partitioned read: the rows whose partition column lies between two values, both inclusive.

    Attributes:
        low, high: None and None: the rows that have no value there.
    """

    low: int | None = None
    high: int | None = None


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


WriteMode = Literal["append", "merge", "replace", "replace_window", "scd2"]


@dataclass(frozen=True, slots=True)
class HistoryColumns:
    """The columns that `write: scd2` keeps beside the contract's.

    Attributes:
        kind: type of both bounds: the cursor's, or instants where there is none.
        valid_from, valid_to: a version holds in `valid_from <= t < valid_to`; NULL there: it still does.
        current: true for the version that still holds.
    """

    kind: DataType
    valid_from: str = "valid_from"
    valid_to: str = "valid_to"
    current: str = "is_current"


@dataclass(frozen=True, slots=True)
class Deletes:
    """Which of the target's rows a run takes away.

    Attributes:
        column: the boolean of staged rows that the source has deleted.
        missing: what becomes of rows that a complete read did not hold; None: they stay.
        mark: the target's own boolean that says so, for `missing: mark`.
    """

    column: str | None = None
    missing: Literal["delete", "mark"] | None = None
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """What one run writes, as values.

    Attributes:
        sync: identity of contract, target and declared params; owner of watermark and fence (under 200 characters).
        columns: published columns in order, name to type.
        required: columns that are NOT NULL where we create the table.
        key: key columns in order; may be empty.
        cursor: the cursor's column, when it is among `columns` (merge never overwrites a newer one).
        position: staging carries `POSITION`.
        evolve: columns not in the contract that `unknown_columns: evolve` adds.
        history: columns of `write: scd2`; None for every other mode.
        deletes: which rows are taken away; None: none.
        complete: the run read everything and set nothing aside, so what staging lacks is gone from the source.
        asked: columns of the published table that the audit's checks ask, for targets that must fetch it.
        looked_up: for the same targets: tables that `references` names, each with `(own column, the table's column)`.
    """

    sync: str
    contract: str
    run_id: str
    write: WriteMode
    columns: Mapping[str, DataType]
    required: frozenset[str] = frozenset()
    key: tuple[str, ...] = ()
    cursor: str | None = None
    cursor_zone: str | None = None
    window: Window | None = None
    replace_by: Literal["rows", "swap", "truncate"] = "rows"
    position: bool = False
    evolve: frozenset[str] = frozenset()
    history: HistoryColumns | None = None
    deletes: Deletes | None = None
    complete: bool = False
    asked: frozenset[str] = frozenset()
    looked_up: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    @property
    def stored(self) -> dict[str, DataType]:
        """The target's columns: the published ones, then those that datasync fills by itself."""
        own: dict[str, DataType] = {}
        if self.history is not None:
            bounds = dict.fromkeys((self.history.valid_from, self.history.valid_to), self.history.kind)
            own = {**bounds, self.history.current: BOOL}
        elif self.deletes is not None and self.deletes.mark is not None:
            own = {self.deletes.mark: BOOL}
        return {**self.columns, **own}

    @property
    def stored_required(self) -> frozenset[str]:
        """Columns that are NOT NULL where we create the table."""
        return self.required | ({self.history.valid_from, self.history.current} if self.history is not None else set())

    @property
    def stored_key(self) -> tuple[str, ...]:
        """What is unique in the target: the key, or each of its versions."""
        return (*self.key, self.history.valid_from) if self.history is not None else self.key

    @property
    def as_staged(self) -> bool:
        """Whether an absent target would hold just the staged rows."""
        return self.history is None and self.deletes is None


@dataclass(frozen=True, slots=True)
class Commit:
    """One row of `_datasync_commits`: what a published run did, written in the transaction that published.

    Attributes:
        watermark: the sync's watermark after this commit, as text (`plan.window` reads it); None: unchanged.
        window_start, window_end: as text; None for full reads (start None: from the beginning).
        rows: rows published.
        files: files this run loaded, as pinned.
        sequence: grows with every commit to the target's table, whoever made it.
    """

    run_id: str
    sync: str
    target: str
    token: int
    mode: str
    rows: int
    window_start: str | None = None
    window_end: str | None = None
    watermark: str | None = None
    explicit: bool = False
    files: tuple[PinnedFile, ...] = ()
    committed_at: datetime | None = None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class TargetState:
    """What the target knows before a run.

    Attributes:
        exists: the table or file is there.
        columns: its columns; types are None where the target cannot tell.
        commits: this sync's commits, oldest first.
        sequence: newest commit to the table by any sync.
        changes: additive changes that publish will apply, in words.
        elsewhere: the target can keep no commits: they are beside it on this machine, and history's watermark counts as much.
    """

    exists: bool
    columns: Mapping[str, DataType | None] = field(default_factory=dict)
    commits: tuple[Commit, ...] = ()
    sequence: int = 0
    changes: tuple[str, ...] = ()
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class GxAccess:
    """How Great Expectations reaches staging from a process of its own.

    Attributes:
        url: SQLAlchemy URL; held out of every log.
        schema: schema of the staging table, or None.
        table: its bare name.
    """

    url: str = field(repr=False)
    table: str
    dialect: Dialect
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class Removals:
    """Rows that publishing takes away, each as SQL after FROM.

    Attributes:
        going: the target's rows that will be deleted, marked or closed.
        living: all of its rows that are there and not marked or closed.
    """

    going: str
    living: str


class Staging(Protocol):
    """A committed staging table (or staged files seen through DuckDB) that the audit judges before it is published."""

    dialect: Dialect
    relation: str
    """SQL that stands after FROM and gives the staged rows, `POSITION` included where the run has it."""
    survivors: str | None
    """SQL that stands after FROM and gives the target's rows that publishing will leave as they are
    (append: all; merge: keys not staged; replace_window: outside the window); None: none."""
    removals: Removals | None
    """The target's rows that publishing will take away; None: it takes none."""

    def reference(self, name: str) -> str:
        """SQL after FROM for a table (SQL targets) or contract (file targets) named by `references`.

        Raises:
            PermanentError: no such table or contract.
        """

    def target_relation(self) -> str | None:
        """SQL after FROM for the published table as it is now; None when absent."""

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one SELECT and give its rows."""

    def frames(self, sql: str, batch_rows: int = 100_000) -> Iterator[pl.DataFrame]:
        """Run one SELECT of staged columns and give its rows, typed as the contract says."""

    def delete(self, where: str) -> int:
        """Take the staged rows out for which `where` (SQL over the staging columns) is true; committed; gives their number."""

    def gx(self) -> AbstractContextManager[GxAccess]:
        """While open, another process may read staging by URL."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a target needs that cannot publish in one step, but sends its rows on, batch by batch.

    Attributes:
        variables: run variables and params, for what is sent with the rows.
        allowed: rows that it may refuse before sending ends; None: any number.
        set_aside: keeps rows that it refused: the rows as staged, what it said of each, the number of their batch. When it
            returns, they are safe; the same batch again replaces what was kept.
        sent: told after each batch how many rows were acknowledged and refused so far, those of earlier tries included; raises
            Interrupted when the run must end.
    """

    variables: Mapping[str, Any]
    allowed: int | None
    set_aside: Callable[[pl.DataFrame, Sequence[str], int], None]
    sent: Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What publishing needs beside the spec.

    Attributes:
        token: from `acquire`.
        rows: rows that must be in staging; anything else is refused (an unlogged table is empty after a server crash).
        watermark: the sync's new watermark as text; None leaves it.
        seen: `TargetState.sequence` when the audit judged key checks.
        rechecks: `(check name, SQL giving one number of offenders)`, run inside the transaction when the table has a newer
            commit than `seen`; any offender raises `RecheckFailed`.
        files: files to record as loaded.
        delivery: for targets that send rows on; the others need none.
    """

    token: int
    rows: int
    watermark: str | None = None
    seen: int = 0
    rechecks: tuple[tuple[str, str], ...] = ()
    files: tuple[PinnedFile, ...] = ()
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What a run wrote, as two relations to compare.

    Attributes:
        found: SQL after FROM for the target's rows of this run (merge: without rows whose cursor in the target is newer).
        expected: SQL after FROM for the staged rows that must be there; None: all that were staged.
    """

    found: str
    expected: str | None = None


class RecheckFailed(Exception):
    """A key check that the audit passed fails against a table that changed since; the transaction was rolled back."""

    def __init__(self, check: str, offenders: int) -> None:
        super().__init__(f"{check}: {offenders} rows collide with what another sync published meanwhile")
        self.check = check
        self.offenders = offenders


class TooManyRefused(Exception):
    """A target that sends rows on refused more of them than the contract allows; what was acknowledged stays there."""

    def __init__(self, refused: int) -> None:
        super().__init__(f"{refused} rows were refused")
        self.refused = refused


class StagingWriter(Protocol):
    """Takes accepted rows into staging."""

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows; columns in the order of the spec, then `POSITION` where the spec says so."""

    def finish(self) -> int:
        """Commit and give the number of rows staged."""

    def abandon(self) -> None:
        """Roll back and remove what was staged."""


class Target(Protocol):
    """Where data goes. Construct with the contract's endpoint and the surroundings; no I/O before the first method."""

    kind: str

    def inspect(self, spec: TargetSpec) -> TargetState:
        """Look at the table and this sync's commits.

        Raises:
            TargetMismatch: the table differs in a way that is not additive.
        """

    def clock(self) -> datetime:
        """The target system's time, aware, UTC."""

    def acquire(self, spec: TargetSpec) -> int:
        """Become the owner of the sync: take its lock and a new fencing token.

        Raises:
            Refused: another run holds the lock.
        """

    def writer(self, spec: TargetSpec) -> StagingWriter:
        """Create an empty staging table for this run (replacing one this run left) and open it for loading."""

    def staging(self, spec: TargetSpec) -> Staging:
        """The committed staging table of this run.

        Raises:
            PermanentError: there is none.
        """

    def publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        """Make staging the table's content, in one atomic step with the commit row.

        A run that is already committed gives its commit.

        Raises:
            Refused: a newer token owns the sync.
            RecheckFailed, TooManyRefused: see there.
        """

    def published(self, spec: TargetSpec, commit: Commit) -> Published | None:
        """Where the rows that this run wrote are now, in the staging's connection.

        None when they can't be told apart from others, or when a later commit came.
        """

    def drop_staging(self, run_id: str) -> None:
        """Remove a run's staging; missing is fine."""

    def orphans(self) -> list[str]:
        """Names (`bookkeeping.staging_name`) of all staging that is there and that no living process holds, whoever left it."""

    def drop_orphan(self, name: str) -> None:
        """Remove staging by a name that `orphans` gave; missing is fine."""

    def explain(self, spec: TargetSpec) -> list[str]:
        """DDL of staging and target and the publishing statements, for `plan`; no I/O."""

    def cancel(self) -> None:
        """End a statement that another thread is in, from the main thread, within a second."""

    def close(self) -> None:
        """Release the lock and connections; may be called twice."""


@dataclass(frozen=True, slots=True)
class RejectedRows:
    """Rows that a transform cannot carry on, with the check they break (`cast`: `a.type`, `map_values`: `a.map_values`)."""

    frame: pl.DataFrame
    check: str
    column: str


@dataclass(slots=True)
class TransformTally:
    """What transforms did to the rows so far; `added` and `dropped` count rows, `rejected` waits to be taken."""

    added: int = 0
    dropped: int = 0
    rejected: list[RejectedRows] = field(default_factory=list)
    evaluated: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Means:
    """What transforms may use beside the rows.

    Attributes:
        root: the project root, where a user's own functions are.
        variables: run variables and params.
        table: reads a lookup's table whole: (its source block, columns with their types, rows at most) to a frame; raises
            PermanentError when it has more rows or lacks a column.
    """

    root: Path = Path()
    variables: Mapping[str, Any] = field(default_factory=dict)
    table: Callable[[Any, Mapping[str, DataType], int], pl.DataFrame] | None = None


class Transform(Protocol):
    """One processor. Constructed by `transforms.build(item, number, means)`; pure but for spills and what `means` reads."""

    kind: str

    def output(self, columns: Mapping[str, DataType | None]) -> Mapping[str, DataType | None]:
        """Columns after this transform, given those before (None: still text or unknown).

        Raises:
            ValueError: the transform names a column that is not there, or does not fit its type; the message says which.
        """

    def apply(self, batches: Iterator[Batch], tally: TransformTally, spill: Path) -> Iterator[Batch]:
        """Carry the batches through, keeping `POSITION` and order, counting what is added and dropped."""


class Channel(Protocol):
    """Somewhere an alert can be sent."""

    def send(self, message: Any) -> None:
        """Deliver one message.

        Raises:
            TransientError: try again later.
            PermanentError: will not work.
        """
