"""What a commit holds: how it comes into the mirror, and out of it into a folder."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

from supervisor.commands.git.lfs import fetch_large_files
from supervisor.commands.git.mirror import Git
from supervisor.commands.git.references import full_names, is_commit, ls_remote, resolve_reference
from supervisor.commands.git.untracked import in_the_way
from supervisor.commands.process.shell import Shell
from supervisor.deploy.spec import StackSpec
from supervisor.deploy.state import AppliedState
from supervisor.deploy.submodules import Submodules
from supervisor.deploy.workspace import Tree, Workspace, mirror_locked
from supervisor.errors import (
    CommandCancelled,
    DeployRefused,
    LargeFilesMissing,
    MirrorDamaged,
    ReferenceNotFound,
    SupervisorError,
)
from supervisor.settings.config import TimeLimits


@dataclass(frozen=True)
class Content:
    """Bring what a stack wants of its repository to where it is wanted."""

    spec: StackSpec
    place: Workspace
    shell: Shell
    limits: TimeLimits
    step: Callable[[str, str], None]

    @property
    def mirror(self) -> Git:
        """Return the repository's mirror."""
        return Git(self.shell, self.place.mirror)

    def _mirror_alone(self) -> AbstractContextManager[None]:
        return mirror_locked(self.place.mirror, self.limits.fetch, self.shell.cancellation)

    def resolve(self, reference: str) -> tuple[str, str]:
        """Return what to fetch for a reference, and the commit that it is now.

        Raise ReferenceNotFound.
        """
        if is_commit(reference):
            return reference, reference
        names = full_names(reference)
        found = ls_remote(self.shell, self.spec.remote, names, self.limits.ls_remote)
        resolved = resolve_reference(found, reference)
        if resolved is None:
            raise ReferenceNotFound(
                f"The repository has no branch or tag {reference}: check git_reference"
            )
        return resolved

    def obtain(self, source: str, commit: str) -> str:
        """Bring a commit into the mirror unless it is there; return the one that came."""
        with self._mirror_alone():
            if self.mirror.create():
                self._bring_back()
            if not self.mirror.has_commit(commit):
                self.step("fetch", f"Fetching {commit[:12]}")
                commit = self._fetch(source, self.place.target)
        return commit

    def with_submodules(self, commit: str) -> str:
        """Return a tree with the commit's files and those of its submodules, "" if it has none.

        Raise DeployRefused for addresses that are not to be asked.
        """
        with self._mirror_alone():
            whole = self._submodules().put_into(commit)
            if whole != commit:
                self.mirror.set_reference(self.place.trees[self.place.target], whole)
        return whole if whole != commit else ""

    def keep(self, state: AppliedState) -> None:
        """Keep what was applied, and what was before it: a forced push may drop both."""
        before = self.spec.applied
        if before and before.content != state.content and self.mirror.has(before.content):
            self._keep(self.place.previous, before)
        self._keep(self.place.applied, state)

    def _keep(self, name: str, state: AppliedState) -> None:
        self.mirror.set_reference(name, state.commit)
        if state.tree:
            self.mirror.set_reference(self.place.trees[name], state.tree)

    def check_out(self, step: str, tree: Tree, state: AppliedState) -> None:
        """Make a folder's tracked files those of a state; a mirror that lost it is mended."""
        try:
            self._check_out(step, tree, state)
        except MirrorDamaged:
            self._mend(state)
            self._check_out(step, tree, state)

    def _mend(self, state: AppliedState) -> None:
        """Fetch a state's commit that the mirror lacks, or has in part only."""
        with self._mirror_alone():
            if self.mirror.has_commit(state.commit):
                self.mirror.discard()
        self.obtain(state.commit, state.commit)
        if state.tree:
            self.with_submodules(state.commit)

    def check_free(self, state: AppliedState) -> None:
        """Raise DeployRefused where the state would overwrite what containers or people made."""
        tree = self.place.checkout
        if not tree.whole.exists():
            return  # of what a checkout that was cut off has left, git knows nothing
        path = in_the_way(self.mirror, state.content, tree.path, tree.index)
        if path is not None:
            raise DeployRefused(
                f"{path} is there already, and not from the repository: move it away from the"
                " checkout, or rename it in the repository"
            )

    def _check_out(self, step: str, tree: Tree, state: AppliedState) -> None:
        def run() -> None:
            self.step(step, f"Checking out {state.commit[:12]}")
            tree.whole.unlink(missing_ok=True)
            mirror = self._mirror_of(state)
            mirror.checkout(state.content, tree.path, tree.index, self.limits.checkout)
            with suppress(OSError):  # a full disk: then nothing is said to be whole
                tree.whole.touch()

        try:
            run()
        except LargeFilesMissing:
            self._fetch_large_files(state)
            run()

    def _mirror_of(self, state: AppliedState) -> Git:
        """Return the mirror that a state came from; the repository may have another address now."""
        former = self.place.mirror_called(state.mirror)
        return Git(self.shell, former) if state.mirror and former.exists() else self.mirror

    def _fetch_large_files(self, state: AppliedState) -> None:
        self.step("fetch", "Fetching the files that are kept in Git LFS")
        with self._mirror_alone():
            submodules = self._submodules()
            if state.tree:
                submodules.put_into(state.commit)
            for remote, commit in ((self.spec.remote, state.commit), *submodules.found):
                fetch_large_files(self.mirror, remote, commit, self.limits.fetch)

    def _submodules(self) -> Submodules:
        return Submodules(self.spec.remote, self.mirror, self.place, self.limits, self.step)

    def _bring_back(self) -> None:
        """Fetch what runs and what ran before into a new mirror: there may be a way back to it."""
        kept = ((self.spec.applied, self.place.applied), (self.spec.previous, self.place.previous))
        for state, reference in kept:
            try:
                if state:
                    self._fetch(state.commit, reference)
            except CommandCancelled:
                raise
            except SupervisorError as error:
                self.shell.log([f"{state and state.commit[:12]} cannot be had any more: {error}"])

    def _fetch(self, source: str, target: str) -> str:
        return self.mirror.fetch(
            self.spec.remote, source, target, self.limits.fetch, shallow=self.spec.shallow
        )
