"""The ordered steps of a run.

Until `apply`, nothing that runs is touched: a commit is checked out aside, rendered, its images
pulled and built there. Only then does the stable checkout move. What doesn't become healthy is
taken back.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from supervisor.commands.docker.compose import Compose
from supervisor.commands.docker.images import local_images
from supervisor.commands.git import mirror as git
from supervisor.commands.process.shell import Shell
from supervisor.deploy.apply import compose_for
from supervisor.deploy.content import Content
from supervisor.deploy.images import are_same, fetch_images
from supervisor.deploy.itself import REFUSED, Itself
from supervisor.deploy.model.changes import Changes, compare
from supervisor.deploy.model.containment import check_model, check_sources
from supervisor.deploy.model.fingerprint import Origin, fingerprint
from supervisor.deploy.model.sources import Sources, find_sources
from supervisor.deploy.rollout import Job, Progress, Rollout
from supervisor.deploy.spec import StackSpec
from supervisor.deploy.state import AppliedState
from supervisor.deploy.workspace import Tree, Workspace
from supervisor.errors import CommandFailed, DeployRefused, DiskFull, Held, Skipped
from supervisor.settings.config import TimeLimits

OUT_OF_PLACE = {
    ("stopped", "pause"): "The stack is stopped, there is nothing to pause",
    ("stopped", "unpause"): "The stack is stopped, not paused: start it",
    (None, "unpause"): "The stack is not paused",
    ("paused", "start"): "The stack is paused, not stopped: unpause it",
    ("paused", "restart"): "The stack is paused: unpause it first",
}


def _cannot_hand_over(_job: Job) -> str:
    raise DeployRefused("Nobody can do this but Supervisor, whom it would replace")


@dataclass
class Recipe:
    """Carry out one run of one stack."""

    spec: StackSpec
    place: Workspace
    shell: Shell
    limits: TimeLimits
    announce: Callable[[str, str], None]
    progress: Progress = field(default_factory=Progress)
    unseen: str = ""
    """Why the engine can't see the checkout, where it can't."""
    itself: Itself | None = None
    """Supervisor's own container, where it is in one."""
    hand_over: Callable[[Job], str] = _cannot_hand_over
    """Has somebody else do what would replace Supervisor itself; raises where that can't be."""
    adopts: bool = False

    def deploy(self, *, explicit: bool, by_person: bool) -> str:
        """Bring the stack to the newest commit of its reference; return a sentence about it.

        Raise Skipped where there is nothing to do and nobody asked explicitly, Held where only a
        person may ask.
        """
        applied = self.spec.applied.commit if self.spec.applied else None
        commit = self.fetch(unless=None if explicit else applied)
        if commit == self.spec.hold_commit and not by_person:
            raise Skipped(f"{commit[:12]} was taken back: push a newer commit, or send redeploy")
        if self.spec.held:
            raise Held(f"The stack is {self.spec.held}: start or unpause it to deploy this")
        if commit == applied and not explicit:
            raise Skipped(f"Already at {self._where}")
        state, changes = self.prepare(commit, self.place.aside)
        self._tell(changes)
        if self.spec.applied and not changes.reasons and not explicit:
            self._move_quietly(state)
            raise Skipped(f"Nothing of the stack changed in {self._where}")
        return self._carry_out(Job("apply", f"Deployed {self._where}", state))

    def roll_back(self) -> str:
        """Go back to the good state before the present one, which may have failed and been left."""
        good = self.spec.applied if self.spec.left_failed else self.spec.previous
        if good is None:
            raise DeployRefused("There is no earlier good commit to go back to")
        if self.spec.held:
            raise DeployRefused(f"The stack is {self.spec.held}: start or unpause it first")
        commit = self.progress.commit = good.commit
        if self.itself and self.is_own:
            self.itself.check_kept(good)
        message = f"Rolled back to {commit[:12]}, held until a newer commit comes"
        return self._carry_out(Job("apply", message, good, images_too=True))

    def heal(self) -> str:
        """Make the project equal to what was last applied."""
        state = self._applied("heal")
        if self.spec.held:
            raise Skipped(f"The stack is {self.spec.held}")
        return self._carry_out(Job("settle", "Healed", state, images_too=True))

    def control(self, action: str) -> str:
        """Start, stop, restart, pause or unpause the stack as it was last deployed."""
        state = self._applied(action)
        refusal = OUT_OF_PLACE.get((self.spec.held, action))
        if refusal:
            raise DeployRefused(refusal)
        self.step(action, f"docker compose {action} for project {self.spec.project}")
        done = f"{action} done"
        if action == "start":
            # `up` and not `start`, so that containers somebody removed come back too.
            return self._carry_out(Job("settle", done, state, images_too=True))
        self.check_own(action)
        if action == "restart":
            return self._carry_out(Job("restart", done, state))
        getattr(self._compose_by_name, action)(self.limits.control)
        return done

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
        whole = self.content.with_submodules(commit) if spec.submodules else ""
        state = AppliedState(
            commit, spec.compose_file, spec.compose_includes, spec.variables, tree=whole,
            mirror=self.place.mirror.name,
        )  # fmt: skip
        with ThreadPoolExecutor(max_workers=2) as beside:
            # The engine's answer takes as long as rendering, and needs nothing of it.
            here = beside.submit(local_images, self.shell, self.limits.pull) if images else None
            free = beside.submit(self.content.check_free, state)
            compose, model, sources = self._render(tree, state)
            free.result()
            present = fetch_images(compose, model, here, self.limits, self.step) if here else {}
        origin = Origin(self.mirror, state.content, tree.path, spec.variables, spec.digest_key)
        prints = fingerprint(model, sources, origin)
        before = spec.applied.fingerprint if spec.applied else None
        changes = compare(before, prints, are_same(spec.applied, present))
        return replace(state, fingerprint=prints), changes

    def _render(self, tree: Tree, state: AppliedState) -> tuple[Compose, dict[str, Any], Sources]:
        """Check out and render; raise DeployRefused for what must not be deployed."""
        try:
            self.content.check_out("check out", tree, state)
        except DiskFull:
            tree.remove()  # or the disk stays full by what can't be used
            raise
        compose = compose_for(self.shell, self.spec.project, tree, state)
        self.step("render", "docker compose config")
        model = self._rendered(compose, tree, state.compose_files)
        sources = find_sources(tree.path, state.compose_files)
        check_sources(sources, tree.path, self.place.storage)
        check_model(model, tree.path, self.place.storage, self.unseen, self._own_mounts(model))
        return compose, model, sources

    def _rendered(self, compose: Compose, tree: Tree, files: Sequence[str]) -> dict[str, Any]:
        try:
            return compose.config(self.limits.render)
        except CommandFailed as error:
            if error.exit_code < 0:  # it took too much memory or time
                raise
            said = error.output.replace(f"{tree.path}/", "")  # as they are in the repository
            raise DeployRefused(f"Compose cannot use {', '.join(files)}: {said}") from None

    @property
    def is_own(self) -> bool:
        """Tell whether Supervisor itself runs in this stack, or will."""
        return self.adopts or bool(self.itself and self.itself.is_in(self.spec.project))

    def check_own(self, action: str) -> None:
        """Raise DeployRefused for what would leave Supervisor's own stack without Supervisor."""
        if self.is_own and action in REFUSED:
            raise DeployRefused(f"{action} {REFUSED[action]}")

    @property
    def rollout(self) -> Rollout:
        """Return what does the last part of the run."""
        return Rollout(self.spec, self.place, self.shell, self.limits, self.announce, self.progress)

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
        return self.rollout.content

    @property
    def _compose_by_name(self) -> Compose:
        return compose_for(self.shell, self.spec.project)

    def step(self, step: str, text: str) -> None:
        """Tell what begins now."""
        self.rollout.step(step, text)

    def _applied(self, action: str) -> AppliedState:
        if self.spec.applied is None:
            raise DeployRefused(f"Cannot {action}: nothing was deployed yet, send redeploy first")
        self.progress.commit = self.spec.applied.commit
        return self.spec.applied

    def _tell(self, changes: Changes) -> None:
        self.progress.reasons = changes.reasons
        lines = [f"{service}: {reason}" for service, reason in changes.reasons.items()]
        untouched = ", ".join(changes.unchanged)
        self.step("compare", f"untouched: {untouched}" if untouched else "nothing is untouched")
        if lines:
            self.shell.log(lines)

    def _carry_out(self, job: Job) -> str:
        """Do the last part of the run; have it done where it would replace Supervisor itself."""
        if not self.is_own:
            return self.rollout.carry_out(job)
        if self.unseen:
            raise DeployRefused(f"Supervisor cannot replace itself: {self.unseen}")
        self.step("hand over", "A helper container goes on, since this may replace Supervisor")
        return self.hand_over(job)

    def _own_mounts(self, model: dict[str, Any]) -> set[tuple[str, str]]:
        """Find out whether Supervisor is to be a service of this model; return what only it may."""
        if self.itself is None:
            return set()
        service = self.itself.service_in(self.spec.project, model)
        self.adopts = service is not None
        return self.itself.mounts_of(service)

    def _move_quietly(self, state: AppliedState) -> None:
        """Move the checkout to a commit that changes no service; containers don't notice."""
        assert self.spec.applied is not None  # noqa: S101 (the caller looked)
        self.content.check_out("apply", self.place.checkout, state)
        self.rollout.keep(state)
        good = self.spec.applied
        self.progress.state = replace(
            state, images=good.images, hashes=good.hashes, states=good.states
        )
