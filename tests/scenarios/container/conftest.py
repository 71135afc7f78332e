"""Supervisor in containers, built from the project's own Dockerfile."""

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.container import USER, ContainerService, build_image
from tests.support.engine import Engine
from tests.support.repository import Repository


@pytest.fixture(scope="session")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the image; where several processes test side by side, the others find its layers."""
    with (tmp_path_factory.getbasetemp().parent / "image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return build_image(engine, f"supervisor-test/image:{os.getpid()}")


StartContainer = Callable[..., ContainerService]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository that the user in the container may read."""
    repository = Repository(tmp_path / "repositories/stack")
    give(repository, USER)
    return repository


def give(repository: Repository, user: int) -> None:
    """Make a repository a user's: git reads no other's."""
    for path in (repository.path, repository.path / ".git"):
        os.chown(path, user, user)


@pytest.fixture
def start_container(tmp_path: Path, engine: Engine, image: str) -> Iterator[StartContainer]:
    """Start Supervisor in containers, each with mounts of its own."""
    (tmp_path / "repositories").mkdir(exist_ok=True)
    started: list[ContainerService] = []

    def start(
        *mounts: str,
        options: tuple[str, ...] = (),
        healthy: bool = True,
        command: Callable[[ContainerService, str], list[str]] | None = None,
    ) -> ContainerService:
        service = ContainerService(tmp_path, engine, image, list(mounts), list(options))
        started.append(service)
        if command:
            service.command = command(service, image)
        return service.start(healthy=healthy)

    yield start
    for service in reversed(started):  # a later one may look after what an earlier one began
        service.close()
