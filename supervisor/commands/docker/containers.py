"""The Docker command line: what Compose doesn't tell about a project's containers."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from supervisor.commands.docker.engine import CALL_SECONDS, Engine
from supervisor.commands.docker.labels import (
    CONFIG_HASH_LABEL,
    ONEOFF_LABEL,
    PROJECT_LABEL,
    SERVICE_LABEL,
)
from supervisor.errors import CommandFailed

STOP_SECONDS = 60
ASIDE = ".former"
INSPECTED_AT_ONCE = 200  # the answer is kept in memory, some kilobytes for each


@dataclass(frozen=True)
class Container:
    """One container of a project, as the engine sees it."""

    id: str
    service: str
    status: str
    exit_code: int
    health: str
    restarts: int
    started_at: str
    image: str
    image_name: str
    config_hash: str

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Container":
        """Return what `docker container inspect` tells."""
        state, labels = values["State"], values["Config"]["Labels"]
        return cls(
            id=values["Id"],
            service=labels.get(SERVICE_LABEL, ""),
            status=state["Status"],
            exit_code=state["ExitCode"],
            health=(state.get("Health") or {}).get("Status", ""),
            restarts=values["RestartCount"],
            started_at=state["StartedAt"],
            image=values["Image"],
            image_name=values["Config"]["Image"],
            config_hash=labels.get(CONFIG_HASH_LABEL, ""),
        )


def containers_of(engine: Engine, project: str) -> list[Container]:
    """Return every container of a project, those of `run` commands left out."""
    return containers_by_project(engine, [project])[project]


def containers_by_project(engine: Engine, projects: Collection[str]) -> dict[str, list[Container]]:
    """Return the containers of each project; two commands ask for all of them together."""
    found: dict[str, list[Container]] = {project: [] for project in projects}
    ids = _ids_of(engine, projects)
    try:
        for start in range(0, len(ids), INSPECTED_AT_ONCE):
            group = ids[start : start + INSPECTED_AT_ONCE]
            for values in json.loads(engine.docker("container", "inspect", *group)):
                project = values["Config"]["Labels"][PROJECT_LABEL]
                found[project].append(Container.parse(values))
    except CommandFailed as error:
        if "No such container" not in error.output:
            raise
        return containers_by_project(engine, projects)  # one went away between the two commands
    return {project: sorted(each, key=lambda c: c.service) for project, each in found.items()}


def _ids_of(engine: Engine, projects: Collection[str]) -> list[str]:
    # Filters on one label exclude each other, so for several projects all are listed.
    label = f"{PROJECT_LABEL}={next(iter(projects))}" if len(projects) == 1 else PROJECT_LABEL
    labels = (label, f"{ONEOFF_LABEL}=False")
    filters = [word for each in labels for word in ("--filter", f"label={each}")]
    row = f'{{{{.ID}}}} {{{{.Label "{PROJECT_LABEL}"}}}}'
    text = engine.docker("container", "ls", "--all", "--no-trunc", "--format", row, *filters)
    rows = (line.split(" ", 1) for line in text.splitlines())
    return [number for number, project in rows if project in projects]


def unpause(engine: Engine, containers: Collection[str]) -> None:
    """Let frozen containers go on."""
    engine.docker("container", "unpause", *containers)


def stop_labelled(engine: Engine, labels: Collection[str]) -> None:
    """Stop the containers that have all these labels."""
    filters = [word for each in labels for word in ("--filter", f"label={each}")]
    found = engine.docker("container", "ls", "--no-trunc", "--quiet", *filters).split()
    if found:
        _stop(engine, *found)


def _stop(engine: Engine, *containers: str) -> None:
    stop = ("container", "stop", "--time", str(STOP_SECONDS))
    engine.docker(*stop, *containers, seconds=CALL_SECONDS + STOP_SECONDS)


def step_aside(engine: Engine, container: str) -> None:
    """Stop a container, and let another one have its name."""
    _stop(engine, container)
    name = _name(engine, container)
    if not name.endswith(ASIDE):
        engine.docker("container", "rename", container, f"{name}{ASIDE}")


def step_back(engine: Engine, container: str) -> None:
    """Start a container again that had stepped aside."""
    name = _name(engine, container)
    if name.endswith(ASIDE):
        engine.docker("container", "rename", container, name.removesuffix(ASIDE))
    engine.docker("container", "start", container)


def remove(engine: Engine, container: str) -> None:
    """Remove a container."""
    engine.docker("container", "rm", "--force", container)


def _name(engine: Engine, container: str) -> str:
    text = engine.docker("container", "inspect", "--format", "{{.Name}}", container)
    return text.strip().removeprefix("/")


def show_logs(engine: Engine, container: str, lines: int) -> None:
    """Put the last lines that a container printed into the run's log."""
    argv = ["docker", "container", "logs", "--tail", str(lines), container]
    engine.stream(argv, seconds=CALL_SECONDS)
