"""What a target and its staging table must offer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from datasync.contract.types import Dialect
from datasync.seams.writing import (
    Commit,
    Published,
    PublishRequest,
    Removals,
    TargetSpec,
    TargetState,
)

if TYPE_CHECKING:
    import polars as pl


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

    def prepare(self) -> None:
        """Build ahead what publishing needs, while others read staging; what cannot be built is left to publish to say."""

    def gx(self) -> AbstractContextManager[GxAccess]:
        """While open, another process may read staging by URL."""


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
