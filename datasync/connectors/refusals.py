"""What stands in the way of a run in, the error that says so out: the same words for every target."""

from __future__ import annotations

from datasync.errors import PermanentError, Refused
from datasync.seams import PublishRequest


def busy(what: str) -> Refused:
    """Somebody else holds what this run needs; `what` as in `the sync orders`."""
    return Refused(f"another run owns {what}", code="E_BUSY", hint="wait for it to end; nothing was queued")


def loaded_elsewhere(run_id: str) -> Refused:
    """Another process loads the staging of this very run."""
    return Refused(f"run {run_id} is being loaded by someone else", code="E_BUSY")


def fenced() -> Refused:
    """A newer token owns the sync."""
    return Refused("a newer run took over this sync", code="E_FENCED", hint="this run's rows were not published")


def no_staging(run_id: str) -> PermanentError:
    """There is no staging table to judge or to publish."""
    return PermanentError(f"run {run_id} left no staging table", code="E_NO_STAGING", hint="run it again")


def check_count(rows: int, request: PublishRequest, hint: str = "") -> None:
    """Make sure that staging holds the rows that were audited.

    Raises:
        PermanentError: it holds another number.
    """
    if rows != request.rows:
        raise PermanentError(f"staging holds {rows} rows, the audit saw {request.rows}", code="E_STAGING_COUNT", hint=hint)
