"""Whether the Docker engine answers, asked seldom and remembered."""

from supervisor.commands.docker.engine import Engine
from supervisor.commands.process.shell import Shell
from supervisor.errors import SupervisorError

PROBE_SECONDS = 10


class EngineProbe:
    """What the last probe found; written by the scheduler's thread, read by anybody."""

    def __init__(self) -> None:
        self.error: SupervisorError | None = None

    def ask(self) -> None:
        """Ask the engine for its version and remember the answer."""
        try:
            Engine(Shell()).version(PROBE_SECONDS)
            self.error = None
        except SupervisorError as error:
            self.error = error
