"""Runs know what started them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and its index."""
    op.add_column("runs", sa.Column("origin", sa.String(500)))
    op.create_index("runs_by_origin", "runs", ["origin"])
