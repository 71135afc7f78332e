"""Whether a run changed something, and why a commit is blocked."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# As it was found out before: by the newest deploy of the commit that came to an end.
WHY = """
UPDATE stacks SET blocked_because = CASE WHEN (
    SELECT outcome FROM runs
    WHERE stack_id = stacks.id AND commit_after = stacks.hold_commit
    AND action IN ('deploy', 'redeploy') AND status IN ('failed', 'succeeded')
    ORDER BY runs.id DESC LIMIT 1
) IS NULL THEN 'left' ELSE 'failed' END
WHERE hold_commit IS NOT NULL
"""
CHANGED = """
UPDATE runs SET changed = 1
WHERE status = 'succeeded' OR outcome IN ('rolled_back', 'rollback_failed')
"""


def upgrade() -> None:
    """Go to this revision."""
    changed = sa.Column("changed", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("runs", changed)
    op.add_column("stacks", sa.Column("blocked_because", sa.String(16), nullable=True))
    op.execute(CHANGED)
    op.execute(WHY)


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_column("stacks", "blocked_because")
    op.drop_column("runs", "changed")
