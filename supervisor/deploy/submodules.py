"""Submodules: their files become part of the tree that is checked out.

Nothing of a submodule but its path, its address and its commit is looked at: `git submodule`
would also take names, update commands and settings from the repository.
"""

import posixpath
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from supervisor.commands.git import address
from supervisor.commands.git.mirror import Git
from supervisor.commands.git.remote import Remote
from supervisor.commands.git.submodules import graft, submodules_of
from supervisor.deploy.workspace import Workspace
from supervisor.errors import (
    CommandTimedOut,
    DeployRefused,
    ReferenceNotFound,
    RepositoryDenied,
    RepositoryNotFound,
    RepositoryUnreachable,
)
from supervisor.settings.config import TimeLimits

MOST_LEVELS = 5
MOST_SUBMODULES = 100
GITLINK = "160000"


@dataclass
class Submodules:
    """Put the submodules of one commit in place; the caller holds the mirror."""

    remote: Remote
    mirror: Git
    place: Workspace
    limits: TimeLimits
    step: Callable[[str, str], None]
    found: list[tuple[Remote, str]] = field(default_factory=list)
    """The submodules that were put in place: where they are from, and their commits."""
    begun: float = field(default_factory=time.monotonic)

    def put_into(self, commit: str) -> str:
        """Return a tree with the files of all submodules, the commit itself where there are none.

        Raise DeployRefused for addresses that are not to be asked, CommandTimedOut.
        """
        return self._put_into(commit, self.remote, "", MOST_LEVELS)

    def _put_into(self, commit: str, remote: Remote, folder: str, depth: int) -> str:
        addresses = submodules_of(self.mirror, commit)
        paths = {path for path in addresses if _is_inside(path)}
        links = self.mirror.objects(commit, paths) if paths else {}
        trees = {}
        for path, entry in sorted(links.items()):
            mode, wanted = entry.split()
            if mode == GITLINK:
                where = posixpath.join(folder, path)
                self._check_number(where, depth)
                at = remote.elsewhere(self._address(remote, addresses[path], where))
                self._obtain(at, wanted, where)
                self.found.append((at, wanted))
                trees[path] = self._put_into(wanted, at, where, depth - 1)
        return graft(self.mirror, commit, trees) if trees else commit

    def _check_number(self, where: str, depth: int) -> None:
        if len(self.found) >= MOST_SUBMODULES or not depth:
            raise DeployRefused(
                f"Submodule {where}: there are more than {MOST_SUBMODULES}, or more than"
                f" {MOST_LEVELS} inside each other"
            )

    def _obtain(self, remote: Remote, commit: str, where: str) -> None:
        if self.mirror.has_commit(commit):
            return
        self.step("fetch", f"Fetching submodule {where} from {remote.url}")
        left = self.limits.fetch - (time.monotonic() - self.begun)
        if left <= 0:
            raise CommandTimedOut("fetching submodules", self.limits.fetch)
        try:
            self.mirror.fetch(remote, commit, self.place.submodule(where), left, shallow=True)
        except (
            RepositoryDenied,
            RepositoryNotFound,
            RepositoryUnreachable,
            ReferenceNotFound,
        ) as error:
            raise type(error)(f"Submodule {where}: {error}") from None

    def _address(self, parent: Remote, given: str, where: str) -> str:
        """Return a submodule's address in full; raise DeployRefused if it is not to be asked."""
        url = in_full(parent.url, given)
        try:
            address.check(url)
        except ValueError as error:
            raise DeployRefused(f"Submodule {where}: its address {error}") from None
        if url.startswith("file:"):
            raise DeployRefused(f"Submodule {where}: file:// is not allowed for submodules")
        hosts = {urlsplit(each).hostname for each in (url, parent.url, self.remote.url)}
        if url.startswith("ssh:") and len(hosts) > 1:
            raise DeployRefused(
                f"Submodule {where}: {url} is on another host than the repository, and keys are"
                " for that one only: give the submodule's https address in .gitmodules"
            )
        return url


def _is_inside(path: str) -> bool:
    """Tell whether a path can be one of a tree's; git takes no other ones for submodules either."""
    return path == posixpath.normpath(path) and path[0] != "/" and ".." not in path.split("/")


def in_full(parent: str, given: str) -> str:
    """Return an address that may be relative to the parent's, or in ssh's short form."""
    if not given.startswith(("./", "../")):
        return address.written_out(given) or given
    path = urlsplit(parent).path
    return parent.removesuffix(path) + posixpath.normpath(posixpath.join(path, given))
