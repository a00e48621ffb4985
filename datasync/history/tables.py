"""The tables of history, as SQLAlchemy Core sees them; alembic's migrations create them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(100), primary_key=True),
    Column("contract", String(63), nullable=False),
    Column("version", String(50), nullable=False),
    Column("sync", String(200), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("path", Text, nullable=False, default=""),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("window_start", Text),
    Column("window_end", Text),
    Column("explicit", Boolean, nullable=False, default=False),
    Column("full", Boolean, nullable=False, default=False),
    Column("staged", BigInteger, nullable=False, default=0),
    Column("published", BigInteger, nullable=False, default=0),
    Column("quarantined", BigInteger, nullable=False, default=0),
    Column("committed", Boolean, nullable=False, default=False),
    Column("result", Text),
    Column("origin", String(500)),
    Column("contract_hash", String(64)),
    Column("extracted", BigInteger, nullable=False, default=0),
    Column("score", Float),
    Column("finished_at", DateTime(timezone=True)),
    Index("runs_by_finish", "finished_at"),
    # All that figures are made of: the row itself holds the result, which is long.
    Index(
        "runs_by_figures",
        "contract",
        "kind",
        "status",
        "started_at",
        "finished_at",
        "extracted",
        "published",
        "quarantined",
        "seconds",
        "score",
    ),
    Index("runs_by_origin", "origin"),
    Index("runs_by_contract", "contract", "started_at"),
    Index("runs_by_sync", "sync", "started_at"),
)

checks = Table(
    "checks",
    metadata,
    Column("run_id", String(100), ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("gate", String(20), primary_key=True),
    Column("name", String(300), primary_key=True),
    Column("kind", String(50), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("status", String(10), nullable=False),
    Column("evaluated", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("unknown", BigInteger, nullable=False),
    Column("observed", Float),
    Column("threshold", Float),
)

contract_texts = Table(
    "contract_texts",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("contract", String(63), nullable=False),
    Column("version", String(50), nullable=False),
    Column("path", Text, nullable=False),
    Column("owner", String(300), nullable=False, default=""),
    Column("tags", Text, nullable=False, default="[]"),
    Column("text", Text, nullable=False),
    Column("first_seen", DateTime(timezone=True), nullable=False),
    Index("texts_by_contract", "contract", "first_seen"),
)
"""Every text of a contract that a run was made by; secrets never stand in one."""

watermarks = Table(
    "watermarks",
    metadata,
    Column("sync", String(200), primary_key=True),
    Column("watermark", Text, nullable=False),
    Column("run_id", String(100), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("run_id", String(100), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("contract", String(63), nullable=False),
    Column("sync", String(200), nullable=False),
    Column("gate", String(20), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("reasons", Text, nullable=False, default="{}"),
    Column("path", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("quarantine_by_sync", "sync", "state"),
)
"""One row per batch of quarantined rows. state: pending (the run is not over), open (published run, to be replayed),
evidence (unpublished run), superseded, replayed."""

closed_rows = Table(
    "quarantine_closed_rows",
    metadata,
    Column("row_id", String(200), primary_key=True),
    Column("run_id", String(100), nullable=False),
    Column("state", String(20), nullable=False),
    Column("by_run", String(100), nullable=False),
    Index("closed_by_run", "run_id"),
)
"""Rows of open batches that are closed one by one: superseded by a later run, or replayed."""

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""Numbers rows by itself; SQLite does that only in a column of type INTEGER."""

incidents = Table(
    "incidents",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("contract", String(63), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("gate", String(20), nullable=False),
    Column("check", String(300), nullable=False),
    Column("kind", String(50), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("state", String(20), nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Column("resolved_at", DateTime(timezone=True)),
    Column("first_run", String(100), nullable=False),
    Column("last_run", String(100), nullable=False),
    Column("occurrences", Integer, nullable=False),
    Column("reopened", Integer, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("evaluated", BigInteger, nullable=False),
    Column("expected", Text, nullable=False),
    Column("observed", Text, nullable=False),
    Column("promise", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("samples", Text, nullable=False),
    Column("acted_by", String(200), nullable=False),
    Column("assignee", String(200), nullable=False),
    Column("snoozed_until", DateTime(timezone=True)),
    Column("snoozed_failed", BigInteger),
    Column("snoozed_evaluated", BigInteger),
    Column("inhibited_by", String(300), nullable=False),
    Index("incidents_by_subject", "subject", "state"),
    Index("incidents_by_state", "state", "contract"),
)

incident_events = Table(
    "incident_events",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("incident", NUMBER, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("what", String(20), nullable=False),
    Column("who", String(200), nullable=False),
    Column("via", String(20), nullable=False),
    Column("run_id", String(100), nullable=False),
    Column("detail", Text, nullable=False),
    Index("events_by_incident", "incident", "id"),
)
"""The audit trail: every transition of every incident, with who did it and from where."""

threads = Table(
    "threads",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("subject", String(300), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("destination", String(300), nullable=False),
    Column("ref", Text, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("threads_by_subject", "subject", "channel", "destination"),
)
"""Where a subject's parent message lies in a channel; open until its last incident is resolved."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("dedup_key", String(300), nullable=False, unique=True),
    Column("run_id", String(100), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("contract", String(63), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("destination", String(300), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try", DateTime(timezone=True), nullable=False),
    Column("claimed_until", DateTime(timezone=True)),
    Column("last_error", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("sent_at", DateTime(timezone=True)),
    Index("outbox_by_state", "state", "next_try"),
    Index("outbox_by_run", "run_id"),
)
"""Messages to be delivered. state: pending, failed (will be tried again), sent, dead, suppressed."""

seen_requests = Table(
    "seen_requests",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("seen_at", DateTime(timezone=True), nullable=False),
)
"""Signed requests and clicks that were handled, so that a replay or a double click does nothing."""
