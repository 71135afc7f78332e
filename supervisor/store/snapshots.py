"""Consistent copies of the database file, also while others write to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from supervisor import durable
from supervisor.store.sql_errors import in_our_words

COPIES_KEPT = 3
BUSY_SECONDS = 30


@in_our_words()
def copy(database: Path, target: Path) -> None:
    """Put a copy there, readable by its user only; raise StorageError, or OSError of its folder.

    It is written beside the target and renamed, so that nobody ever finds half a copy.
    """
    try:
        # The target may lie in a folder of any user, who is not meant to read it for that.
        with (
            durable.replacing(target, for_owner_of_folder=False) as draft,
            closing(open_existing(database)) as connection,
        ):
            connection.execute("VACUUM INTO ?", (str(draft),))
    except OSError as error:  # names the draft, of which nobody knows
        raise OSError(error.errno, error.strerror, str(target.parent)) from None


def copy_before(database: Path, revision: str) -> Path:
    """Keep a copy from before an upgrade to that revision; only the newest few copies are kept."""
    pattern = f"{database.name}.before-[0-9][0-9][0-9][0-9]"
    for draft in database.parent.glob(f"{pattern}.*"):  # a process was killed over it
        draft.unlink()
    target = database.with_name(f"{database.name}.before-{revision}")
    copy(database, target)
    for old in sorted(database.parent.glob(pattern))[:-COPIES_KEPT]:
        old.unlink()
    return target


@in_our_words()
def rewrite(database: Path) -> None:
    """Leave nothing of what was deleted or replaced in unused parts; raise StorageError."""
    with closing(open_existing(database)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def open_existing(database: Path) -> sqlite3.Connection:
    """Open a database that is there; never make one."""
    path = database.absolute().as_uri()
    return sqlite3.connect(f"{path}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
