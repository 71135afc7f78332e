"""The Docker command line: what Compose doesn't tell about a project's containers."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from supervisor.commands.docker.environment import environment, explained
from supervisor.commands.docker.images import find_image, local_images
from supervisor.commands.docker.own_container import PROJECT, OwnContainer
from supervisor.commands.process.shell import Shell
from supervisor.errors import CommandFailed

SECONDS = 30
STOP_SECONDS = 60
ASIDE = ".former"
INSPECTED_AT_ONCE = 200  # the answer is kept in memory, some kilobytes for each
EVENTS = ("create", "destroy", "die", "start", "stop", "pause", "unpause", "health_status", "kill")


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


def containers(shell: Shell, project: str) -> list[Container]:
    """Return every container of a project, those of `run` commands left out."""
    return containers_of(shell, [project])[project]


def containers_of(shell: Shell, projects: Collection[str]) -> dict[str, list[Container]]:
    """Return the containers of each project; two commands ask for all of them together."""
    found: dict[str, list[Container]] = {project: [] for project in projects}
    ids = _ids(shell, projects)
    try:
        for start in range(0, len(ids), INSPECTED_AT_ONCE):
            group = ids[start : start + INSPECTED_AT_ONCE]
            for values in json.loads(_capture(shell, "container", "inspect", *group)):
                found[values["Config"]["Labels"][PROJECT]].append(_container(values))
    except CommandFailed as error:
        if "No such container" not in error.output:
            raise
        return containers_of(shell, projects)  # one went away between the two commands
    return {project: sorted(each, key=lambda c: c.service) for project, each in found.items()}


def _ids(shell: Shell, projects: Collection[str]) -> list[str]:
    # Filters on one label exclude each other, so for several projects all are listed.
    label = f"{PROJECT}={next(iter(projects))}" if len(projects) == 1 else PROJECT
    labels = (label, "com.docker.compose.oneoff=False")
    filters = [word for each in labels for word in ("--filter", f"label={each}")]
    row = f'{{{{.ID}}}} {{{{.Label "{PROJECT}"}}}}'
    text = _capture(shell, "container", "ls", "--all", "--no-trunc", "--format", row, *filters)
    rows = (line.split(" ", 1) for line in text.splitlines())
    return [number for number, project in rows if project in projects]


def _container(values: Mapping[str, Any]) -> Container:
    state, labels = values["State"], values["Config"]["Labels"]
    return Container(
        id=values["Id"],
        service=labels.get("com.docker.compose.service", ""),
        status=state["Status"],
        exit_code=state["ExitCode"],
        health=(state.get("Health") or {}).get("Status", ""),
        restarts=values["RestartCount"],
        started_at=state["StartedAt"],
        image=values["Image"],
        image_name=values["Config"]["Image"],
        config_hash=labels.get("com.docker.compose.config-hash", ""),
    )


def own_container(shell: Shell, container: str) -> OwnContainer:
    """Return what there is to know about the container that Supervisor runs in."""
    return OwnContainer.parse(json.loads(_capture(shell, "container", "inspect", container))[0])


def image_id(shell: Shell, name: str) -> str | None:
    """Return the id that an image's name stands for now, None where there is no such image."""
    return find_image(local_images(shell, SECONDS), name)


def tag_image(shell: Shell, image: str, name: str) -> None:
    """Let a name stand for an image."""
    _capture(shell, "image", "tag", "--", image, name)


def unpause(shell: Shell, containers: Collection[str]) -> None:
    """Let frozen containers go on."""
    _capture(shell, "container", "unpause", *containers)


def stop_labelled(shell: Shell, labels: Collection[str]) -> None:
    """Stop the containers that have all these labels."""
    filters = [word for each in labels for word in ("--filter", f"label={each}")]
    found = _capture(shell, "container", "ls", "--no-trunc", "--quiet", *filters).split()
    if found:
        _stop(shell, *found)


def _stop(shell: Shell, *containers: str) -> None:
    argv = ["docker", "container", "stop", "--time", str(STOP_SECONDS), *containers]
    with explained():
        shell.capture(argv, env=environment(), seconds=SECONDS + STOP_SECONDS)


def step_aside(shell: Shell, container: str) -> None:
    """Stop a container, and let another one have its name."""
    _stop(shell, container)
    name = _name(shell, container)
    if not name.endswith(ASIDE):
        _capture(shell, "container", "rename", container, f"{name}{ASIDE}")


def step_back(shell: Shell, container: str) -> None:
    """Start a container again that had stepped aside."""
    name = _name(shell, container)
    if name.endswith(ASIDE):
        _capture(shell, "container", "rename", container, name.removesuffix(ASIDE))
    _capture(shell, "container", "start", container)


def remove(shell: Shell, container: str) -> None:
    """Remove a container."""
    _capture(shell, "container", "rm", "--force", container)


def _name(shell: Shell, container: str) -> str:
    text = _capture(shell, "container", "inspect", "--format", "{{.Name}}", container)
    return text.strip().removeprefix("/")


def show_logs(shell: Shell, container: str, lines: int) -> None:
    """Put the last lines that a container printed into the run's log."""
    argv = ["docker", "container", "logs", "--tail", str(lines), container]
    with explained():
        shell.stream(argv, env=environment(), seconds=SECONDS)


def system_time(shell: Shell) -> datetime:
    """Return what time it is for the engine."""
    text = _capture(shell, "info", "--format", "{{.SystemTime}}").strip()
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)


def follow_events(shell: Shell, seconds: float) -> None:
    """Log a line for each thing that happens to a project's container.

    It has the project, the container's id, the event and the exit code, with tabs between them.
    """
    filters = ["--filter", "type=container", "--filter", f"label={PROJECT}"]
    filters += [word for event in EVENTS for word in ("--filter", f"event={event}")]
    facts = [f'{{{{index .Actor.Attributes "{PROJECT}"}}}}', "{{.Actor.ID}}", "{{.Action}}"]
    form = "\t".join([*facts, '{{index .Actor.Attributes "exitCode"}}'])
    with explained():
        argv = ["docker", "events", *filters, "--format", form]
        shell.stream(argv, env=environment(), seconds=seconds)


def _capture(shell: Shell, *arguments: str) -> str:
    with explained():
        return shell.capture(["docker", *arguments], env=environment(), seconds=SECONDS)
