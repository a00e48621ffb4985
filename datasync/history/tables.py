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
)

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
