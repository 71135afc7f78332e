"""Files that a repository keeps in Git LFS: fetched before a checkout, not while it goes on."""

import re
import shutil
import time

from supervisor.commands.git.mirror import Git
from supervisor.commands.git.remote import Remote
from supervisor.errors import CommandMissing

OBJECT = re.compile(r"^[0-9a-f]{64}\b", re.MULTILINE)
YOUNG_SECONDS = 3600  # what was fetched for a deploy that goes on


def fetch_large_files(mirror: Git, remote: Remote, commit: str, seconds: float) -> None:
    """Fetch the files of a commit that are kept in Git LFS; raise CommandMissing without git-lfs.

    The server is the one that belongs to the repository, whatever a `.lfsconfig` says.
    """
    shutil.rmtree(mirror.mirror / "lfs" / "logs", ignore_errors=True)  # of the try without them
    if not shutil.which("git-lfs"):
        raise CommandMissing("git-lfs, in which files of the repository are kept,")
    mirror.run("lfs", "fetch", "origin", commit, remote=remote, seconds=seconds)


def forget_large_files(mirror: Git, seconds: float) -> None:
    """Remove the files of commits that no stack runs or wants any more."""
    objects = mirror.mirror / "lfs" / "objects"
    if not objects.is_dir() or not shutil.which("git-lfs"):
        return
    wanted: set[str] = set()
    for reference in mirror.references("refs/supervisor"):
        listing = mirror.run("lfs", "ls-files", "--long", reference, seconds=seconds)
        wanted.update(OBJECT.findall(listing))
    old = time.time() - YOUNG_SECONDS
    for path in objects.rglob("*"):
        if path.is_file() and path.name not in wanted and path.stat().st_mtime < old:
            path.unlink(missing_ok=True)
