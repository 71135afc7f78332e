"""The Docker Compose command line."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.env_file import env_file
from supervisor.commands.docker.images import find_image
from supervisor.commands.docker.plugin import compose_command
from supervisor.commands.process.child import ResourceLimits

# A YAML file of 470 bytes can make Compose take 4 GB and three minutes. Measured with Compose 2.40:
# it needs 768 MiB of address space to start, and a second for 300 services.
# Others have met it: https://github.com/docker/compose/issues/12235
RENDERING = ResourceLimits(memory_bytes=2 * 1024**3, cpu_seconds=10)
OPTIONAL_PULL = ("missing", "if_not_present")
NO_PULL = ("never", "build")


@dataclass(frozen=True)
class Project:
    """A Compose project: its name, and the files it is made from where an action needs them.

    Variables win over the repository's own `.env`.
    """

    name: str
    directory: Path
    files: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    dotenv: Path | None = None


@dataclass(frozen=True)
class Compose:
    """The commands on one project; each raises CommandFailed or a word for the cause."""

    engine: Engine
    project: Project

    def config(self, seconds: float) -> dict[str, Any]:
        """Return the rendered model."""
        with self._argv("config", "--format", "json") as argv:
            text = self.engine.capture(
                argv, seconds=seconds, cwd=self.project.directory, limits=RENDERING
            )
        model: dict[str, Any] = json.loads(text)
        return model

    def pull(self, model: Mapping[str, Any], local: Mapping[str, str], seconds: float) -> bool:
        """Pull a model's images that are not here, and those whose pull_policy says always.

        `local` is what `local_images` says. Return whether any had to be pulled.

        An image that is here is enough otherwise: no registry may have it, and one that is down
        must not hinder a deploy. Raise ImageNotFound for one that is neither here nor to be had.
        """
        # `--policy` overrules the policies in the files, so each group is named:
        # https://github.com/docker/compose/blob/v2.40.3/cmd/compose/pull.go
        missing, always = _to_pull(model)
        complete = _are_local((model["services"][name] for name in missing), local)
        if not complete:
            self._stream(seconds, "pull", "--policy", "missing", "--", *missing)
        if always:
            self._stream(seconds, "pull", "--", *always)
        return not complete or bool(always)

    def build(self, seconds: float) -> None:
        """Build the images of services that have a build section."""
        self._stream(seconds, "build")

    def up(self, seconds: float) -> None:
        """Bring the project to its files, with images that are here; recreate what changed."""
        self._stream(seconds, "up", "--detach", "--remove-orphans", "--no-build", "--pull", "never")

    def down(self, seconds: float, *, volumes: bool) -> None:
        """Remove containers and networks, volumes only if asked; needs no files."""
        self._stream(seconds, "down", "--remove-orphans", *(["--volumes"] if volumes else []))

    def stop(self, seconds: float) -> None:
        """Stop the containers."""
        self._stream(seconds, "stop")

    def restart(self, seconds: float) -> None:
        """Restart the containers."""
        self._stream(seconds, "restart")

    def pause(self, seconds: float) -> None:
        """Freeze the containers."""
        self._stream(seconds, "pause")

    def unpause(self, seconds: float) -> None:
        """Let frozen containers go on."""
        self._stream(seconds, "unpause")

    def _stream(self, seconds: float, *arguments: str) -> None:
        with self._argv(*arguments) as argv:
            self.engine.stream(argv, seconds=seconds, cwd=self._directory)

    @property
    def _directory(self) -> Path | None:
        return self.project.directory if self.project.files else None

    @contextmanager
    def _argv(self, *arguments: str) -> Iterator[list[str]]:
        """Give the whole argument list; values that a user gave are absolute paths or in memory."""
        project = self.project
        start = [*compose_command(self.engine), "--ansi", "never", "--progress", "plain"]
        start += ["--project-name", project.name]
        if not project.files:
            yield [*start, *arguments]
            return
        start += ["--project-directory", str(project.directory)]
        start += [word for file in project.files for word in ("--file", str(file))]
        start += ["--env-file", str(project.dotenv)] if project.dotenv else []
        with env_file(project.variables) as variables:
            yield [*start, "--env-file", variables, *arguments]


def _to_pull(model: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the services whose image may be pulled, and those whose image must be."""
    services = (model.get("services") or {}).items()
    policies = {name: s.get("pull_policy", "missing") for name, s in services if "build" not in s}
    missing = [name for name, policy in policies.items() if policy in OPTIONAL_PULL]
    never = {*missing, *(name for name, policy in policies.items() if policy in NO_PULL)}
    return missing, [name for name in policies if name not in never]


def _are_local(services: Iterable[Mapping[str, Any]], local: Mapping[str, str]) -> bool:
    """Tell whether Compose would pull nothing, in a fifth of the time that it takes for that.

    It always asks for what is called `latest`:
    https://github.com/docker/compose/blob/v2.40.3/pkg/compose/pull.go
    """
    names = {service.get("image", "") for service in services}
    return all(_has_version(name) and find_image(local, name) for name in names)


def _has_version(image: str) -> bool:
    _, _, name = image.rpartition("/")
    return "@" in name or (":" in name and not name.endswith(":latest"))
