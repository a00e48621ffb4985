"""A run's result in, its incidents and messages written with it and sent afterwards out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasync.alerts.announcing import Announcement, announce
from datasync.alerts.cards import facts_of
from datasync.alerts.channels import opener
from datasync.alerts.delivery import Postman, Tally, deliver
from datasync.alerts.lifecycle import Sighting
from datasync.alerts.metrics import metrics_of
from datasync.alerts.observing import observe, subject_of
from datasync.connectors.connections import lookup
from datasync.contract.loader import LoadedContract
from datasync.contract.places import check_places
from datasync.errors import StorageError
from datasync.history.store import History, Ledger, Tell
from datasync.results.model import RunResult
from datasync.seams import Connection
from datasync.sync.project import Project

log = logging.getLogger("datasync")
BASE = "DATASYNC_URL"
"""Environment variable: the web app's address, for links in messages."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What telling of a run needs to know beside its result.

    Attributes:
        loaded: its contract.
        sync: identity of contract, target and declared params.
        params: values of the declared params.
        links: word to URL: the scheduler's run and log.
        released: who let it go, when it was held.
    """

    loaded: LoadedContract
    sync: str
    params: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    released: str | None = None


def tell_of(telling: Telling, result: RunResult, history: History) -> Tell | None:
    """Give what writes a run's incidents and messages, for `History.finish` to do in its transaction.

    Returns:
        None for what is told to nobody: checks and replays.
    """
    if result.kind != "run":
        return None
    metrics = metrics_of(result, history.last_status(telling.sync))
    contract = telling.loaded.contract
    subject = subject_of(contract.contract, telling.params)
    seen = Sighting(result.run_id, datetime.now(UTC))

    def write(ledger: Ledger) -> None:
        happenings = observe(ledger, result, subject, seen)
        if contract.alerts or happenings or telling.released:
            facts = facts_of(contract, subject.partition("?")[2], check_places(telling.loaded), telling.links) | {
                "sync": telling.sync
            }
            run = Announcement(contract, result, metrics, subject, seen, facts, telling.released or "")
            announce(ledger, run, happenings)

    return write


def postman(project: Project, history: History, connections: Callable[[str], Connection] | None = None) -> Postman:
    """Give what delivers a project's messages."""
    known = connections or (lambda name: lookup(name, project.root))
    return Postman(
        history,
        opener(known),
        base=os.environ.get(BASE, ""),
        report=lambda run_id: _report(project, history, run_id),
        rows=lambda run_id: _rows(history, run_id),
    )


def send(project: Project, run_id: str | None = None, connections: Callable[[str], Connection] | None = None) -> Tally:
    """Deliver a project's messages that are due.

    Args:
        run_id: only where this run has something to tell.

    Raises:
        StorageError: history cannot be used.
    """
    history = History(project.history_url)
    try:
        return deliver(postman(project, history, connections), run_id)
    finally:
        history.close()


def sent(project: Project, result: RunResult, connections: Callable[[str], Connection] | None = None) -> RunResult:
    """Send what a run has to tell, and give its result with what became of it; whatever fails waits and changes nothing else."""
    if not any(alert.state == "pending" for alert in result.alerts):
        return result
    try:
        send(project, result.run_id, connections)
        history = History(project.history_url)
        try:
            known = history.result(result.run_id)
        finally:
            history.close()
        return replace(result, alerts=known.alerts) if known is not None else result
    except (StorageError, KeyboardInterrupt):
        log.warning("the messages of run %s wait: datasync alerts send", result.run_id)
        return result


def _report(project: Project, history: History, run_id: str) -> bytes | None:
    """A run's page as a file; a report that cannot be made is no reason not to tell."""
    from datasync.errors import DataSyncError
    from datasync.sync.reported import report_html

    try:
        result = history.result(run_id)
        return report_html(project, result).encode() if result is not None else None
    except DataSyncError:
        return None


def _rows(history: History, run_id: str) -> Mapping[str, Sequence[str]]:
    """Some of a run's quarantined rows, redacted; without its contract only shapes can be seen."""
    from datasync.contract.loader import load_contract
    from datasync.errors import DataSyncError
    from datasync.sync.aside_rows import told

    result = history.result(run_id)
    try:
        contract = load_contract(Path(result.path)).contract if result is not None and result.path else None
    except DataSyncError:
        contract = None
    return told(history.quarantine_batches(run_id=run_id), contract)
