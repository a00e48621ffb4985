"""Figures of runs are summed up from an index: a run's row holds its whole result, which is long and not looked at then."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
COLUMNS = ["contract", "kind", "status", "started_at", "finished_at", "extracted", "published", "quarantined", "seconds", "score"]


def upgrade() -> None:
    """Create the index."""
    op.create_index("runs_by_figures", "runs", COLUMNS)
