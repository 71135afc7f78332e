"""The ordered steps of a run.

Until `apply`, nothing that runs is touched: a commit is checked out aside, rendered, its images
pulled and built there. Only then does the stable checkout move. What doesn't become healthy is
taken back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from supervisor.commands import docker, git
from supervisor.commands.compose import Compose
from supervisor.commands.shell import Shell
from supervisor.config import Limits
from supervisor.deploy.apply import bring_up, compose_for, put_back_images
from supervisor.deploy.changes import Changes, compare
from supervisor.deploy.containment import check_model, check_sources
from supervisor.deploy.content import Content
from supervisor.deploy.fingerprint import Fingerprint, Origin, fingerprint
from supervisor.deploy.health import wait_until_settled
from supervisor.deploy.sources import find_sources
from supervisor.deploy.spec import StackSpec, Tree, Workspace
from supervisor.deploy.state import AppliedState
from supervisor.errors import (
    CommandCancelled,
    DeployRefused,
    DiskFull,
    Held,
    Skipped,
    SupervisorError,
)

OUT_OF_PLACE = {
    ("stopped", "pause"): "The stack is stopped, there is nothing to pause",
    ("stopped", "unpause"): "The stack is stopped, not paused: start it",
    (None, "unpause"): "The stack is not paused",
    ("paused", "start"): "The stack is paused, not stopped: unpause it",
    ("paused", "restart"): "The stack is paused: unpause it first",
}


@dataclass
class Progress:
    """How far a run came, for the record; `outcome` says what became of a failed one."""

    step: str = "start"
    commit: str | None = None
    touched: bool = False
    healthy: bool | None = None
    outcome: str | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    state: AppliedState | None = None


@dataclass
class Recipe:
    """Carry out one run of one stack."""

    spec: StackSpec
    place: Workspace
    shell: Shell
    limits: Limits
    announce: Callable[[str, str], None]
    progress: Progress = field(default_factory=Progress)
    unseen: str = ""
    """Why the engine can't see the checkout, where it can't."""

    def deploy(self, *, explicit: bool, by_person: bool) -> str:
        """Bring the stack to the newest commit of its reference; return a sentence about it.

        Raise Skipped where there is nothing to do and nobody asked explicitly, Held where only a
        person may ask.
        """
        applied = self.spec.applied.commit if self.spec.applied else None
        commit = self.fetch(unless=None if explicit else applied)
        if commit == self.spec.hold_commit and not by_person:
            raise Skipped("A rollback holds the stack until a newer commit comes")
        if self.spec.held:
            raise Held(f"The stack is {self.spec.held}: start or unpause it to deploy this")
        if commit == applied and not explicit:
            raise Skipped(f"Already at {self._where}")
        state, changes = self.prepare(commit, self.place.aside)
        self._tell(changes)
        if self.spec.applied and not changes.reasons and not explicit:
            self._move_quietly(state)
            raise Skipped(f"Nothing of the stack changed in {self._where}")
        self._apply(state)
        return f"Deployed {self._where}"

    def roll_back(self) -> str:
        """Go back to the good state before the present one."""
        if self.spec.previous is None:
            raise DeployRefused("There is no earlier good commit to go back to")
        if self.spec.held:
            raise DeployRefused(f"The stack is {self.spec.held}: start or unpause it first")
        self.progress.commit = self.spec.previous.commit
        self._apply(self.spec.previous, images_too=True)
        return f"Rolled back to {self.spec.previous.commit[:12]}, held until a newer commit comes"

    def heal(self) -> str:
        """Make the project equal to what was last applied."""
        state = self._applied("heal")
        if self.spec.held:
            raise Skipped(f"The stack is {self.spec.held}")
        self._bring_up(state, images_too=True)
        self._gate(state)
        return "Healed"

    def control(self, action: str) -> str:
        """Start, stop, restart, pause or unpause the stack as it was last deployed."""
        state = self._applied(action)
        refusal = OUT_OF_PLACE.get((self.spec.held, action))
        if refusal:
            raise DeployRefused(refusal)
        self.step(action, f"docker compose {action} for project {self.spec.project}")
        if action == "start":
            # `up` and not `start`, so that containers somebody removed come back too.
            self._bring_up(state, images_too=True)
            self._gate(state)
        else:
            getattr(self._compose_by_name, action)(self.limits.control)
        return f"{action} done"

    def fetch(self, commit: str | None = None, *, unless: str | None = None) -> str:
        """Bring the wanted commit into the mirror, by default the reference's newest; return it.

        Where it turns out to be the one that nothing will be done with, the mirror isn't asked.
        """
        reference = commit or self.spec.reference
        self.step("fetch", f"Asking {self.spec.remote.url} for {reference}")
        source, self.progress.commit = self.content.resolve(reference)
        if self.progress.commit != unless:
            self.progress.commit = self.content.obtain(source, self.progress.commit)
        return self.progress.commit

    def prepare(
        self, commit: str, tree: Tree, *, images: bool = True
    ) -> tuple[AppliedState, Changes]:
        """Check out, render, pull and build aside; return what would be applied and changes."""
        spec = self.spec
        state = AppliedState(commit, spec.compose_file, spec.compose_includes, spec.variables)
        try:
            self.content.check_out("check out", tree, state)
        except DiskFull:
            tree.remove()  # or the disk stays full by what can't be used
            raise
        compose = compose_for(self.shell, self.spec.project, tree, state)
        self.step("render", "docker compose config")
        model = compose.config(self.limits.render)
        sources = find_sources(tree.path, state.compose_files)
        check_sources(sources, tree.path, self.place.storage)
        check_model(model, tree.path, self.place.storage, self.unseen)
        if images:
            self._fetch_images(compose, model)
        origin = Origin(self.mirror, commit, tree.path, spec.variables, spec.digest_key)
        prints = fingerprint(model, sources, origin)
        present = spec.applied.fingerprint if spec.applied else None
        changes = compare(present, prints, self._built_alike(prints) if images else ())
        return replace(state, fingerprint=prints), changes

    @property
    def _where(self) -> str:
        return f"{self.spec.reference} at {(self.progress.commit or '')[:12]}"

    @property
    def mirror(self) -> git.Git:
        """Return the repository's mirror."""
        return self.content.mirror

    @property
    def content(self) -> Content:
        """Return what brings commits here."""
        return Content(self.spec, self.place, self.shell, self.limits, self.step)

    @property
    def _compose_by_name(self) -> Compose:
        return compose_for(self.shell, self.spec.project)

    def step(self, step: str, text: str) -> None:
        """Tell what begins now."""
        self.progress.step = step
        self.announce(step, text)

    def _applied(self, action: str) -> AppliedState:
        if self.spec.applied is None:
            raise DeployRefused(f"Cannot {action}: nothing was deployed yet, send redeploy first")
        self.progress.commit = self.spec.applied.commit
        return self.spec.applied

    def _fetch_images(self, compose: Compose, model: dict[str, Any]) -> None:
        services = (model.get("services") or {}).values()
        if any("build" not in service for service in services):
            self.step("pull", "docker compose pull")
            compose.pull(model, self.limits.pull)
        if any("build" in service for service in services):
            self.step("build", "docker compose build")
            compose.build(self.limits.build)

    def _built_alike(self, prints: Fingerprint) -> set[str]:
        """Return the services whose image was built again and is the one they run with."""
        images = self.spec.applied.images if self.spec.applied else {}
        return {
            service
            for service, (name, image) in images.items()
            if prints["services"].get(service, {}).get("builds")
            and docker.image_id(self.shell, name) == image
        }

    def _tell(self, changes: Changes) -> None:
        self.progress.reasons = changes.reasons
        lines = [f"{service}: {reason}" for service, reason in changes.reasons.items()]
        untouched = ", ".join(changes.unchanged)
        self.step("compare", f"untouched: {untouched}" if untouched else "nothing is untouched")
        if lines:
            self.shell.log(lines)

    def _move_quietly(self, state: AppliedState) -> None:
        """Move the checkout to a commit that changes no service; containers don't notice."""
        assert self.spec.applied is not None  # noqa: S101 (the caller looked)
        self.content.check_out("apply", self.place.checkout, state)
        self._keep(state.commit)
        good = self.spec.applied
        self.progress.state = replace(
            state, images=good.images, hashes=good.hashes, states=good.states
        )

    def _apply(self, state: AppliedState, *, images_too: bool = False) -> None:
        """Bring the project to a state; where it doesn't become healthy, bring it back."""
        try:
            self.progress.touched = True
            self._bring_up(state, images_too=images_too)
            self._gate(state)
        except CommandCancelled:
            raise
        except SupervisorError as error:
            self.progress.healthy = False
            self._undo(error)
            raise
        self._keep(state.commit)

    def _keep(self, commit: str) -> None:
        """Keep a commit that was applied, and the one before it: a forced push may drop both.

        What runs runs: a disk that is full by now doesn't make the deploy a failed one.
        """
        before = self.spec.applied
        try:
            if before and before.commit != commit and self.mirror.has_commit(before.commit):
                self.mirror.set_reference(self.place.previous, before.commit)
            self.mirror.set_reference(self.place.applied, commit)
        except CommandCancelled:
            raise
        except SupervisorError as error:
            self.shell.log([f"The commit could not be marked as in use: {error}"])

    def _undo(self, error: SupervisorError) -> None:
        good = self.spec.applied
        if good is None:
            self.shell.log(["There is no earlier good commit to go back to"])
        if good is None or not self.spec.rollback:
            return
        failed_at = self.progress.step
        self.step("roll back", f"{error}; going back to {good.commit[:12]}")
        self.progress.outcome = "rollback_failed"
        try:
            self._bring_up(good, images_too=True)
            self._gate(good)
        except CommandCancelled:
            raise
        except SupervisorError as second:
            self.shell.log([f"The way back failed too: {second}"])
            if second.retry:
                raise second from error
        else:
            self.progress.outcome = "rolled_back"
        finally:
            self.progress.step = failed_at

    def _bring_up(self, state: AppliedState, *, images_too: bool = False) -> None:
        try:
            self.content.check_out("apply", self.place.checkout, state)
        except DiskFull:
            # What was prepared aside takes as much room, and has served.
            self.place.aside.remove()
            self.content.check_out("apply", self.place.checkout, state)
        pins = put_back_images(self.shell, self.spec.project, state) if images_too else {}
        self.step("up", "docker compose up")
        bring_up(self.shell, self.spec.project, self.place, state, pins, self.limits.up)

    def _gate(self, state: AppliedState) -> None:
        """Wait until the project has settled, then remember what it looks like when good."""
        seconds = self.spec.health_timeout
        if seconds:
            self.step("gate", f"Waiting up to {seconds} s until every service is healthy")
        containers = wait_until_settled(self.shell, self.spec.project, seconds)
        self.progress.state = state.observed(containers)
        self.progress.healthy = True
