"""A contract's alerts and made-up runs in, what history and a recording channel then hold out: no data is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from datasync.alerts.acting import Actor, Decision, act
from datasync.alerts.announcing import Announcement, announce
from datasync.alerts.cards import facts_of
from datasync.alerts.delivery import Postman, Tally, deliver
from datasync.alerts.lifecycle import Sighting
from datasync.alerts.message import Delivered, Delivery
from datasync.alerts.metrics import metrics_of
from datasync.alerts.observing import Happening, observe
from datasync.history.incidents import STATES, Incident
from datasync.history.outbox import OutboxRow
from datasync.history.rows import RunFacts
from datasync.history.store import History, Ledger
from datasync.results.model import CheckResult, ErrorResult, RowCounts, RunResult, RunStatus
from tests.gates.contracts import contract_of

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROWS = RowCounts(extracted=100, accepted=100)
ADA = Actor("ada", "cli")
BODY = """\
owner: {team: retail, slack: "#retail", email: retail@example.com}
columns:
  id: {type: int64, key: true}
  price: {type: int64, min: 0}
target: {type: duckdb, database: w.duckdb, table: t, write: merge}
"""


def check(name: str, status: str = "failed", failed: int = 3, evaluated: int = 100, **more: object) -> CheckResult:
    """A check's outcome; its kind is what stands behind the dot."""
    kind = name if name.startswith(("count", "freshness", "columns")) else name.rpartition(".")[2]
    values = {"name": name, "type": kind, "column": None, "gate": "prepared", "severity": "error", "status": status,
              "evaluated": evaluated, "failed": failed if status != "passed" else 0, "expected": "at least 0"}  # fmt: skip
    return CheckResult(**(values | more))  # type: ignore[arg-type]


@dataclass
class Recorder:
    """A channel that keeps what it is given, and fails when it is told to."""

    deliveries: list[Delivery] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)
    always: Exception | None = None

    def deliver(self, delivery: Delivery) -> Delivered:
        if self.always is not None:
            raise self.always
        if self.fails:
            raise self.fails.pop(0)
        self.deliveries.append(delivery)
        return Delivered(dict(delivery.thread.ref) if delivery.thread else {"ts": str(len(self.deliveries))})


class Stage:
    """One sync over time."""

    def __init__(self, folder: Path, alerts: str, body: str = BODY) -> None:
        self.contract = contract_of(body + "alerts:\n" + alerts)
        self.history = History(f"sqlite:///{folder / 'history.db'}")
        self.now = BEGIN
        self.runs = 0
        self.channels: dict[str, Recorder] = {"slack": Recorder(), "email": Recorder()}
        self.happenings: list[Happening] = []

    @property
    def slack(self) -> list[Delivery]:
        return self.channels["slack"].deliveries

    @property
    def email(self) -> list[Delivery]:
        return self.channels["email"].deliveries

    def run(self, *checks: CheckResult, status: RunStatus | None = None, after: timedelta = timedelta(minutes=5),
            send: bool = True, error: str = "", rows: RowCounts = ROWS) -> RunResult:  # fmt: skip
        """Record a run some time after the last, and deliver what it has to tell."""
        self.now += after
        self.runs += 1
        worst = {one.status for one in checks}
        verdict: RunStatus = "failed" if "failed" in worst else "warned" if "warned" in worst else "passed"
        broken = ErrorResult("E_SOURCE", "extract", error) if error else None
        result = RunResult("c", "1.0.0", f"run-{self.runs}", status or ("error" if error else verdict), self.now, 1.5, rows=rows,
                           checks=checks, error=broken, path="contracts/c.yaml", target="duckdb:t")  # fmt: skip
        return self.record(result, send)

    def record(self, result: RunResult, send: bool = True) -> RunResult:
        facts = RunFacts(result.run_id, "c", "1.0.0", "c|t", "run", "contracts/c.yaml", result.started_at)
        metrics = metrics_of(result, self.history.last_status("c|t"))
        self.history.begin(facts)
        seen = Sighting(result.run_id, self.now)

        def tell(ledger: Ledger) -> None:
            self.happenings = observe(ledger, result, "c", seen)
            kept = facts_of(self.contract, "", {"price.min": 7}, {}) | {"sync": "c|t"}
            announce(ledger, Announcement(self.contract, result, metrics, "c", seen, kept), self.happenings)

        recorded = self.history.finish(facts, result, None, committed=result.ok, tell=tell)
        if send:
            self.send()
        return recorded

    def send(self, after: timedelta = timedelta()) -> Tally:
        self.now += after
        return deliver(Postman(self.history, self.channels.__getitem__, clock=lambda: self.now))

    def act(self, number: int, decision: Decision, actor: Actor = ADA, send: bool = True) -> list[Incident]:
        changed = act(self.history, [number], decision, actor, self.now)
        if send:
            self.send()
        return changed

    def incidents(self) -> dict[str, Incident]:
        with self.history.ledger() as ledger:
            return {one.check: one for one in ledger.incidents.listed(STATES)}

    def trail(self, number: int) -> list[tuple[str, str, str]]:
        with self.history.ledger() as ledger:
            return [(event.what, event.who, event.via) for event in ledger.incidents.events(number)]

    def outbox(self, *states: str) -> list[OutboxRow]:
        with self.history.ledger() as ledger:
            return ledger.outbox.listed(states or ("pending", "failed", "sent", "dead", "suppressed"))

    def states(self) -> Mapping[str, str]:
        return {name: one.state for name, one in self.incidents().items()}


def plain(delivery: Delivery) -> tuple[list[str], list[str]]:
    """The checks that a delivery lists and the kinds of its posts."""
    assert delivery.card is not None
    return [line.check for line in delivery.card.lines], [post.kind for post in delivery.posts]


__all__ = ["BEGIN", "Recorder", "Stage", "check", "plain", "replace"]
