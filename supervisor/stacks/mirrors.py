"""What is tidied up now and then, so that storage doesn't grow for ever."""

import logging
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from supervisor.commands.git.lfs import forget_large_files
from supervisor.commands.git.mirror import Git
from supervisor.commands.process.shell import Shell
from supervisor.deploy.state import AppliedState
from supervisor.deploy.workspace import Workspace, mirror_locked
from supervisor.errors import SupervisorError
from supervisor.settings.config import Config
from supervisor.stacks import catalogue, vault

log = logging.getLogger("supervisor.upkeep")

LOCK_SECONDS = 60
MOMENT_SECONDS = 1


def remove_drafts(config: Config) -> None:
    """Remove what a killed process had begun in the mirrors; only before anything runs.

    A lock would fail every later fetch, and what is half received would only take up room.
    """
    mirrors = config.storage / "mirrors"
    for draft in mirrors.glob("*.git.*"):
        shutil.rmtree(draft, ignore_errors=True)
    for pattern in ("*.lock", "tmp_*"):
        for path in mirrors.glob(f"*.git/**/{pattern}"):
            if path.is_file():
                path.unlink(missing_ok=True)


def tidy_mirrors(config: Config) -> None:
    """Pack each mirror, and drop the commits and whole mirrors that no stack wants any more."""
    shell = Shell(marker=f"{config.marker}tidy")
    for mirror in sorted((config.storage / "mirrors").glob("*.git")):
        try:
            with mirror_locked(mirror, LOCK_SECONDS):
                if mirror in _wanted(config):
                    git = Git(shell, mirror)
                    git.collect_garbage(config.limits.fetch)
                    forget_large_files(git, config.limits.fetch)
                else:
                    shutil.rmtree(mirror)
        except SupervisorError as error:
            log.warning("%s cannot be tidied: %s", mirror.name, error)


def drop_unwanted(config: Config, mirror: Path) -> None:
    """Remove a mirror that no stack wants; one that is in use just now waits for `tidy_mirrors`."""
    with suppress(SupervisorError), mirror_locked(mirror, MOMENT_SECONDS):
        if mirror not in _wanted(config):
            shutil.rmtree(mirror, ignore_errors=True)


def _wanted(config: Config) -> set[Path]:
    """Return the mirrors that stacks fetch into, and those that have what they run."""
    here = Workspace(config.storage, "", "")
    wanted = set()
    for stack in catalogue.all_of_them():
        wanted.add(replace(here, repository=stack.git_repository, shallow=stack.shallow).mirror)
        for sealed in filter(None, (stack.applied, stack.previous)):
            state = AppliedState.parse(vault.open_state(stack.uuid, sealed))
            wanted.add(here.mirror_called(state.mirror))
    return wanted
