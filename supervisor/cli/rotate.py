"""`supervisor rotate-key`."""

import os
import secrets
import sys
from typing import TextIO

import click

from supervisor import create_app, failpoints
from supervisor.cli import settings
from supervisor.cli.exits import Ended
from supervisor.errors import WrongKey
from supervisor.security.crypto import Cipher
from supervisor.security.secret import Secret
from supervisor.settings import keys
from supervisor.settings.config import Config
from supervisor.stacks import rotation, vault
from supervisor.store import lock, schema, snapshots

NEW = "SUPERVISOR_NEW_SECRET_KEY_BASE"
SHORTEST = 32


@click.command("rotate-key")
@click.option(
    "--new-key-file",
    type=click.File("r", encoding="utf-8"),
    help="The file with the new secret key base; - is standard input.",
)
@click.option("--generate", is_flag=True, help="Make the new key, where storage keeps the keys.")
def rotate_key(new_key_file: TextIO | None, *, generate: bool) -> None:
    """Encrypt all secrets for a new secret key base, all or nothing.

    Supervisor must not run. The new key comes from SUPERVISOR_NEW_SECRET_KEY_BASE, from a file, or
    from a question.
    """
    config = settings.read()
    database = settings.database_of(config)
    lock.take(config.storage)
    kept = keys.stored_keys(config.storage).get(keys.SECRET_KEY_BASE)
    in_storage = kept == config.secret_key_base.reveal()
    if in_storage and _finish(config):
        click.echo("A rotation that was interrupted is finished. The file keys has the new key.")
        return
    if generate and not in_storage:
        raise Ended(f"storage does not keep the key: make one yourself, and give it as {NEW}", 2)
    new = secrets.token_hex(64) if generate else _given(new_key_file)
    if new == config.secret_key_base.reveal():
        raise Ended("the new key is the present one", 2)
    count = _rotate(config, new, in_storage=in_storage)
    snapshots.rewrite(database)
    where = "The file keys has the new key." if in_storage else "Start Supervisor with the new key."
    click.echo(f"The secrets of {count} stacks are encrypted for the new key. {where}")


def _given(file: TextIO | None) -> str:
    key = file.read() if file else os.environ.get(NEW, "")
    if not key and not file:
        if not sys.stdin.isatty():
            raise Ended(f"there is no new key: set {NEW}, or use --new-key-file or --generate", 2)
        key = click.prompt("New secret key base", hide_input=True, confirmation_prompt=True)
    if len(key.strip()) < SHORTEST:
        raise Ended(f"the new key must have at least {SHORTEST} characters", 2)
    return key.strip()


def _rotate(config: Config, new: str, *, in_storage: bool) -> int:
    """Return of how many stacks; the file with the keys follows once the database has them."""
    app = create_app(config)
    with app.app_context():
        schema.check()
        vault.check_key()
        if in_storage:
            keys.write_next(config.storage, new)
        count = rotation.encrypt_for(Cipher(Secret(new)))
    failpoints.reach("rotated")
    if in_storage:
        keys.take_next(config.storage)
    return count


def _finish(config: Config) -> bool:
    """Tell whether a rotation was cut off after the database had the new key, and end it."""
    new = keys.next_keys(config.storage).get(keys.SECRET_KEY_BASE)
    if new is None:
        return False
    other = Config(config.api_key, Secret(new), config.storage)
    try:
        with create_app(other).app_context():
            vault.check_key()
    except WrongKey:
        return False
    keys.take_next(config.storage)
    return True
