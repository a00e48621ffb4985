"""Runs know the text of their contract, when they ended and how good they were; checks know what they observed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, add the columns."""
    op.create_table(
        "contract_texts",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("contract", sa.String(63), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("texts_by_contract", "contract_texts", ["contract", "first_seen"])
    op.add_column("runs", sa.Column("contract_hash", sa.String(64)))
    op.add_column("runs", sa.Column("extracted", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("score", sa.Float))
    op.add_column("runs", sa.Column("finished_at", sa.DateTime(timezone=True)))
    op.create_index("runs_by_finish", "runs", ["finished_at"])
    op.add_column("checks", sa.Column("observed", sa.Float))
    op.add_column("checks", sa.Column("threshold", sa.Float))
