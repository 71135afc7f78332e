"""A stack whose deploy is cut off, again and again."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose_files import compose, sleeper
from tests.support.disk import service_on_small_disk
from tests.support.engine import Engine, docker
from tests.support.failpoints import Failpoints
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import webhook

STEPS = (
    "fetch",
    "check out",
    "render",
    "pull",
    "compare",
    "apply",
    "up",
    "gate",
    "roll back",
    "finish",
    "finished",
    "down",
    "clean up",
)
Seen = dict[str, tuple[str, str]]


@dataclass
class Shop:
    """A stack of two services: each version changes `web` and a file that it mounts."""

    service: Service
    engine: Engine
    repository: Repository
    failpoints: Failpoints
    stack: dict[str, Any] = field(default_factory=dict)
    version: int = 0

    @property
    def uuid(self) -> str:
        return str(self.stack["uuid"])

    def commit(self, **web: Any) -> None:
        """Commit the next version."""
        self.version += 1
        mounts = {"volumes": ["./page:/page:ro"], "environment": {"VERSION": str(self.version)}}
        files = compose({"web": sleeper(**mounts | web), "db": sleeper()})
        self.repository.commit(files | {"page": str(self.version)})

    def create(self) -> None:
        """Create the stack and deploy its first version."""
        self.commit()
        self.stack = self.service.create_stack(
            git_repository=self.repository.url, health_timeout=30
        )
        self.service.wait_for_run(self.uuid)

    def trigger(self) -> str:
        """Send a webhook; return its run's uuid."""
        return webhook(self.service, self.uuid)

    def seen(self) -> Seen:
        """Return each service's container and since when it runs."""
        found = self.engine.containers(self.stack["project"], running=True)
        return {
            service: (one, docker("inspect", "--format", "{{.State.StartedAt}}", one))
            for service, one in found.items()
        }

    def container_count(self) -> int:
        """Return how many containers there are, those that don't run too."""
        label = f"label=com.docker.compose.project={self.stack['project']}"
        return len(docker("ps", "--all", "--quiet", "--filter", label).split())

    def served(self) -> tuple[str, str]:
        """Return the version that `web` was started with, and the one of the file it mounts."""
        project = self.stack["project"]
        environment = self.engine.run_inside(project, "web", "env").splitlines()
        version = dict(line.split("=", 1) for line in environment)["VERSION"]
        return version, self.engine.run_inside(project, "web", "cat", "/page")

    def run(self, uuid: str) -> dict[str, Any]:
        """Return one run as the API shows it."""
        answer: dict[str, Any] = self.service.get(f"/stacks/{self.uuid}/runs/{uuid}").json()
        return answer

    def actions(self) -> list[tuple[str, str]]:
        """Return what was done, newest first, and who asked for it."""
        return [(run["action"], run["trigger"]) for run in self.service.runs(self.uuid)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Shop]:
    """A running stack, and a service that stumbles wherever a test wants it to."""
    folder = tmp_path_factory.mktemp("shop")
    failpoints = Failpoints(folder / "failpoints")
    points = [f"{step}:{action}" for step in STEPS for action in ("kill9", "kill9_worker")]
    service = Service(
        folder / "service", engine, SUPERVISOR_FAILPOINTS=failpoints.setting(*points)
    ).start()
    shop = Shop(service, engine, Repository(folder / "repository"), failpoints)
    shop.create()
    yield shop
    service.close()


@pytest.fixture
def on_small_disk(tmp_path: Path, engine: Engine) -> Iterator[Service]:
    """A service whose storage is soon full."""
    with service_on_small_disk(tmp_path / "small", engine) as service:
        yield service
