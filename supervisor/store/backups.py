"""Bringing back a copy of the database that `supervisor backup` made."""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from supervisor import durable, failpoints
from supervisor.errors import BackupRefused, WrongKey
from supervisor.security.crypto import Cipher
from supervisor.store import schema, snapshots
from supervisor.store.sql_errors import in_our_words

KEEP_THE_KEY = (
    "Its secrets open with the secret key base only: keep SUPERVISOR_SECRET_KEY_BASE, or the file"
    " keys in the storage, in another place."
)


@in_our_words()
def restore(source: IO[bytes], storage: Path, cipher: Cipher) -> Path | None:
    """Put a backup in the place of the database; return where the former one is kept.

    All or nothing. Raise BackupRefused, WrongKey, StorageError; nothing was changed then.
    """
    database = storage / "supervisor.db"
    draft = storage / "supervisor.db.restored"
    with durable.replacing(database, draft=draft):
        with draft.open("wb") as target:
            shutil.copyfileobj(source, target)
        _check(draft, cipher)
        kept = _keep(database) if database.exists() else None
        failpoints.reach("restore")
    return kept


def _check(draft: Path, cipher: Cipher) -> None:
    try:
        with closing(snapshots.open_existing(draft)) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            sound = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
            query = "SELECT count(*) FROM sqlite_master WHERE type IN ('trigger', 'view')"
            (foreign,) = connection.execute(query).fetchone()
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            (canary,) = connection.execute("SELECT canary FROM seal").fetchone()
    except (sqlite3.Error, TypeError):
        raise BackupRefused("this is no backup of Supervisor, or it is damaged") from None
    if not sound or foreign:
        raise BackupRefused("the backup is damaged, or was changed by somebody")
    if revision not in schema.revisions():
        raise BackupRefused(
            f"the backup is at revision {revision}, from a newer release: restore it with that one"
        )
    try:
        cipher.open(canary, "canary")
    except WrongKey:
        raise BackupRefused(
            "SUPERVISOR_SECRET_KEY_BASE is not the key that this backup was encrypted with:"
            " restore it with the key of its time"
        ) from None


def _keep(database: Path) -> Path:
    """Give the present database a second name, whole in one file where it can be read at all."""
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    kept = database.with_name(f"{database.name}.before-restore-{now}")
    log, index = (database.with_name(f"{database.name}-{part}") for part in ("wal", "shm"))
    try:
        with closing(snapshots.open_existing(database)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.DatabaseError:  # a damaged one is kept as it is, and good for nothing else
        if log.exists():
            log.rename(kept.with_name(f"{kept.name}-wal"))
        index.unlink(missing_ok=True)
    os.link(database, kept)
    return kept
