"""What is tidied up now and then, so that storage doesn't grow for ever."""

import logging
import shutil

from supervisor.commands.git import Git
from supervisor.commands.shell import Shell
from supervisor.config import Config
from supervisor.deploy.spec import mirror_locked
from supervisor.errors import SupervisorError

log = logging.getLogger(__name__)

LOCK_SECONDS = 60


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
    """Pack each mirror and drop the commits that no stack runs or wants any more."""
    shell = Shell(marker=f"{config.marker}tidy")
    for mirror in sorted((config.storage / "mirrors").glob("*.git")):
        try:
            with mirror_locked(mirror, LOCK_SECONDS):
                Git(shell, mirror).collect_garbage(config.limits.fetch)
        except SupervisorError as error:
            log.warning("%s cannot be tidied: %s", mirror.name, error)
