"""A Docker engine, as commands reach it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from supervisor.commands.docker.environment import environment
from supervisor.commands.docker.errors import explained
from supervisor.commands.process.child import ResourceLimits
from supervisor.commands.process.shell import Shell

CALL_SECONDS = 30


@dataclass(frozen=True)
class Engine:
    """The shell that commands go through, and where the engine is that they go to.

    `host` is an address as DOCKER_HOST takes it; without one the engine is that of Supervisor's
    own environment. Each method raises CommandFailed or a word for the cause.
    """

    shell: Shell
    host: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Return the whole environment of a command on this engine."""
        return environment(self.host)

    def docker(self, *arguments: str, seconds: float = CALL_SECONDS) -> str:
        """Return what the docker command prints when it is given these arguments."""
        return self.capture(["docker", *arguments], seconds=seconds)

    def capture(
        self,
        argv: Sequence[str],
        *,
        seconds: float,
        cwd: Path | None = None,
        limits: ResourceLimits | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command and return what it printed.

        `variables` are more of its environment, but win over nothing of it.
        """
        env = {**(variables or {}), **self.environment}
        with explained():
            return self.shell.capture(argv, env=env, seconds=seconds, cwd=cwd, limits=limits)

    def stream(self, argv: Sequence[str], *, seconds: float, cwd: Path | None = None) -> None:
        """Run a command and log its lines as they are printed."""
        with explained():
            self.shell.stream(argv, env=self.environment, seconds=seconds, cwd=cwd)

    def version(self, seconds: float) -> str:
        """Return the engine's version; raise EngineUnreachable or EngineDenied."""
        return self.docker("version", "--format", "{{.Server.Version}}", seconds=seconds).strip()

    def system_time(self) -> datetime:
        """Return what time it is for the engine."""
        text = self.docker("info", "--format", "{{.SystemTime}}").strip()
        return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
