"""A Delta table's own log in, what syncs committed to it out; and what a new commit says of itself.

A commit of ours carries its row (run, window, watermark, token, files) as metadata, and two application transactions: the
sync's, whose version is the fencing token, and the table's, whose version is the sequence. Delta keeps their versions for ever,
and lets of two writers that name the same application only one commit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from datasync.connectors.sql.bookkeeping import COMMIT_COLUMNS, commit_of
from datasync.errors import Refused
from datasync.seams import Commit, PinnedFile, TargetSpec

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable

METADATA = "datasync"
TABLE = "datasync"
RECENT = 500
"""Versions to look through before the whole log is."""


@dataclass(frozen=True, slots=True)
class Log:
    """What is known of the commits to a table.

    Attributes:
        commits: of all syncs, oldest first.
        sequence: of the newest one.
        token: the sync's last.
    """

    commits: tuple[Commit, ...] = ()
    sequence: int = 0
    token: int = 0

    def of_run(self, run_id: str) -> Commit | None:
        """Give a run's commit."""
        return next((commit for commit in self.commits if commit.run_id == run_id), None)


def application(sync: str) -> str:
    """Name a sync as Delta's applications are named."""
    return f"datasync:{hashlib.sha256(sync.encode()).hexdigest()[:32]}"


def read(table: DeltaTable | None, spec: TargetSpec) -> Log:
    """Read the log as far as the spec needs it: an append must know every window and file that was added.

    Raises:
        Refused: the log that would say what was appended is cleaned away.
    """
    if table is None:
        return Log()
    token = table.transaction_version(application(spec.sync)) or 0
    sequence = table.transaction_version(TABLE) or 0
    versions = table.history(RECENT)
    commits = _commits(versions)
    if len(versions) == RECENT and (spec.write == "append" or not any(commit.sync == spec.sync for commit in commits)):
        commits = _commits(table.history())
    if spec.write == "append" and sum(commit.sync == spec.sync for commit in commits) < token:
        raise Refused(
            "the table's log was cleaned, and nothing says any more what was appended", code="E_LOST_WATERMARK",
            hint="use write: merge or replace_window; or begin a new table, which datasync makes with log cleanup off",
        )  # fmt: skip
    return Log(commits, sequence, token)


def _commits(versions: Sequence[dict[str, Any]]) -> tuple[Commit, ...]:
    found = []
    for version in versions:
        text = version.get(METADATA)
        if isinstance(text, str):
            plain = json.loads(text)
            row = [plain["row"][name] for name in COMMIT_COLUMNS]
            found.append(commit_of(row, tuple(PinnedFile(**file) for file in plain["files"])))
    return tuple(sorted(found, key=lambda commit: commit.sequence))


def properties(row: Sequence[Any], files: tuple[PinnedFile, ...]) -> CommitProperties:
    """Say what a commit carries; it is never tried again behind our back, for what was judged may not hold any more."""
    from deltalake import CommitProperties, Transaction

    known = dict(zip(COMMIT_COLUMNS, row, strict=True))
    return CommitProperties(
        custom_metadata={METADATA: json.dumps({"row": known, "files": [asdict(file) for file in files]})},
        max_commit_retries=0,
        app_transactions=[Transaction(application(known["sync"]), known["token"]), Transaction(TABLE, known["sequence"])],
    )
