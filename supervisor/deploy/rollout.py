"""The last part of a run: a project is brought to a state, and back where that goes wrong.

Supervisor does this itself, or a helper container where it would replace Supervisor.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from supervisor.commands.docker.engine import Engine
from supervisor.commands.process.shell import Shell
from supervisor.deploy.apply import bring_up, compose_for, put_back_images
from supervisor.deploy.content import Content
from supervisor.deploy.gate import wait_until_settled
from supervisor.deploy.spec import StackSpec
from supervisor.deploy.state import AppliedState
from supervisor.deploy.workspace import Workspace
from supervisor.errors import CommandCancelled, CommandTimedOut, DiskFull, SupervisorError
from supervisor.settings.config import TimeLimits


@dataclass
class Progress:
    """How far a run came, for the record; `outcome` says what became of a failed one."""

    step: str = ""
    commit: str | None = None
    touched: bool = False
    healthy: bool | None = None
    outcome: str | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    state: AppliedState | None = None

    def may_pass(self, error: SupervisorError) -> bool:
        """Tell whether to try again later: not what a commit itself let run into its limit."""
        slow = isinstance(error, CommandTimedOut) and self.touched
        return error.retry and not slow

    def failure(self, reason: str) -> str:
        """Return the sentence about a failed run: where, why, and what became of the stack."""
        first, line_end, rest = reason.partition("\n")
        where = f"{self.step}: " if self.step else ""
        return f"{where}{first}{self._aftermath}{line_end}{rest}"

    @property
    def _aftermath(self) -> str:
        if self.outcome == "rolled_back" and self.state:
            return f"; went back to {self.state.commit[:12]}"
        return "; the way back failed too" if self.outcome == "rollback_failed" else ""

    def dump(self) -> dict[str, Any]:
        """Return the progress as values of JSON; a state holds variables."""
        return asdict(self)

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> "Progress":
        """Return the progress that `dump` wrote."""
        state = values["state"]
        return cls(**{**values, "state": AppliedState.load(state) if state else None})


class JobAction(StrEnum):
    """How a project is brought to a state."""

    APPLY = "apply"
    SETTLE = "settle"
    RESTART = "restart"


@dataclass(frozen=True)
class Job:
    """The last part of a run: what is to be done with a project, and the state it is to have."""

    action: JobAction
    message: str
    state: AppliedState
    images_too: bool = False
    is_own: bool = False
    """Whether that may replace Supervisor itself."""

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> "Job":
        """Return the job whose values `asdict` gave."""
        state, action = AppliedState.load(values["state"]), JobAction(values["action"])
        return cls(**{**values, "state": state, "action": action})


@dataclass
class Rollout:
    """Carry out the job of one run."""

    spec: StackSpec
    place: Workspace
    shell: Shell
    limits: TimeLimits
    announce: Callable[[str, str], None]
    progress: Progress
    before_undo: Callable[[], None] = lambda: None

    def carry_out(self, job: Job) -> str:
        """Do what the job says; return its sentence."""
        match job.action:
            case JobAction.APPLY:
                self.apply(job.state, images_too=job.images_too)
            case JobAction.SETTLE:
                self.settle(job.state, images_too=job.images_too)
            case JobAction.RESTART:
                self.restart()
        return job.message

    def apply(self, state: AppliedState, *, images_too: bool = False) -> None:
        """Bring the project to a state; where it doesn't become healthy, bring it back."""
        try:
            self.progress.touched = True
            self.settle(state, images_too=images_too)
        except CommandCancelled:
            raise
        except SupervisorError as error:
            self.progress.healthy = False
            self._undo(error)
            raise
        self.keep(state)

    def settle(self, state: AppliedState, *, images_too: bool = False) -> None:
        """Bring the project to a state, and wait until it is healthy."""
        self._bring_up(state, images_too=images_too)
        self._gate(state)

    def restart(self) -> None:
        """Restart the containers as they are."""
        compose_for(self.engine, self.spec.project).restart(self.limits.control)

    def step(self, step: str, text: str) -> None:
        """Tell what begins now."""
        self.progress.step = step
        self.announce(step, text)

    @property
    def engine(self) -> Engine:
        """Return the engine that the project is on."""
        return Engine(self.shell)

    @property
    def content(self) -> Content:
        """Return what brings commits here."""
        return Content(self.spec, self.place, self.shell, self.limits, self.step)

    def keep(self, state: AppliedState) -> None:
        """Keep what was applied in the mirror.

        What runs runs: a disk that is full by now doesn't make the deploy a failed one.
        """
        try:
            self.content.keep(state)
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
            self.before_undo()
            self.settle(good, images_too=True)
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
        pins = put_back_images(self.engine, self.spec.project, state) if images_too else {}
        self.step("up", "docker compose up")
        bring_up(self.engine, self.spec.project, self.place, state, pins, self.limits.up)

    def _gate(self, state: AppliedState) -> None:
        """Wait until the project has settled, then remember what it looks like when good."""
        seconds = self.spec.health_timeout
        if seconds:
            self.step("gate", f"Waiting up to {seconds} s until every service is healthy")
        containers = wait_until_settled(self.engine, self.spec.project, seconds)
        self.progress.state = state.observed(containers)
        self.progress.healthy = True
