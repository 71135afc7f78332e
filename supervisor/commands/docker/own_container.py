"""The container that Supervisor itself runs in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.labels import PROJECT_LABEL, SERVICE_LABEL

# What another container needs to be as good as this one: same user, groups and rights.
OPTIONS = (
    ("Config", "User", "--user"),
    ("HostConfig", "GroupAdd", "--group-add"),
    ("HostConfig", "SecurityOpt", "--security-opt"),
    ("HostConfig", "CapAdd", "--cap-add"),
    ("HostConfig", "CapDrop", "--cap-drop"),
    ("HostConfig", "UsernsMode", "--userns"),
)


@dataclass(frozen=True)
class Mount:
    """Where a container sees something of the host's, or a volume."""

    source: Path
    target: Path
    volume: str
    """The volume's name, empty for a folder of the host."""


@dataclass(frozen=True)
class OwnContainer:
    """What the engine tells about the own container."""

    id: str
    name: str
    image: str
    project: str
    """The Compose project that it belongs to, empty where it was started otherwise."""
    service: str
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: tuple[str, ...] = ()

    def mount_of(self, path: Path) -> Mount | None:
        """Return the mount that a path inside lies in, the innermost of them."""
        holding = [mount for mount in self.mounts if path.is_relative_to(mount.target)]
        return max(holding, key=lambda mount: len(str(mount.target)), default=None)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "OwnContainer":
        """Return what `docker container inspect` tells."""
        config = values["Config"]
        labels = config["Labels"] or {}
        return cls(
            id=values["Id"],
            name=values["Name"].removeprefix("/"),
            image=values["Image"],
            project=labels.get(PROJECT_LABEL, ""),
            service=labels.get(SERVICE_LABEL, ""),
            mounts=tuple(
                Mount(Path(each["Source"]), Path(each["Destination"]), each.get("Name", ""))
                for each in values["Mounts"]
            ),
            environment=dict(word.partition("=")[::2] for word in config["Env"] or ()),
            options=tuple(_options(values)),
        )


def inspect_own_container(engine: Engine, container: str) -> OwnContainer:
    """Return what there is to know about the container that Supervisor runs in."""
    return OwnContainer.parse(json.loads(engine.docker("container", "inspect", container))[0])


def _options(values: Mapping[str, Any]) -> list[str]:
    """Return the options of `docker run` that give another container the same rights."""
    found = ["--privileged"] if values["HostConfig"].get("Privileged") else []
    for section, name, option in OPTIONS:
        told = values[section].get(name) or []
        for value in [told] if isinstance(told, str) else told:
            found += [option, value]
    return found
