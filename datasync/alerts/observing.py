"""A run's result and the open incidents of its subject in, incidents opened, repeated, reopened and resolved out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from datasync.alerts import lifecycle
from datasync.alerts.lifecycle import BREAKING, RUN, Sighting
from datasync.errors import UsageError
from datasync.history.incidents import STATES, Incident, IncidentEvent
from datasync.history.store import Ledger
from datasync.results.model import CheckResult, RunResult

RUN_ERROR = "run.error"
"""Stands for a system that failed: source, target, history."""
BUDGET = "quarantine.allow"
FLAPPING = timedelta(hours=1)
"""What opens again within this goes on in the message that it had."""
JUDGED = ("passed", "warned", "failed", "held", "error")
CAUSES: Mapping[str, tuple[str, ...]] = {
    "freshness": ("count.min", "count.drift", "count.tolerance"),
    "columns": ("count.min", "count.drift", "count.tolerance", "null_share", "distinct", "expectation"),
}
"""Kind of a check to kinds whose failure in the same run it explains: a stale source brings few rows, a missing column fails
what is said about it."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What became of one incident.

    Attributes:
        incident: as it is now.
        what: opened, repeated, worse, woke, reopened, recovered or withdrawn.
        silent: nobody is told: it was acknowledged or snoozed and is no worse, another incident causes it, or it was told often.
        flapping: it opened again soon after it was resolved: its old message goes on.
    """

    incident: Incident
    what: str
    silent: bool = False
    flapping: bool = False


def subject_of(contract: str, params: Mapping[str, object]) -> str:
    """Name what shares one message: the contract and the values of its declared params; at most 300 characters."""
    values = ", ".join(f"{name}={value}" for name, value in sorted(params.items()))
    text = f"{contract}?{values}" if values else contract
    return text if len(text) <= 300 else f"{contract}?{hashlib.sha256(values.encode()).hexdigest()}"


def contract_in(subject: str) -> str:
    """Give the contract that a subject is of."""
    return subject.partition("?")[0]


def params_in(subject: str) -> dict[str, str]:
    """Read declared params back from a subject.

    Raises:
        UsageError: what they were cannot be told for certain.
    """
    contract, _, text = subject.partition("?")
    if not text:
        return {}
    pairs = text.split(", ")
    values = dict(pair.partition("=")[::2] for pair in pairs)
    if not all("=" in pair for pair in pairs) or subject_of(contract, values) != subject:
        raise UsageError("its params are not known here any more", code="E_START", hint="datasync run … --param")
    return values


def fingerprint(subject: str, gate: str, check: str) -> str:
    """Name a broken promise across runs: never of a run id or a count."""
    return hashlib.sha256("\n".join((subject, gate, check)).encode()).hexdigest()


def observe(ledger: Ledger, result: RunResult, subject: str, seen: Sighting) -> list[Happening]:
    """Bring a subject's incidents up to date with a run.

    Args:
        ledger: in the transaction that records the run.
        result: of a run (not of a check, a replay or a shadow); one that was refused or interrupted says nothing.
        subject: from `subject_of`.
        seen: the run and the time.
    """
    if result.status not in JUDGED:
        return []
    checks = [*result.checks, *_of_the_run(result)]
    known = {incident.fingerprint: incident for incident in ledger.incidents.of_subject(subject, STATES)}
    broken = {check.name: check for check in checks if check.status in BREAKING}
    observer = _Observer(ledger, result, subject, seen, known, broken)
    found = [happening for check in checks for happening in observer.judge(check)]
    return found + observer.withdraw(checks)


def _of_the_run(result: RunResult) -> Iterator[CheckResult]:
    """What a run promises beside its checks: that systems answer, and that no more rows are set aside than is allowed."""
    error = result.error
    yield CheckResult(
        name=RUN_ERROR, type="run", column=None, gate=RUN, severity="error",  # type: ignore[arg-type]
        status="passed" if error is None else "error", evaluated=1, expected="every system answers",
        message=f"{error.message} ({error.code}{', ' + error.stage if error.stage else ''})" if error else "",
    )  # fmt: skip
    over = result.status in ("failed", "held") and error is None and not any(check.status == "failed" for check in result.checks)
    rows = result.rows
    yield CheckResult(
        name=BUDGET, type="budget", column=None, gate=RUN, severity="error",  # type: ignore[arg-type]
        status="failed" if over else "passed" if error is None else "skipped",
        evaluated=rows.extracted + rows.added, failed=rows.quarantined if over else 0,
        expected="no more rows set aside than quarantine.allow",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Observer:
    """One run over the incidents of its subject."""

    ledger: Ledger
    result: RunResult
    subject: str
    seen: Sighting
    known: Mapping[str, Incident]
    broken: Mapping[str, CheckResult]

    def judge(self, check: CheckResult) -> list[Happening]:
        """What one check's outcome means for its incident."""
        incident = self._known(check)
        if check.status in BREAKING:
            cause = self._cause(check)
            if incident is None:
                key = (self._key(check), self.result.contract, self.subject)
                return [self._note(replace(lifecycle.opened(check, key, self.seen), inhibited_by=cause), "opened")]
            if incident.unresolved and incident.last_run == self.seen.run_id:
                # The same run is recorded again: it was resumed, or released.
                return []
            after, what = lifecycle.again(incident, check, self.seen)
            happening = self._note(replace(after, inhibited_by=cause), what)
            return [replace(happening, flapping=_flapping(incident, self.seen))]
        # A run that broke has judged some of its rows only: what held for them says nothing about the rest.
        whole = self.result.error is None
        if check.status == "passed" and incident is not None and incident.unresolved and whole:
            return [self._note(lifecycle.over(incident, self.seen), "recovered")]
        return []

    def withdraw(self, checks: list[CheckResult]) -> list[Happening]:
        """Close the incidents of checks that the contract no longer has."""
        if self.result.error is not None:
            return []
        there = {self._key(check) for check in checks}
        gone = [known for known in self.ledger.incidents.of_subject(self.subject) if known.fingerprint not in there]
        return [self._note(lifecycle.over(incident, self.seen), "withdrawn") for incident in gone]

    def _key(self, check: CheckResult, name: str = "") -> str:
        return fingerprint(self.subject, check.gate, name or check.name)

    def _known(self, check: CheckResult) -> Incident | None:
        """The incident of a check, also when it had another name before."""
        found = self.known.get(self._key(check))
        if found is not None or not check.previous_name:
            return found
        before = self.known.get(self._key(check, check.previous_name))
        return before and self.ledger.incidents.save(replace(before, fingerprint=self._key(check), check=check.name))

    def _cause(self, check: CheckResult) -> str:
        """The check whose failure explains this one's."""
        if check.name != RUN_ERROR and RUN_ERROR in self.broken and check.status == "error":
            return RUN_ERROR
        for name, other in self.broken.items():
            if name != check.name and other.status == "failed" and check.type in CAUSES.get(other.type, ()):
                return name
        return ""

    def _note(self, incident: Incident, what: str) -> Happening:
        stored = self.ledger.incidents.save(incident)
        seen = f"{stored.failed:,} of {stored.evaluated:,}" if stored.evaluated > 1 else stored.observed or stored.message
        detail = "" if what in ("withdrawn", "recovered") else seen
        self.ledger.incidents.log(IncidentEvent(stored.id, self.seen.at, what, RUN, RUN, self.seen.run_id, detail))
        quiet = what == "repeated" and (stored.state != "open" or not _worth_telling(stored.occurrences))
        return Happening(stored, what, silent=quiet or bool(stored.inhibited_by))


def _worth_telling(occurrences: int) -> bool:
    """Repeats are told often at first and then seldom; the message itself always shows how many there were."""
    while occurrences >= 10 and occurrences % 10 == 0:
        occurrences //= 10
    return occurrences <= 5


def _flapping(before: Incident, seen: Sighting) -> bool:
    return before.resolved_at is not None and seen.at - before.resolved_at < FLAPPING
