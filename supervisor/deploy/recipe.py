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
from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.images import local_images
from supervisor.commands.git.mirror import Git
from supervisor.commands.process.shell import Shell
from supervisor.deploy.apply import compose_for
from supervisor.deploy.content import Content
from supervisor.deploy.images import are_same, fetch_images
from supervisor.deploy.itself import NOT_TO_ITSELF
from supervisor.deploy.model.changes import Changes, compare
from supervisor.deploy.model.containment import check_model, check_sources
from supervisor.deploy.model.fingerprint import Origin, fingerprint
from supervisor.deploy.model.programs import check_programs
from supervisor.deploy.model.sources import Sources, find_sources
from supervisor.deploy.rollout import Job, JobAction, Progress, Rollout
from supervisor.deploy.site import Site
from supervisor.deploy.spec import StackSpec
from supervisor.deploy.state import AppliedState
from supervisor.deploy.workspace import Tree, Workspace
from supervisor.errors import CommandFailed, DeployRefused, DiskFull, Skipped
from supervisor.settings.config import TimeLimits


@dataclass(frozen=True)
class Prepared:
    """What a deploy would apply, found out aside."""

    state: AppliedState
    changes: Changes
    is_own: bool
    """Whether Supervisor itself runs in the stack, or will."""


@dataclass(frozen=True)
class Recipe:
    """The steps of one run of one stack; what is to be applied is returned as a Job."""

    spec: StackSpec
    site: Site
    shell: Shell
    limits: TimeLimits
    announce: Callable[[str, str], None]
    progress: Progress = field(default_factory=Progress)

    def deploy(self, commit: str, *, explicit: bool) -> Job:
        """Prepare a commit that was fetched; raise Skipped where there is nothing to do.

        With `explicit`, what runs may be anything, and is brought to the commit in any case.
        """
        applied = self.spec.applied.commit if self.spec.applied else None
        if commit == applied and not explicit:
            raise Skipped(f"Already at {self._where}")
        prepared = self.prepare(commit, self.place.aside)
        self._tell(prepared.changes)
        if self.spec.applied and not prepared.changes.reasons and not explicit:
            self._move_quietly(prepared.state, self.spec.applied)
            raise Skipped(f"Nothing of the stack changed in {self._where}")
        return Job(
            JobAction.APPLY, f"Deployed {self._where}", prepared.state, is_own=prepared.is_own
        )

    def roll_back(self) -> Job:
        """Go back to the good state before the present one, which may have failed and been left."""
        good = self.spec.applied if self.spec.left_failed else self.spec.previous
        assert good is not None  # noqa: S101 (runs/policy has looked)
        commit = self.progress.commit = good.commit
        if self.site.itself and self.is_own:
            self.site.itself.check_kept(good)
        message = f"Rolled back to {commit[:12]}, held until a newer commit comes"
        return self._job(JobAction.APPLY, message, good, images_too=True)

    def heal(self) -> Job:
        """Make the project equal to what was last applied."""
        return self._job(JobAction.SETTLE, "Healed", self._applied(), images_too=True)

    def start(self) -> Job:
        """Start the stack; containers that somebody removed come back too."""
        state = self._begin("start")
        return self._job(JobAction.SETTLE, "start done", state, images_too=True)

    def restart(self) -> Job:
        """Restart the containers as they are."""
        return self._job(JobAction.RESTART, "restart done", self._begin("restart"))

    def stop(self) -> str:
        """Stop the containers; return a sentence about it."""
        return self._call("stop", Compose.stop)

    def pause(self) -> str:
        """Freeze the containers; return a sentence about it."""
        return self._call("pause", Compose.pause)

    def unpause(self) -> str:
        """Let frozen containers go on; return a sentence about it."""
        return self._call("unpause", Compose.unpause)

    def _call(self, action: str, call: Callable[[Compose, float], None]) -> str:
        self._begin(action)
        self.check_own(action)
        call(compose_for(self.engine, self.spec.project), self.limits.control)
        return f"{action} done"

    def _begin(self, action: str) -> AppliedState:
        state = self._applied()
        self.step(action, f"docker compose {action} for project {self.spec.project}")
        return state

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

    def prepare(self, commit: str, tree: Tree, *, images: bool = True) -> Prepared:
        """Check out, render, pull and build aside; raise what keeps a deploy from beginning."""
        spec = self.spec
        whole = self.content.with_submodules(commit) if spec.submodules else ""
        state = AppliedState(
            commit, spec.compose_file, spec.compose_includes, spec.variables, tree=whole,
            mirror=self.place.mirror.name,
        )  # fmt: skip
        with ThreadPoolExecutor(max_workers=2) as beside:
            # The engine's answer takes as long as rendering, and needs nothing of it.
            local = beside.submit(local_images, self.engine, self.limits.pull) if images else None
            free = beside.submit(self.content.check_free, state)
            compose, model, sources, is_own = self._render(tree, state)
            free.result()
            present = fetch_images(compose, model, local, self.limits, self.step) if local else {}
        origin = Origin(self.mirror, state.content, tree.path, spec.variables, spec.digest_key)
        prints = fingerprint(model, sources, origin)
        before = spec.applied.fingerprint if spec.applied else None
        changes = compare(before, prints, are_same(spec.applied, present))
        return Prepared(replace(state, fingerprint=prints), changes, is_own)

    def _render(
        self, tree: Tree, state: AppliedState
    ) -> tuple[Compose, dict[str, Any], Sources, bool]:
        """Check out and render; raise DeployRefused for what must not be deployed."""
        try:
            self.content.check_out("check out", tree, state)
        except DiskFull:
            tree.remove()  # or the disk stays full by what can't be used
            raise
        compose = compose_for(self.engine, self.spec.project, tree, state)
        self.step("render", "docker compose config")
        model = self._rendered(compose, tree, state.compose_files)
        sources = find_sources(tree.path, state.compose_files)
        check_programs(model)
        check_sources(sources, tree.path, self.place.storage)
        itself = self.site.itself
        service = itself.service_in(self.spec.project, model) if itself else None
        granted = itself.mounts_of(service) if itself else ()
        check_model(model, tree.path, self.place.storage, self.site.unseen, granted)
        return compose, model, sources, self._check_replaceable(self.is_own or bool(service))

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
        """Tell whether Supervisor itself runs in this stack."""
        return self.site.is_own(self.spec.project)

    @property
    def place(self) -> Workspace:
        """Return the stack's places."""
        return self.site.place

    def check_own(self, action: str) -> None:
        """Raise DeployRefused for what would leave Supervisor's own stack without Supervisor."""
        if self.is_own and action in NOT_TO_ITSELF:
            raise DeployRefused(f"{action} {NOT_TO_ITSELF[action]}")

    @property
    def rollout(self) -> Rollout:
        """Return what does the last part of the run."""
        return Rollout(self.spec, self.place, self.shell, self.limits, self.announce, self.progress)

    @property
    def _where(self) -> str:
        return f"{self.spec.reference} at {(self.progress.commit or '')[:12]}"

    @property
    def mirror(self) -> Git:
        """Return the repository's mirror."""
        return self.content.mirror

    @property
    def engine(self) -> Engine:
        """Return the engine that the project is on."""
        return self.rollout.engine

    @property
    def content(self) -> Content:
        """Return what brings commits here."""
        return self.rollout.content

    def step(self, step: str, text: str) -> None:
        """Tell what begins now."""
        self.rollout.step(step, text)

    def _applied(self) -> AppliedState:
        assert self.spec.applied is not None  # noqa: S101 (runs/policy has looked)
        self.progress.commit = self.spec.applied.commit
        return self.spec.applied

    def _job(
        self, action: JobAction, message: str, state: AppliedState, *, images_too: bool = False
    ) -> Job:
        is_own = self._check_replaceable(self.is_own)
        return Job(action, message, state, images_too=images_too, is_own=is_own)

    def _check_replaceable(self, is_own: bool) -> bool:
        if is_own and self.site.unseen:
            raise DeployRefused(f"Supervisor cannot replace itself: {self.site.unseen}")
        return is_own

    def _tell(self, changes: Changes) -> None:
        self.progress.reasons = changes.reasons
        lines = [f"{service}: {reason}" for service, reason in changes.reasons.items()]
        untouched = ", ".join(changes.unchanged)
        self.step("compare", f"untouched: {untouched}" if untouched else "nothing is untouched")
        if lines:
            self.shell.log(lines)

    def _move_quietly(self, state: AppliedState, good: AppliedState) -> None:
        """Move the checkout to a commit that changes no service; containers don't notice."""
        self.content.check_out("apply", self.place.checkout, state)
        self.rollout.keep(state)
        self.progress.state = replace(
            state, images=good.images, hashes=good.hashes, states=good.states
        )
