"""Alembic's entry: the app's engine and tables, one transaction for all migrations."""

from alembic import context
from flask import current_app

from supervisor import failpoints

db = current_app.extensions["migrate"].db

with db.engine.connect() as connection:
    # A table that is made anew is dropped first, and the rows that refer to it would go with it.
    driver = connection.connection.dbapi_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
        failpoints.reach("migrated")
    driver.execute("PRAGMA foreign_keys=ON")
