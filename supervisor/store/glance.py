"""What a database file tells of itself; it is read as it lies there, never changed or upgraded."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from supervisor.store import schema, snapshots
from supervisor.store.sql_errors import in_our_words

HAS_REVISION = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"


@dataclass(frozen=True)
class Glance:
    """What was seen; of a revision that this release does not know, nothing but that."""

    revision: str
    canary: bytes | None = None
    newest_run: str | None = None
    """When the newest run was asked for, in UTC, as it is stored."""

    @property
    def is_known(self) -> bool:
        """Tell whether this release can read the database."""
        return self.revision in schema.revisions()

    @property
    def is_newest(self) -> bool:
        """Tell whether the database is at this release's revision."""
        return self.revision == schema.revisions()[-1]


@in_our_words()
def glance_at(database: Path) -> Glance | None:
    """Return what is seen, None where the first start has not made the tables; StorageError."""
    with closing(snapshots.open_existing(database)) as connection:
        if not connection.execute(HAS_REVISION).fetchone():
            return None
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if revision not in schema.revisions():
            return Glance(revision)
        seal = connection.execute("SELECT canary FROM seal").fetchone()
        (newest,) = connection.execute("SELECT max(created_at) FROM runs").fetchone()
    return Glance(revision, seal[0] if seal else None, newest)
