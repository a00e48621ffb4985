"""The first schema: runs, checks, watermarks, quarantine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(100), primary_key=True),
        sa.Column("contract", sa.String(63), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("sync", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("window_start", sa.Text),
        sa.Column("window_end", sa.Text),
        sa.Column("explicit", sa.Boolean, nullable=False),
        sa.Column("full", sa.Boolean, nullable=False),
        sa.Column("staged", sa.BigInteger, nullable=False),
        sa.Column("published", sa.BigInteger, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
        sa.Column("committed", sa.Boolean, nullable=False),
        sa.Column("result", sa.Text),
    )
    op.create_index("runs_by_contract", "runs", ["contract", "started_at"])
    op.create_index("runs_by_sync", "runs", ["sync", "started_at"])
    op.create_table(
        "checks",
        sa.Column("run_id", sa.String(100), sa.ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("gate", sa.String(20), primary_key=True),
        sa.Column("name", sa.String(300), primary_key=True),
        sa.Column("kind", sa.String(50), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("evaluated", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("unknown", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "watermarks",
        sa.Column("sync", sa.String(200), primary_key=True),
        sa.Column("watermark", sa.Text, nullable=False),
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("run_id", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("contract", sa.String(63), nullable=False),
        sa.Column("sync", sa.String(200), nullable=False),
        sa.Column("gate", sa.String(20), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("quarantine_by_sync", "quarantine", ["sync", "state"])
    op.create_table(
        "quarantine_closed_rows",
        sa.Column("row_id", sa.String(200), primary_key=True),
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("by_run", sa.String(100), nullable=False),
    )
    op.create_index("closed_by_run", "quarantine_closed_rows", ["run_id"])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("quarantine_closed_rows", "quarantine", "watermarks", "checks", "runs"):
        op.drop_table(table)
