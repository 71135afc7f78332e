"""The container that goes on with a run which replaces Supervisor's own."""

from dataclasses import dataclass
from pathlib import Path

from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.labels import PROJECT_LABEL
from supervisor.commands.docker.own_container import Mount, OwnContainer
from supervisor.errors import (
    CommandCancelled,
    CommandFailed,
    CommandTimedOut,
    DeployRefused,
    SupervisorError,
)

LABEL = "supervisor.handover"
HELPER_SECONDS = 120  # an engine that is busy takes its time to start a container
ALIVE = ("created", "running", "restarting", "paused")


@dataclass(frozen=True)
class HelperContainer:
    """The helper of one run: as good as Supervisor's own container, but no part of a project."""

    engine: Engine
    run: str

    @property
    def name(self) -> str:
        """Return the container's name, so that there is never more than one for a run."""
        return f"supervisor-handover-{self.run}"

    def check(self, own: OwnContainer, mount: Mount, storage: Path) -> None:
        """Start one that only looks whether it could do it; raise DeployRefused with what is wrong.

        Raise what may pass by itself as it is.
        """
        try:
            self._run(own, mount, storage, ["--rm"], ["--check"])
        except (CommandCancelled, CommandTimedOut):
            raise
        except SupervisorError as error:
            if error.retry:
                raise
            lines = error.output.splitlines() if isinstance(error, CommandFailed) else [str(error)]
            raise DeployRefused(
                "Supervisor cannot be replaced by a helper container, and nothing was touched: "
                + (lines[-1] if lines else "it ended without a word")
            ) from None

    def start(self, own: OwnContainer, mount: Mount, storage: Path) -> None:
        """Start the one that does it; it goes on when Supervisor ends, and after a reboot."""
        self._run(own, mount, storage, ["--detach", "--restart", "unless-stopped"], [])

    def is_there(self) -> bool:
        """Tell whether it still works, or waits to be started again."""
        ls = ["container", "ls", "--all", "--format", "{{.State}}"]
        ls += ["--filter", f"label={LABEL}={self.run}"]
        states = self.engine.docker(*ls, seconds=HELPER_SECONDS).split()
        return any(state in ALIVE for state in states)

    def remove(self) -> None:
        """Remove it, whatever it does."""
        self.engine.docker("container", "rm", "--force", self.name, seconds=HELPER_SECONDS)

    def _run(
        self,
        own: OwnContainer,
        mount: Mount,
        storage: Path,
        options: list[str],
        arguments: list[str],
    ) -> None:
        argv = ["docker", "run", *options, "--pull", "never", "--name", self.name]
        # Compose labels the images that it builds, and takes what has its label for its own:
        # https://github.com/docker/compose/blob/v2.40.3/pkg/compose/build.go
        argv += ["--label", f"{LABEL}={self.run}", "--label", f"{PROJECT_LABEL}="]
        argv += ["--network", "none", "--no-healthcheck", "--volumes-from", own.id, *own.options]
        if mount.source != mount.target:
            # Compose's files have to have the same path here as on the host.
            argv += ["--mount", f"type=bind,source={mount.source},target={mount.source}"]
        # The values are no arguments; the engine shows them for the own container too.
        argv += [word for name in own.environment for word in ("--env", name)]
        argv += ["--env", f"SUPERVISOR_STORAGE={storage}", own.image]
        argv += ["python", "-m", "supervisor.selfupdate.takeover", self.run, *arguments]
        self.engine.capture(argv, seconds=HELPER_SECONDS, variables=own.environment)
