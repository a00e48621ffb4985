"""Incidents and a run's figures in, the neutral message out that every channel renders in its own form; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from datasync.history.outbox import Thread

Action = Literal["acknowledge", "snooze", "assign", "resolve", "rows", "rerun", "release", "reject"]
"""What a reader can do where the message is read; release and reject only while the run is held."""

PostKind = Literal[
    "opened", "repeated", "worse", "recovered", "withdrawn", "acknowledged", "snoozed", "woke", "assigned", "resolved",
    "reopened", "escalated", "released", "rejected", "note",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One incident as the message lists it.

    Attributes:
        incident: its number.
        check: name of the check.
        gate: where it judges: source, prepared, staged, or run for a broken system.
        promise: what was promised, in plain words: the check's description, else what it expects.
        severity: error or warn.
        state: open, acknowledged, snoozed or resolved.
        state_words: who did it and until when; empty when open and untouched.
        failed, evaluated: rows (table checks: things) that broke the promise, of how many.
        share: the same in percent, in as many digits as it takes; empty for table checks.
        expected, observed: threshold against what was seen, in words; observed may be empty.
        first_seen: when it opened, UTC.
        occurrences: how many runs in a row found it: 3 is "3rd run".
        samples: a few failing values, masked as the column's `samples` says.
        causes: names of checks that fail because of this one and are not listed themselves.
        assignee: who has it; may be empty.
        place: `file:line` of the promise; may be empty.
        message: why a check could not be evaluated, or how the system failed; may be empty.
    """

    incident: int
    check: str
    gate: str
    promise: str
    severity: str
    state: str
    state_words: str = ""
    failed: int = 0
    evaluated: int = 0
    share: str = ""
    expected: str = ""
    observed: str = ""
    first_seen: datetime | None = None
    occurrences: int = 1
    samples: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    assignee: str = ""
    place: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """Who answers for a contract, as the contract says; every field may be empty."""

    team: str = ""
    name: str = ""
    slack: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """Everything a contract's parent message shows, as it is now.

    Attributes:
        contract, version, description: of the contract.
        params: declared params of the sync, `region=KR`; may be empty.
        owner: who answers for it.
        mention: the owner is to be mentioned.
        run_id: the newest run; status: its verdict.
        verdict: one sentence: `Blocked at the audit: 2 of 9 checks failed; 151 rows set aside; target unchanged since …`.
        started_at: of the newest run.
        figures: (word, text) pairs: rows, window, seconds.
        done: what datasync did about it: `blocked`, `set 151 rows aside`, `target unchanged since …`.
        lines: unresolved incidents, gravest first; after recovery those that were resolved last.
        notes: the contract's own alert messages, filled in.
        links: word to URL, or to a command where no page is served.
        actions: what can be done from here.
        resolved: nothing is open any more.
    """

    contract: str
    version: str
    run_id: str
    status: str
    verdict: str
    started_at: datetime
    description: str = ""
    params: str = ""
    owner: OwnerFacts = OwnerFacts()
    mention: bool = False
    figures: tuple[tuple[str, str], ...] = ()
    done: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class Post:
    """One event that goes into the thread below the parent message.

    Attributes:
        kind: what happened.
        text: in one sentence, plain.
        incidents: numbers of the incidents it is about.
        at: when it happened, UTC.
    """

    kind: PostKind
    text: str
    incidents: tuple[int, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A message about a run that broke no promise: a condition of the contract came true.

    Attributes:
        text: the alert's own message, filled in; else what its condition says.
        severity: error or warn, as the alert says.
        figures: (word, text) pairs.
    """

    contract: str
    run_id: str
    text: str
    severity: str
    at: datetime
    owner: OwnerFacts = OwnerFacts()
    mention: bool = False
    figures: tuple[tuple[str, str], ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to deliver to one place.

    Attributes:
        key: the same when it is tried again: it stands in the message, so that a repeat can be told.
        destination: `#channel`, an address, or empty for the connection's default.
        card: the parent message as it is now; None for a note.
        posts: what goes into its thread; none on the first message, which shows everything itself.
        note: a message of its own.
        thread: the parent that exists already: update it in place and answer below it; None: write a new one.
        attachment: the run's report as one HTML page, for channels that carry files.
    """

    key: str
    destination: str
    card: Card | None = None
    posts: tuple[Post, ...] = ()
    note: Note | None = None
    thread: Thread | None = None
    attachment: bytes | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of a delivery.

    Attributes:
        ref: the parent's address, to be kept; empty where the channel gives none (an incoming webhook).
    """

    ref: Mapping[str, str] = field(default_factory=dict)
