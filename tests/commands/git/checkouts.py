"""A mirror's commits, and where they are checked out to."""

from pathlib import Path

from supervisor.commands.git.mirror import Git
from supervisor.commands.git.remote import Remote

MAIN = "refs/heads/main"
TARGET = "refs/supervisor/x/target"


class Checkout:
    """A place to check out to."""

    def __init__(self, mirror: Git, folder: Path) -> None:
        self.mirror, self.tree, self.index = mirror, folder / "tree", folder / "tree.index"

    def to(self, commit: str) -> dict[str, str]:
        """Check a commit out and return the files that are there then."""
        self.mirror.checkout(commit, self.tree, self.index, 20)
        files = (path for path in self.tree.rglob("*") if path.is_file())
        return {str(path.relative_to(self.tree)): path.read_text() for path in files}


def fetch(mirror: Git, remote: Remote, reference: str = MAIN) -> str:
    return mirror.fetch(remote, reference, TARGET, 20)
