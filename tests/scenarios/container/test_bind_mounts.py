"""What a stack mounts from its repository arrives, though Supervisor is in a container itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.container.conftest import StartContainer
from tests.support.compose_files import compose, sleeper
from tests.support.container import STORAGE
from tests.support.engine import Engine, docker
from tests.support.repository import Repository
from tests.support.triggers import webhook
from tests.support.waiting import wait_until

# The image is built by the first test.
pytestmark = [pytest.mark.timeout(900), pytest.mark.long]


def files(version: str) -> dict[str, str]:
    """Return a stack that takes something from its repository in every way there is."""
    web = sleeper(
        volumes=["./page:/page:ro", "./folder:/folder:ro"],
        env_file=["./app.env"],
        configs=[{"source": "settings", "target": "/settings"}],
    )
    return {
        **compose({"web": web, "db": sleeper()}, configs={"settings": {"file": "./settings"}}),
        "page": f"page {version}\n",
        "folder/file": f"file {version}\n",
        "settings": f"settings {version}\n",
        "app.env": f"VERSION=env {version}\n",
    }


@pytest.fixture
def repository(repository: Repository) -> Repository:
    """The stack's first version."""
    repository.commit(files("1"))
    return repository


def arrived(engine: Engine, stack: dict[str, Any]) -> list[str]:
    """Return what a stack's container sees."""
    script = 'cat /page /folder/file /settings; echo "$VERSION"'
    return engine.run_inside(stack["project"], "web", "sh", "-c", script).splitlines()


def version(number: str) -> list[str]:
    return [f"{kind} {number}" for kind in ("page", "file", "settings", "env")]


def test_files_arrive_from_a_storage_that_the_host_has_elsewhere(
    start_container: StartContainer, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    service = start_container("--volume", f"{tmp_path / 'elsewhere'}:{STORAGE}")
    stack = service.create_stack(git_repository=repository.url)
    service.wait_for_run(stack["uuid"])
    assert arrived(engine, stack) == version("1")
    db = engine.containers(stack["project"])["db"]

    repository.commit(files("2"))
    service.wait_for_run(stack["uuid"], webhook(service, stack["uuid"]))
    assert arrived(engine, stack) == version("2")

    assert service.stop() == 0
    service.start()
    assert arrived(engine, stack) == version("2")
    repository.commit(files("3"))
    service.wait_for_run(stack["uuid"], webhook(service, stack["uuid"]))
    assert arrived(engine, stack) == version("3")
    assert engine.containers(stack["project"])["db"] == db

    assert service.delete(f"/stacks/{stack['uuid']}").status_code == 204
    gone = f"/stacks/{stack['uuid']}"
    wait_until(lambda: service.get(gone).status_code == 404, "the stack is gone")
    assert not (tmp_path / "elsewhere/stacks" / stack["uuid"]).exists()
    assert "Traceback" not in service.log_text


def test_a_new_container_on_the_same_storage_leaves_the_stacks_alone(
    start_container: StartContainer, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    mount = ("--volume", f"{tmp_path / 'elsewhere'}:{STORAGE}")
    old = start_container(*mount)
    stack = old.create_stack(git_repository=repository.url)
    old.wait_for_run(stack["uuid"])
    before = engine.containers(stack["project"], running=True)
    docker("rm", "--force", old.name)  # as a machine that goes down would

    new = start_container(*mount, options=("--hostname", "another"))
    repository.commit({"README": "nothing that the stack uses"})
    new.wait_for_run(stack["uuid"], webhook(new, stack["uuid"]), status="skipped")
    assert engine.containers(stack["project"], running=True) == before
    repository.commit(files("2"))
    new.wait_for_run(stack["uuid"], webhook(new, stack["uuid"]))
    assert arrived(engine, stack) == version("2")
    assert engine.containers(stack["project"])["db"] == before["db"]


@contextmanager
def named_volume(name: str) -> Iterator[str]:
    docker("volume", "create", name)
    try:
        yield name
    finally:
        docker("volume", "rm", "--force", name)


def test_files_arrive_from_a_named_volume(
    start_container: StartContainer, engine: Engine, repository: Repository
) -> None:
    with named_volume(f"supervisor-test-{repository.head[:12]}") as volume:
        service = start_container("--volume", f"{volume}:{STORAGE}")
        stack = service.create_stack(git_repository=repository.url)
        service.wait_for_run(stack["uuid"])
        assert arrived(engine, stack) == version("1")
        engine.remove(stack["project"])
        service.close()


def test_without_a_mounted_storage_a_run_fails_and_says_why(
    start_container: StartContainer, engine: Engine, repository: Repository
) -> None:
    """The engine would mount empty folders; what needs no file of the repository runs."""
    service = start_container()
    stack = service.create_stack(git_repository=repository.url)
    failed = service.wait_for_run(stack["uuid"], status="failed")
    assert "would be empty" in failed["message"]
    assert "mount a folder or a volume there" in failed["message"]
    assert engine.containers(stack["project"]) == {}

    repository.commit(compose({"web": sleeper(environment={"VERSION": "1"})}))
    service.wait_for_run(stack["uuid"], webhook(service, stack["uuid"]))
    assert set(engine.containers(stack["project"], running=True)) == {"web"}


def test_a_path_that_is_taken_inside_is_named(
    start_container: StartContainer, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    """The host's path of the storage is something else in the container."""
    elsewhere, taken = tmp_path / "elsewhere", tmp_path / "taken"
    taken.mkdir()
    service = start_container(
        *("--volume", f"{elsewhere}:{STORAGE}"), *("--volume", f"{taken}:{elsewhere}:ro")
    )
    stack = service.create_stack(git_repository=repository.url)
    failed = service.wait_for_run(stack["uuid"], status="failed")
    assert f"mount the storage at {elsewhere} there too" in failed["message"]
    assert service.mounts[STORAGE] == str(elsewhere)
