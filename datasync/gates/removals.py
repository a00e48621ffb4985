"""The rows that a run would take away from its target in, the verdict of `deletes.limit` out."""

from __future__ import annotations

from dataclasses import dataclass

from datasync.contract.scalars import Limit
from datasync.results.model import CheckTally
from datasync.seams import Removals, Staging


@dataclass(frozen=True, slots=True)
class Taken:
    """What publishing would take away.

    Attributes:
        rows: deleted, marked or closed.
        recheck: SQL that gives their number if it exceeds the limit, else 0, for a target that changed since.
    """

    rows: int
    tally: CheckTally
    recheck: str | None


def removals(staging: Staging, limit: Limit) -> Taken:
    """Count the target's rows that would go, and judge them against the limit: a share of the rows that are there.

    A target without rows has nothing to lose: nothing is judged.
    """
    found = staging.removals
    if found is None:
        return Taken(0, CheckTally(), None)
    going, living = (int(staging.query(f"SELECT count(*) FROM {relation}")[0][0]) for relation in (found.going, found.living))
    tally = CheckTally(
        evaluated=int(living > 0),
        failed=int(going > 0 and not limit.allows(going, living)),
        observed=f"{going:,} of {living:,} rows",
    )
    return Taken(going, tally, _recheck(found, limit))


def _recheck(found: Removals, limit: Limit) -> str:
    counts = f"SELECT (SELECT count(*) FROM {found.going}) AS going, (SELECT count(*) FROM {found.living}) AS living"
    beyond = f"going > {limit.count}"
    if limit.share is not None:
        beyond = f"going * {limit.share.denominator} > living * {limit.share.numerator}"
    return f"SELECT CASE WHEN {beyond} THEN going ELSE 0 END FROM ({counts}) AS counts"
