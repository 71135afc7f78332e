"""What the second release adds: SSH, submodules and partial mirrors."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("stacks", sa.Column("git_known_hosts", sa.String(), nullable=True))
    for name in ("submodules", "shallow"):
        column = sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        op.add_column("stacks", column)


def downgrade() -> None:
    """Go back to the revision before."""
    for name in ("shallow", "submodules", "git_known_hosts"):
        op.drop_column("stacks", name)
