"""The ordered steps of a run.

Until `apply`, nothing that runs is touched: a commit is checked out aside, rendered, its images
pulled and built there. Only then does the stable checkout move.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.commands import git
from supervisor.commands.compose import Compose, Project
from supervisor.commands.shell import Shell
from supervisor.config import Limits
from supervisor.deploy.containment import check_model, file_within, optional_file_within
from supervisor.deploy.spec import StackSpec, Tree, Workspace
from supervisor.errors import DeployRefused, ReferenceNotFound, Skipped

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git knows it without having it


@dataclass
class Recipe:
    """Carry out one run; `step`, `commit` and `touched` tell how far it came."""

    spec: StackSpec
    place: Workspace
    shell: Shell
    limits: Limits
    announce: Callable[[str, str], None]
    commit: str | None = None
    step: str = "start"
    touched: bool = False

    def deploy(self, *, explicit: bool) -> str:
        """Bring the stack to the newest commit of its reference; return a sentence about it.

        Raise Skipped where there is nothing to do and nobody asked explicitly.
        """
        self._fetch()
        if self.spec.held:
            raise Skipped(f"The stack is {self.spec.held}: start or unpause it to deploy this")
        if self.commit == self.spec.applied_commit and not explicit:
            raise Skipped(f"Already at {self._short}")
        self._prepare()
        self._apply()
        return f"Deployed {self._short}"

    def control(self, action: str) -> str:
        """Start, stop, restart, pause or unpause the stack as it was last deployed."""
        if self.spec.applied_commit is None:
            raise DeployRefused("The stack has not been deployed yet: send redeploy")
        self._step(action, f"docker compose {action} for project {self.spec.project}")
        if action == "start":
            # `up` and not `start`, so that containers somebody removed come back too.
            self._compose(self.place.checkout).up(self.limits.up)
        else:
            getattr(self._compose(None), action)(self.limits.control)
        return f"{action} done"

    def teardown(self, *, volumes: bool) -> str:
        """Remove the stack's containers and networks, its volumes only if asked."""
        kept = "with its volumes" if volumes else "volumes stay"
        self._step("down", f"Removing the containers of project {self.spec.project}, {kept}")
        self._compose(None).down(self.limits.down, volumes=volumes)
        self._step("clean up", "Removing the checkout")
        self._remove_checkout(everything=volumes)
        return "Deleted"

    @property
    def _short(self) -> str:
        return f"{self.spec.reference} at {(self.commit or '')[:12]}"

    @property
    def _git(self) -> git.Git:
        return git.Git(self.shell, self.place.mirror)

    def _step(self, step: str, text: str) -> None:
        self.step = step
        self.announce(step, text)

    def _fetch(self) -> None:
        self._step("fetch", f"Asking {self.spec.remote.url} for {self.spec.reference}")
        self._git.create()
        reference = self.spec.reference
        if not git.is_commit(reference):
            found = git.ls_remote(
                self.shell, self.spec.remote, git.candidates(reference), self.limits.ls_remote
            )
            resolved = git.resolve(found, reference)
            if resolved is None:
                raise ReferenceNotFound(
                    f"The repository has no branch or tag {reference}: check git_reference"
                )
            reference, self.commit = resolved
        else:
            self.commit = reference
        with self.place.mirror_locked(self.limits.fetch):
            if self._git.has_commit(self.commit):
                return
            self._step("fetch", f"Fetching {self.commit[:12]}")
            self.commit = self._git.fetch(
                self.spec.remote, reference, self.place.target, self.limits.fetch
            )

    def _prepare(self) -> None:
        tree = self.place.aside
        self._check_out("check out", tree)
        self._step("render", "docker compose config")
        compose = self._compose(tree)
        model = compose.config(self.limits.render)
        check_model(model, tree.path, self.place.storage)
        self._fetch_images(compose, model)

    def _fetch_images(self, compose: Compose, model: dict[str, Any]) -> None:
        services = (model.get("services") or {}).values()
        if any("build" not in service for service in services):
            self._step("pull", "docker compose pull")
            compose.pull(self.limits.pull)
        if any("build" in service for service in services):
            self._step("build", "docker compose build")
            compose.build(self.limits.build)

    def _apply(self) -> None:
        self.touched = True
        self._check_out("apply", self.place.checkout)
        self._step("up", "docker compose up")
        self._compose(self.place.checkout).up(self.limits.up)
        if self.commit:
            self._git.set_reference(self.place.applied, self.commit)

    def _check_out(self, step: str, tree: Tree) -> None:
        commit = self.commit or ""
        self._step(step, f"Checking out {commit[:12]}")
        self._git.checkout(commit, tree.path, tree.index, self.limits.checkout)

    def _compose(self, tree: Tree | None) -> Compose:
        return Compose(self.shell, self._project(tree))

    def _project(self, tree: Tree | None) -> Project:
        """Name the project; with a tree also its files, none of which may lead out of it."""
        if tree is None:
            return Project(self.spec.project, self.place.folder, (), {})
        files = tuple(file_within(tree.path, name) for name in self.spec.compose_files)
        folder = Path(self.spec.compose_file).parent
        dotenv = optional_file_within(tree.path, str(folder / ".env"))
        directory = tree.path / folder
        return Project(self.spec.project, directory, files, self.spec.variables, dotenv)

    def _remove_checkout(self, *, everything: bool) -> None:
        """Remove what git put there; what containers wrote into it goes only with the volumes."""
        place = self.place
        if place.mirror.exists() and place.checkout.path.exists() and not everything:
            tree = place.checkout
            self._git.checkout(EMPTY_TREE, tree.path, tree.index, self.limits.checkout)
        if place.mirror.exists():
            for reference in (place.target, place.applied):
                self._git.delete_reference(reference)
        shutil.rmtree(place.aside.path, ignore_errors=True)
        for tree in (place.aside, place.checkout):
            tree.index.unlink(missing_ok=True)
        if everything:
            shutil.rmtree(place.folder, ignore_errors=True)
        for path in (place.checkout.path, place.folder):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
