"""The places of one stack in storage, and who has a mirror for itself."""

import hashlib
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from supervisor.commands.process.shell import Cancellation
from supervisor.errors import CommandCancelled, CommandTimedOut

LOOK_SECONDS = 0.5
WAITING = "waiting for another stack's git fetch"
# By name: in a container the storage has two paths, its own and that of the host.
_mirror_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class Tree:
    """A place where a commit is checked out, and the index that knows what is there."""

    path: Path

    @property
    def index(self) -> Path:
        """Return the index file; beside the tree, so that nothing of git's is in it."""
        return self.path.with_name(self.path.name + ".index")

    @property
    def whole(self) -> Path:
        """Return the file that is there while no checkout is under way, or was cut off."""
        return self.path.with_name(self.path.name + ".whole")

    def remove(self) -> None:
        """Remove all of it; the next checkout makes it anew."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.index.unlink(missing_ok=True)
        self.whole.unlink(missing_ok=True)
        self.index.with_name(f"{self.index.name}.lock").unlink(missing_ok=True)


@dataclass(frozen=True)
class Workspace:
    """The places of one stack in storage."""

    storage: Path
    uuid: str
    repository: str
    shallow: bool = False

    @property
    def mirror(self) -> Path:
        """Return the bare mirror, shared by all stacks that want the same of the repository."""
        wanted = f"{self.repository} shallow" if self.shallow else self.repository
        return self.mirror_called(f"{hashlib.sha256(wanted.encode()).hexdigest()[:32]}.git")

    def mirror_called(self, name: str) -> Path:
        """Return the mirror of this name; that of a former address has another one."""
        return self.storage / "mirrors" / name

    @property
    def folder(self) -> Path:
        """Return the stack's own folder."""
        return self.storage / "stacks" / self.uuid

    @property
    def checkout(self) -> Tree:
        """Return the stable checkout, which containers mount from."""
        return Tree(self.folder / "checkout")

    @property
    def aside(self) -> Tree:
        """Return the place where a commit is prepared while the old one runs."""
        return Tree(self.folder / "aside")

    @property
    def plan(self) -> Tree:
        """Return the place where a plan looks at a commit."""
        return Tree(self.folder / "plan")

    @property
    def references(self) -> str:
        """Return the folder of the stack's references in the mirror."""
        return f"refs/supervisor/{self.uuid}"

    @property
    def target(self) -> str:
        """Return the mirror's reference to what this stack fetched last."""
        return f"{self.references}/target"

    @property
    def applied(self) -> str:
        """Return the mirror's reference to what this stack runs."""
        return f"{self.references}/applied"

    @property
    def previous(self) -> str:
        """Return the mirror's reference to what this stack ran before that."""
        return f"{self.references}/previous"

    @property
    def trees(self) -> dict[str, str]:
        """Return the references to the trees with submodules that belong to those commits."""
        return {name: f"{name}-tree" for name in (self.target, self.applied, self.previous)}

    def submodule(self, path: str) -> str:
        """Return the mirror's reference to what this stack fetched last of a submodule."""
        digest = hashlib.sha256(path.encode()).hexdigest()[:32]
        return f"{self.references}/submodules/{digest}"


@contextmanager
def mirror_locked(
    mirror: Path, seconds: float, cancellation: Cancellation | None = None
) -> Iterator[None]:
    """Hold a mirror alone.

    Raise CommandTimedOut where others keep it for too long, CommandCancelled where nobody wants it
    any more.
    """
    lock = _mirror_locks[mirror.name]
    until = time.monotonic() + seconds
    while not lock.acquire(timeout=min(seconds, LOOK_SECONDS)):
        if cancellation and cancellation.reason is not None:
            raise CommandCancelled(WAITING, cancellation.reason)
        if time.monotonic() >= until:
            raise CommandTimedOut(WAITING, seconds)
    try:
        yield
    finally:
        lock.release()
