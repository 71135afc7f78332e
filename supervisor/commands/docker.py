"""The Docker command line: what Compose doesn't tell about a project's containers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from supervisor.commands.compose import environment, explained
from supervisor.commands.shell import Shell
from supervisor.errors import CommandFailed

SECONDS = 30
PROJECT = "com.docker.compose.project"
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
    labels = (f"{PROJECT}={project}", "com.docker.compose.oneoff=False")
    filters = [word for label in labels for word in ("--filter", f"label={label}")]
    ids = _capture(shell, "container", "ls", "--all", "--quiet", "--no-trunc", *filters).split()
    if not ids:
        return []
    try:
        text = _capture(shell, "container", "inspect", *ids)
    except CommandFailed as error:
        if "No such container" not in error.output:
            raise
        return containers(shell, project)  # one went away between the two commands
    return sorted((_container(values) for values in json.loads(text)), key=lambda c: c.service)


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


def mounts(shell: Shell, container: str) -> list[dict[str, Any]]:
    """Return a container's mounts, each with Type, Source on the host, and Destination."""
    text = _capture(shell, "container", "inspect", "--format", "{{json .Mounts}}", container)
    found: list[dict[str, Any]] = json.loads(text)
    return found


def image_id(shell: Shell, name: str) -> str | None:
    """Return the id that an image's name stands for now, None where there is no such image."""
    try:
        return _capture(shell, "image", "inspect", "--format", "{{.Id}}", "--", name).strip()
    except CommandFailed:
        return None


def tag_image(shell: Shell, image: str, name: str) -> None:
    """Let a name stand for an image."""
    _capture(shell, "image", "tag", "--", image, name)


def show_logs(shell: Shell, container: str, lines: int) -> None:
    """Put the last lines that a container printed into the run's log."""
    argv = ["docker", "container", "logs", "--tail", str(lines), container]
    with explained():
        shell.stream(argv, env=environment(), seconds=SECONDS)


def follow_events(shell: Shell, seconds: float) -> None:
    """Log a line for each thing that happens to a project's container: its project's name."""
    filters = ["--filter", "type=container", "--filter", f"label={PROJECT}"]
    filters += [word for event in EVENTS for word in ("--filter", f"event={event}")]
    form = f'{{{{index .Actor.Attributes "{PROJECT}"}}}}'
    with explained():
        argv = ["docker", "events", *filters, "--format", form]
        shell.stream(argv, env=environment(), seconds=seconds)


def _capture(shell: Shell, *arguments: str) -> str:
    with explained():
        return shell.capture(["docker", *arguments], env=environment(), seconds=SECONDS)
