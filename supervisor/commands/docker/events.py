"""What happens to the containers of projects, told by the engine as it happens."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.labels import PROJECT_LABEL

EVENTS = ("create", "destroy", "die", "start", "stop", "pause", "unpause", "health_status", "kill")
COLUMNS = (
    f'{{{{index .Actor.Attributes "{PROJECT_LABEL}"}}}}',
    "{{.Actor.ID}}",
    "{{.Action}}",
    '{{index .Actor.Attributes "exitCode"}}',
)


@dataclass(frozen=True)
class Event:
    """What happened to a container; the exit code is empty where the event has none."""

    project: str
    container: str
    action: str
    exit_code: str


def follow_events(engine: Engine, hear: Callable[[list[Event]], None], seconds: float) -> None:
    """Have each thing heard that happens to a container of any project, until the time is over."""

    def take(lines: list[str]) -> None:
        rows = [line.split("\t") for line in lines]
        hear([Event(*row) for row in rows if len(row) == len(COLUMNS)])

    filters = ["--filter", "type=container", "--filter", f"label={PROJECT_LABEL}"]
    filters += [word for event in EVENTS for word in ("--filter", f"event={event}")]
    listening = replace(engine, shell=replace(engine.shell, log=take))
    argv = ["docker", "events", *filters, "--format", "\t".join(COLUMNS)]
    listening.stream(argv, seconds=seconds)
