"""`supervisor backup` and `supervisor restore`."""

import os
import shutil
import sys
from pathlib import Path

import click

from supervisor.cli import settings
from supervisor.security.crypto import Cipher
from supervisor.store import backups, lock, snapshots

FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Write the database to FILE, or to standard output for "-"; Supervisor may run meanwhile."""
    config = settings.read()
    database = settings.database_of(config)
    if str(file) != "-":
        snapshots.copy(database, file.absolute())
        click.echo(f"The database is in {file}. {backups.KEEP_THE_KEY}", err=True)
        return
    draft = database.with_name(f"{database.name}.backup-{os.getpid()}")
    try:
        snapshots.copy(database, draft)
        with draft.open("rb") as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
    finally:
        draft.unlink(missing_ok=True)


@click.command()
@click.argument("file", type=FILE)
def restore(file: Path) -> None:
    """Put the database in FILE, or on standard input for "-", in the place of the present one.

    Supervisor must not run. What was there is kept beside it.
    """
    config = settings.read()
    lock.take(config.storage)
    with file.open("rb") if str(file) != "-" else sys.stdin.buffer as source:
        kept = backups.restore(source, config.storage, Cipher(config.secret_key_base))
    click.echo("The database is restored. Start Supervisor.", err=True)
    if kept:
        click.echo(f"What was there before is kept: {kept}", err=True)
