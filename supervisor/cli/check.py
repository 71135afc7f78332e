"""`supervisor check`: whether all that Supervisor needs is there, and what to do about the rest."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from supervisor.cli import settings
from supervisor.cli.exits import Ended, printable
from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.plugin import plugin_version
from supervisor.commands.git.call import git_version
from supervisor.commands.process.shell import Shell
from supervisor.deploy.host_storage import HostStorage, lost_with_container
from supervisor.errors import StorageError, SupervisorError
from supervisor.security.crypto import Cipher
from supervisor.settings.config import Config
from supervisor.store.glance import glance_at
from supervisor.store.lock import is_open

ANSWER_SECONDS = 10
FREE_BYTES = 256 * 1024 * 1024
CLOCK_SECONDS = 30
OLDEST_PLUGIN = (2, 20)
ENGINE = Engine(Shell())


@click.command()
def check() -> None:
    """Check what Supervisor needs; say for each part that it is ok, or what to do.

    Supervisor may run or not; nothing is changed. Ends with status 1 if something is wrong.
    """
    wrong: set[str] = set()
    try:
        config = settings.read_before_first_start()
    except (SupervisorError, OSError) as error:
        _tell("settings", f"WRONG: {error} (see docs/configuration.md)")
        wrong.add("settings")
        parts = TOOLS
    else:
        _tell("settings", "ok")
        parts = {
            "storage": lambda: _storage(config.storage),
            "database": lambda: _database(config),
            **TOOLS,
            "mounts": lambda: _mounts(config.storage),
        }
    for name, part in parts.items():
        if name in ASKED_OF_ENGINE and "engine" in wrong:
            _tell(name, "not checked: the engine has to answer first")
        elif not _try(name, part):
            wrong.add(name)
    if wrong:
        raise Ended("something is wrong: see above")


def _try(name: str, part: Callable[[], str]) -> bool:
    try:
        _tell(name, f"ok: {part()}")
    except (SupervisorError, StorageError, OSError) as error:
        _tell(name, f"WRONG: {error}")
        return False
    return True


def _tell(name: str, text: str) -> None:
    click.echo(f"{name:<9} {printable(text)}")


def _storage(folder: Path) -> str:
    if not folder.exists():
        return f"{folder} will be made at the first start"
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise SupervisorError(f"{folder} cannot be written by this user: make it its owner")
    if is_open(folder):
        raise SupervisorError(f"{folder} is open to other users: chmod 700 {folder}")
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise SupervisorError(f"only {free >> 20} MiB are free at {folder}: free some space")
    return f"{folder}, {free >> 20} MiB free, {_holder(folder)}"


def _holder(folder: Path) -> str:
    """Tell which process has the storage; the lock is not touched, so that no start meets it."""
    with suppress(OSError, ValueError):
        number = int((folder / "lock").read_text())
        if Path(f"/proc/{number}").exists():
            return f"Supervisor runs as process {number}"
    return "Supervisor does not run"


def _database(config: Config) -> str:
    path = config.storage / "supervisor.db"
    if not path.exists():
        return "will be made at the first start"
    found = glance_at(path)
    if found is None:
        return "is being made by a first start, or was left by one: start Supervisor"
    revision, newest = found.revision, found.newest_run
    if not found.is_known:
        raise SupervisorError(f"is at revision {revision}, from a newer release: use that one")
    if found.canary:
        Cipher(config.secret_key_base).open(found.canary, "canary")
    if newest and datetime.fromisoformat(newest).replace(tzinfo=UTC) > datetime.now(UTC):
        raise SupervisorError(f"has runs of {newest} UTC, later than now: set this machine's clock")
    upgrade = "" if found.is_newest else ", will be upgraded at the next start"
    return f"revision {revision}{upgrade}"


def _mounts(folder: Path) -> str:
    if lost_with_container(folder):
        raise SupervisorError(f"nothing is mounted at {folder}: all is lost with the container")
    return f"the engine sees the storage at {HostStorage(folder, ENGINE).path()}"


def _engine() -> str:
    return f"Docker {ENGINE.version(ANSWER_SECONDS)}"


def _plugin() -> str:
    version = plugin_version(ENGINE, ANSWER_SECONDS)
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST_PLUGIN:
        raise SupervisorError(f"Docker Compose {version} is too old: install 2.20 or newer")
    return f"Docker Compose {version}"


def _clock() -> str:
    """Compare with the engine, whose times of events count too; it may be on another machine."""
    apart = abs((ENGINE.system_time() - datetime.now(UTC)).total_seconds())
    if apart > CLOCK_SECONDS:
        raise SupervisorError(f"is {apart:.0f} s away from the engine's: set both by NTP")
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


TOOLS: dict[str, Callable[[], str]] = {
    "git": lambda: git_version(Shell(), ANSWER_SECONDS),
    "engine": _engine,
    "plugin": _plugin,
    "clock": _clock,
}
ASKED_OF_ENGINE = ("clock", "mounts")  # each stands behind the engine's own part
