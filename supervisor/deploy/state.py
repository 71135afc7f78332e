"""What a stack runs: the commit, what it was rendered from, and what it looked like when good."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from supervisor.commands.docker.containers import Container


@dataclass(frozen=True)
class AppliedState:
    """A state that a project was brought to, complete enough to bring it there again."""

    commit: str
    compose_file: str
    compose_includes: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    fingerprint: Mapping[str, Any] = field(default_factory=dict, repr=False)
    images: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, list[str]] = field(default_factory=dict)
    tree: str = ""
    """The files of the commit together with those of its submodules, where it has any."""
    mirror: str = ""
    """The name of the mirror that has the commit, which may be that of a former address."""

    @property
    def content(self) -> str:
        """Return what is checked out."""
        return self.tree or self.commit

    @property
    def compose_files(self) -> tuple[str, ...]:
        """Return the compose files in the order in which later ones win."""
        return (self.compose_file, *self.compose_includes)

    def observed(self, containers: list[Container]) -> "AppliedState":
        """Return this state with what its containers were like once they had settled.

        Without a gate some may not be as they should: only a job that ended well may stay so.
        """
        states: dict[str, list[str]] = {}
        for container in containers:
            ended = container.status == "exited" and container.exit_code == 0
            states.setdefault(container.service, []).append("exited" if ended else "running")
        return replace(
            self,
            images={c.service: (c.image_name, c.image) for c in containers},
            hashes={c.service: c.config_hash for c in containers},
            states=states,
        )

    def with_ended(self, services: Collection[str]) -> "AppliedState":
        """Return this state with jobs that have ended well meanwhile, and may stay so."""
        ended = {name: ["exited"] * len(self.states[name]) for name in services}
        return replace(self, states={**self.states, **ended})

    def dump(self) -> bytes:
        """Return the state as bytes; they hold variables, so they are to be sealed."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parse(cls, text: bytes) -> "AppliedState":
        """Return the state that `dump` wrote."""
        return cls.load(json.loads(text))

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> "AppliedState":
        """Return the state whose values `asdict` gave, also after they were JSON."""
        images = {name: tuple(pair) for name, pair in values["images"].items()}
        includes = tuple(values["compose_includes"])
        return cls(**{**values, "compose_includes": includes, "images": images})
