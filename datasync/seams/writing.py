"""What a target is told: how rows are written, what it holds already, what a publish asks for and leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from datasync.contract.types import BOOL, DataType
from datasync.seams.batches import Window
from datasync.seams.reading import PinnedFile

if TYPE_CHECKING:
    import polars as pl

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
class Removals:
    """Rows that publishing takes away, each as SQL after FROM.

    Attributes:
        going: the target's rows that will be deleted, marked or closed.
        living: all of its rows that are there and not marked or closed.
    """

    going: str
    living: str


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
