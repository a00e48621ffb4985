"""Incidents with their audit trail, the outbox, the threads its messages lie in, and signatures that were seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only in a column of type INTEGER.
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "incidents",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("fingerprint", sa.String(64), nullable=False, unique=True),
        sa.Column("contract", sa.String(63), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("gate", sa.String(20), nullable=False),
        sa.Column("check", sa.String(300), nullable=False),
        sa.Column("kind", sa.String(50), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("resolved_at", MOMENT),
        sa.Column("first_run", sa.String(100), nullable=False),
        sa.Column("last_run", sa.String(100), nullable=False),
        sa.Column("occurrences", sa.Integer, nullable=False),
        sa.Column("reopened", sa.Integer, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("evaluated", sa.BigInteger, nullable=False),
        sa.Column("expected", sa.Text, nullable=False),
        sa.Column("observed", sa.Text, nullable=False),
        sa.Column("promise", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("samples", sa.Text, nullable=False),
        sa.Column("acted_by", sa.String(200), nullable=False),
        sa.Column("assignee", sa.String(200), nullable=False),
        sa.Column("snoozed_until", MOMENT),
        sa.Column("snoozed_failed", sa.BigInteger),
        sa.Column("snoozed_evaluated", sa.BigInteger),
        sa.Column("inhibited_by", sa.String(300), nullable=False),
    )
    op.create_index("incidents_by_subject", "incidents", ["subject", "state"])
    op.create_index("incidents_by_state", "incidents", ["state", "contract"])
    op.create_table(
        "incident_events",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("incident", NUMBER, sa.ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("via", sa.String(20), nullable=False),
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("events_by_incident", "incident_events", ["incident", "id"])
    op.create_table(
        "threads",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("destination", sa.String(300), nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_index("threads_by_subject", "threads", ["subject", "channel", "destination"])
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("dedup_key", sa.String(300), nullable=False, unique=True),
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("contract", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("destination", sa.String(300), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try", MOMENT, nullable=False),
        sa.Column("claimed_until", MOMENT),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT),
    )
    op.create_index("outbox_by_state", "outbox", ["state", "next_try"])
    op.create_index("outbox_by_run", "outbox", ["run_id"])
    op.create_table(
        "seen_requests",
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("seen_at", MOMENT, nullable=False),
    )
