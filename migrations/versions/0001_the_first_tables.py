"""The first release's tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "seal",
        sa.Column("canary", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "stacks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("git_repository", sa.String(), nullable=False),
        sa.Column("git_reference", sa.String(), nullable=False),
        sa.Column("compose_file", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("git_username", sa.String(), nullable=True),
        sa.Column("compose_includes", sa.JSON(), nullable=False),
        sa.Column("polling_interval", sa.Integer(), nullable=True),
        sa.Column("signature_header", sa.String(), nullable=True),
        sa.Column("former_secret_until", sa.DateTime(), nullable=True),
        sa.Column("repository_key", sa.String(), nullable=False),
        sa.Column("health_timeout", sa.Integer(), nullable=False),
        sa.Column("rollback", sa.Boolean(), nullable=False),
        sa.Column("self_heal", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("held", sa.String(length=16), nullable=True),
        sa.Column("deleting", sa.Boolean(), nullable=False),
        sa.Column("delete_volumes", sa.Boolean(), nullable=False),
        sa.Column("catch_up", sa.Boolean(), nullable=False),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("suspended_reason", sa.String(), nullable=True),
        sa.Column("suspended_until", sa.DateTime(), nullable=True),
        sa.Column("healthy", sa.Boolean(), nullable=True),
        sa.Column("drift", sa.JSON(), nullable=False),
        sa.Column("heals", sa.Integer(), nullable=False),
        sa.Column("healed_at", sa.DateTime(), nullable=True),
        sa.Column("seen_commit", sa.String(), nullable=True),
        sa.Column("hold_commit", sa.String(), nullable=True),
        sa.Column("left_failed", sa.Boolean(), nullable=False),
        sa.Column("applied_commit", sa.String(), nullable=True),
        sa.Column("applied", sa.LargeBinary(), nullable=True),
        sa.Column("previous", sa.LargeBinary(), nullable=True),
        sa.Column("processed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("last_run_at", sa.DateTime(), nullable=True),
        sa.Column("last_action", sa.String(), nullable=True),
        sa.Column("last_status", sa.String(), nullable=True),
        sa.Column("checked_at", sa.DateTime(), nullable=True),
        sa.Column("check_at", sa.DateTime(), nullable=True),
        sa.Column("check_failures", sa.Integer(), nullable=False),
        sa.Column("check_error", sa.String(), nullable=True),
        sa.Column("retry_at", sa.DateTime(), nullable=True),
        sa.Column("retries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name_key"),
        sa.UniqueConstraint("project"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("stacks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stacks_check_at"), ["check_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_stacks_repository_key"), ["repository_key"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_stacks_retry_at"), ["retry_at"], unique=False)

    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stack_id", sa.Integer(), nullable=False),
        sa.Column("forge", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("references", sa.String(), nullable=True),
        sa.Column("delivery_id", sa.String(), nullable=True),
        sa.Column("who", sa.String(), nullable=True),
        sa.Column("run_uuid", sa.String(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["stack_id"], ["stacks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "deliveries_by_delivery_id", ["stack_id", "delivery_id"], unique=False
        )
        batch_op.create_index("deliveries_by_stack", ["stack_id", "id"], unique=False)

    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stack_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("trigger", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("commit_before", sa.String(), nullable=True),
        sa.Column("commit_after", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["stack_id"], ["stacks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index(
            "one_running", ["stack_id"], unique=True, sqlite_where=sa.text("status = 'running'")
        )
        batch_op.create_index("runs_by_stack", ["stack_id", "id"], unique=False)
        batch_op.create_index("runs_by_status", ["status", "position"], unique=False)

    op.create_table(
        "log_lines",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stack_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["stack_id"], ["stacks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("log_lines", schema=None) as batch_op:
        batch_op.create_index("lines_by_run", ["run_id", "id"], unique=False)
        batch_op.create_index("lines_by_stack", ["stack_id", "id"], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("log_lines", schema=None) as batch_op:
        batch_op.drop_index("lines_by_stack")
        batch_op.drop_index("lines_by_run")

    op.drop_table("log_lines")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index("runs_by_status")
        batch_op.drop_index("runs_by_stack")
        batch_op.drop_index("one_running", sqlite_where=sa.text("status = 'running'"))

    op.drop_table("runs")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index("deliveries_by_stack")
        batch_op.drop_index("deliveries_by_delivery_id")

    op.drop_table("deliveries")
    with op.batch_alter_table("stacks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stacks_retry_at"))
        batch_op.drop_index(batch_op.f("ix_stacks_repository_key"))
        batch_op.drop_index(batch_op.f("ix_stacks_check_at"))

    op.drop_table("stacks")
    op.drop_table("seal")
