"""Which revision the database is at, and bringing it to this release's.

Alembic takes 10 MB of memory, so it is loaded only where there is something to migrate.
"""

import logging
from contextlib import closing
from functools import cache
from pathlib import Path

from flask import current_app
from sqlalchemy import inspect, text

from supervisor import durable
from supervisor.errors import SchemaMismatch, SchemaTooNew
from supervisor.store import snapshots
from supervisor.store.database import db
from supervisor.store.sql_errors import in_our_words

log = logging.getLogger("supervisor.schema")

MIGRATIONS = Path(__file__).parents[2] / "migrations"


@cache
def revisions() -> list[str]:
    """Return the revisions that this release knows, oldest first: the files' names begin so."""
    found = (MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return sorted(path.name.partition("_")[0] for path in found)


@in_our_words()
def current() -> str | None:
    """Return the revision that the database is at, None for a new one."""
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return version


@in_our_words()
def undo_upgrade(database: Path) -> str | None:
    """Put back the copy from before an upgrade that this release can't read; return its revision.

    Nobody may have the database open. Raise OSError where there is no such copy, StorageError.
    """
    with closing(snapshots.open_existing(database)) as connection:
        revision: str = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    if revision in revisions():
        return None
    copy = database.with_name(f"{database.name}.before-{revision}")
    if not copy.exists():
        raise FileNotFoundError(f"there is no {copy}")
    for rest in ("-wal", "-shm"):
        database.with_name(database.name + rest).unlink(missing_ok=True)
    durable.rename(copy, database)
    return revision


def check() -> None:
    """Raise SchemaMismatch where the database is not at this release's revision."""
    if current() != revisions()[-1]:
        raise SchemaMismatch


def migrate() -> None:
    """Bring the database to this release's revision; refuse one from a newer release."""
    version = current()
    if version == revisions()[-1]:
        return
    if version is not None and version not in revisions():
        raise SchemaTooNew(
            f"the database is at revision {version}, from a newer release: start that release, or"
            " restore a backup that this one made (docs/backup-and-upgrade.md)"
        )
    if version is not None:
        kept = snapshots.copy_before(Path(str(db.engine.url.database)), revisions()[-1])
        log.info("The database is upgraded from revision %s; a copy is kept: %s", version, kept)
    upgrade()


@in_our_words()
def upgrade() -> None:
    """Run what migrations are missing."""
    from flask_migrate import Migrate, upgrade  # noqa: PLC0415 (see above)

    Migrate(current_app, db, directory=str(MIGRATIONS))
    upgrade()
