"""Alembic's entry: the app's engine and tables, one transaction for each migration."""

from alembic import context
from flask import current_app

from supervisor import models  # noqa: F401 (fills the metadata)

db = current_app.extensions["migrate"].db

with db.engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
