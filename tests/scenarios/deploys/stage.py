"""A deployed stack whose next commits are watched from outside: containers, files, runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.compose_files import compose, sleeper
from tests.support.engine import Engine, docker
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import run_of, webhook

Files = Mapping[str, str | bytes]
Run = dict[str, Any]


@dataclass
class Stage:
    """One stack, its repository and the service that deploys it."""

    service: Service
    engine: Engine
    repository: Repository
    stack: dict[str, Any] = field(default_factory=dict)

    def create(self, **fields: Any) -> "Stage":
        """Create the stack and wait until its first commit runs."""
        self.create_only(**fields)
        self.service.wait_for_run(self.uuid)
        return self

    def create_only(self, **fields: Any) -> "Stage":
        """Create the stack; its first run may end as it likes."""
        fields = {"git_repository": self.repository.url} | fields
        self.stack = self.service.create_stack(**fields)
        return self

    @property
    def uuid(self) -> str:
        return str(self.stack["uuid"])

    @property
    def project(self) -> str:
        return str(self.stack["project"])

    @property
    def folder(self) -> Path:
        return self.service.storage / "stacks" / self.uuid

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    def show(self) -> dict[str, Any]:
        """Return the stack as the API shows it now."""
        shown: dict[str, Any] = self.service.get(f"/stacks/{self.uuid}").json()
        return shown

    # What is asked for

    def push(self, files: Files | None = None, *, remove: Iterable[str] = ()) -> str:
        """Commit and send a webhook; return the run's uuid."""
        self.repository.commit(files, remove=remove)
        return webhook(self.service, self.uuid)

    def deploy(self, files: Files | None = None, *, remove: Iterable[str] = ()) -> Run:
        """Commit, and wait until that was deployed."""
        return self.ended(self.push(files, remove=remove))

    def patch(self, **fields: Any) -> Run:
        """Change the stack, and wait until that was deployed."""
        answer = self.service.patch(f"/stacks/{self.uuid}", json=fields)
        assert answer.status_code == 200, answer.text
        return self.ended(run_of(answer))

    def ended(self, run: str, status: str = "succeeded") -> Run:
        """Wait until a run has ended so; return it with its output."""
        self.service.wait_for_run(self.uuid, run, status=status)
        shown: Run = self.service.get(f"/stacks/{self.uuid}/runs/{run}").json()
        return shown

    def plan(self, **body: Any) -> dict[str, Any]:
        """Return the plan of a deploy."""
        options = {"json": body} if body else {}
        answer = self.service.post(f"/stacks/{self.uuid}/plan", **options)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    # What is there

    @property
    def ids(self) -> dict[str, str]:
        """Return the container of each service."""
        return self.engine.containers(self.project)

    @property
    def containers(self) -> dict[str, tuple[str, str]]:
        """Return the id and the start time of each service's container."""
        ids = self.ids
        if not ids:
            return {}
        facts = docker("inspect", "--format", "{{.State.StartedAt}}", *ids.values()).split()
        return dict(zip(ids, zip(ids.values(), facts, strict=True), strict=True))

    @property
    def files(self) -> dict[str, bytes | str]:
        """Return everything in the stable checkout: contents of files, targets of links."""
        return {
            str(path.relative_to(self.checkout)): (
                str(path.readlink()) if path.is_symlink() else path.read_bytes()
            )
            for path in sorted(self.checkout.rglob("*"))
            if path.is_symlink() or path.is_file()
        }

    def inside(self, service: str, *command: str) -> str:
        """Return what a command prints inside a service's container."""
        return self.engine.run_inside(self.project, service, *command)

    def read(self, service: str, path: str) -> str:
        """Return a file as a service's container sees it."""
        return self.inside(service, "cat", path)


def touched(stage: Stage, before: Mapping[str, str]) -> set[str]:
    """Return the services that no longer have the container they had."""
    after = stage.ids
    return {service for service in before if after.get(service) != before[service]}


def stack_files(services: Mapping[str, object], files: Files | None = None, **rest: Any) -> Files:
    """Return a compose file with the files that belong to it."""
    return {**compose(dict(services), **rest), **(files or {})}


def without_image(**extra: object) -> dict[str, object]:
    """Return a sleeper whose image is to be built."""
    return {name: value for name, value in sleeper(**extra).items() if name != "image"}
