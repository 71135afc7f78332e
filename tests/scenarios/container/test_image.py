"""The image, started as a stranger would: as whom it runs, how it ends, what it says."""

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import blocks, page
from tests.scenarios.container.conftest import StartContainer, give
from tests.support.compose_files import built, compose, sleeper
from tests.support.container import STORAGE, USER, ContainerService
from tests.support.engine import Engine, docker
from tests.support.engine_proxy import EngineProxy
from tests.support.repository import Repository
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]

OLD_STORAGE = "/rails/storage"
SECURE = {"X-Forwarded-Proto": "https"}
HTTPS = ("--env", "SUPERVISOR_FORCE_SSL=true")


def processes(service: ContainerService) -> dict[str, tuple[int, list[int]]]:
    """Return user and groups of each process in the container, by its program's name."""
    rows = docker("top", service.name, "-eo", "pid,comm,uid,supgid").splitlines()[1:]
    found = {}
    for _, name, user, groups in (row.split() for row in rows):
        found[name] = (int(user), [int(group) for group in groups.split(",") if group.isdigit()])
    return found


def documented_command(own: dict[str, str]) -> list[str]:
    """Return the command of docs/install.md for a former storage, with our names and places."""
    (text,) = [b.text for b in blocks(page("docs/install.md")) if f":{OLD_STORAGE}" in b.text]
    text = text.removeprefix("# ").replace("\\\n", " ")
    for old, new in own.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return shlex.split(text)


def test_the_known_command_works_as_it_is(
    start_container: StartContainer, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    """Storage at its former place, plain HTTP refused, a stack with files from its repository."""
    repository.commit(compose({"web": sleeper(volumes=["./page:/page:ro"])}) | {"page": "hello\n"})
    storage = tmp_path / "var/lib/container/supervisor"

    seen = tmp_path / "repositories"

    def command(service: ContainerService, image: str) -> list[str]:
        keys = service.environment
        return documented_command(
            {
                "docker container run": f"container run --volume {seen}:{seen}:ro",
                "--name supervisor ": f"--name {service.name} ",
                "/var/lib/container/supervisor:": f"{storage}:",
                "KEY_BASE=…": f"KEY_BASE={keys['SUPERVISOR_SECRET_KEY_BASE']}",
                "API_KEY=…": f"API_KEY={keys['SUPERVISOR_API_KEY']}",
                "--publish 3000:3000": "--publish 127.0.0.1::3000",
                "supervisor:latest": image,
            }
        )

    service = start_container(command=command)
    # As root it would not need the group; as somebody else it has the socket's.
    socket_group = int(service.inside("stat", "-c", "%g", "/var/run/docker.sock"))
    found = processes(service)
    assert found["tini"][0] == 0
    user, groups = found["gunicorn"]
    assert (user, socket_group in groups) == (USER, True)
    assert {path.name for path in storage.iterdir()} >= {"supervisor.db", "lock"}
    assert storage.stat().st_uid == USER

    answer = service.get("/stacks")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "https://127.0.0.1/stacks"
    assert service.post("/stacks", json={}).status_code == 403
    assert service.get("/up").status_code == 200
    service.headers = SECURE
    stack = service.create_stack(git_repository=repository.url)
    service.wait_for_run(stack["uuid"])
    assert engine.run_inside(stack["project"], "web", "cat", "/page") == "hello"
    assert "Nothing is mounted" not in service.log_text
    assert "supervisor: " not in service.log_text  # the first step had nothing to say


def test_it_has_what_it_needs_and_no_compiler(start_container: StartContainer) -> None:
    service = start_container()
    for command in ("git", "ssh", "docker", "tini", "supervisor"):
        service.inside("which", command)
    service.inside("docker", "compose", "version")
    for command in ("gcc", "cc", "make", "pip", "pip3", "curl"):
        assert docker("exec", service.name, "which", command, check=False) == ""
    labels = json.loads(docker("inspect", "--format", "{{json .Config.Labels}}", service.name))
    for name in ("title", "description", "licenses", "version", "revision"):
        assert labels[f"org.opencontainers.image.{name}"]
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert "are lost with this container" in service.log_text
    assert f"--volume /var/lib/container/supervisor:{STORAGE}" in service.log_text


def test_it_is_healthy_and_ends_at_once_when_asked(
    start_container: StartContainer, tmp_path: Path
) -> None:
    mount = ("--volume", f"{tmp_path / 'storage'}:{STORAGE}")
    service = start_container(*mount, options=("--health-interval", "1s", *HTTPS))

    def health() -> str:
        return docker("inspect", "--format", "{{.State.Health.Status}}", service.name)

    wait_until(lambda: health() == "healthy", "the container is healthy", seconds=30)
    assert service.stop() == 0  # and not 137: the engine kills after 30 s
    assert "Handling signal: term" in service.log_text
    assert "Traceback" not in service.log_text


def test_a_storage_of_root_is_handed_over_but_not_what_containers_wrote(
    start_container: StartContainer, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    mount = ("--volume", f"{storage}:{STORAGE}")
    give(repository, 0)
    as_root = start_container(*mount, options=("--env", "SUPERVISOR_USER=root"))
    assert processes(as_root)["gunicorn"][0] == 0
    repository.commit(compose({"web": sleeper(volumes=["./data:/data"])}))
    stack = as_root.create_stack(git_repository=repository.url)
    as_root.wait_for_run(stack["uuid"])
    data = storage / "stacks" / stack["uuid"] / "checkout/data/of-a-database"
    data.write_text("precious")
    for path in (data, data.parent):
        os.chown(path, 999, 999)
    as_root.stop()
    assert (storage / "supervisor.db").stat().st_uid == 0
    docker("rm", as_root.name)

    give(repository, USER)
    service = start_container(*mount)
    assert processes(service)["gunicorn"][0] == USER
    owners = {path: path.lstat().st_uid for path in (storage, *storage.rglob("*"))}
    assert owners.pop(data) == owners.pop(data.parent) == 999
    assert set(owners.values()) == {USER}
    repository.commit(compose({"web": sleeper(volumes=["./data:/data"], environment={"A": "2"})}))
    redeploy = service.post(f"/stacks/{stack['uuid']}/control", json={"command": "redeploy"})
    service.wait_for_run(stack["uuid"], Path(redeploy.headers["Location"]).name)
    assert engine.run_inside(stack["project"], "web", "cat", "/data/of-a-database") == "precious"

    delete = service.delete(f"/stacks/{stack['uuid']}?volumes=true")
    run = Path(delete.headers["Location"]).name
    failed = service.wait_for_run(stack["uuid"], run, status="failed")
    assert f"remove {storage}/stacks/{stack['uuid']} as root" in failed["message"]
    assert data.exists()


def test_without_root_and_with_the_same_path_on_both_sides(
    start_container: StartContainer, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    storage.mkdir(mode=0o700)
    os.chown(storage, USER, USER)
    group = Path("/var/run/docker.sock").stat().st_gid
    service = start_container(
        *("--volume", f"{storage}:{storage}", "--env", f"SUPERVISOR_STORAGE={storage}"),
        options=(
            *("--user", f"{USER}:{group}", "--cap-drop", "ALL"),
            *("--read-only", "--tmpfs", "/tmp"),
        ),
    )
    assert {user for user, _ in processes(service).values()} == {USER}
    repository.commit(compose({"web": sleeper(volumes=["./page:/page:ro"])}) | {"page": "hello\n"})
    stack = service.create_stack(git_repository=repository.url)
    service.wait_for_run(stack["uuid"])
    assert engine.run_inside(stack["project"], "web", "cat", "/page") == "hello"
    assert service.log_text.count("supervisor: ") == 0  # the first step had nothing to say


@pytest.fixture
def strict_socket(tmp_path: Path) -> Iterator[Path]:
    """A second socket of the engine that only root may use."""
    with EngineProxy(tmp_path) as proxy:
        path = Path(proxy.address.removeprefix("unix://"))
        path.chmod(0o600)
        yield path


def test_a_socket_for_root_alone_is_said_at_the_start_with_what_to_do(
    start_container: StartContainer, strict_socket: Path, tmp_path: Path
) -> None:
    options = ("--volume", f"{tmp_path}:/engine", "--env", "DOCKER_HOST=unix:///engine/engine.sock")
    service = start_container(options=options, healthy=False)
    assert "this user may not use it" in service.log_text
    assert "SUPERVISOR_USER=root" in service.log_text
    wait_until(lambda: service.get("/up").status_code == 503, "/up tells", seconds=30)
    service.close()

    as_root = start_container(options=(*options, "--env", "SUPERVISOR_USER=root"))
    assert "this user may not use it" not in as_root.log_text


def test_an_image_is_built_with_logins_that_may_only_be_read(
    start_container: StartContainer, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    logins = tmp_path / "logins"
    logins.mkdir()
    (logins / "config.json").write_text("{}")
    repository.commit(built("echo built > /built"))
    service = start_container(
        *("--volume", f"{tmp_path / 'storage'}:{STORAGE}"),
        *("--volume", f"{logins}:/supervisor/.docker:ro"),
    )
    stack = service.create_stack(git_repository=repository.url)
    service.wait_for_run(stack["uuid"])
    assert engine.run_inside(stack["project"], "web", "cat", "/built") == "built"
    assert "can't be read" not in service.log_text

    (logins / "config.json").chmod(0o600)  # as `docker login` writes it for root
    service.stop()
    service.start()
    assert "/supervisor/.docker/config.json can't be read by this user" in service.log_text
    assert "make 3000 its owner" in service.log_text


def test_commands_in_the_container_run_as_the_service_does(
    start_container: StartContainer, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    service = start_container("--volume", f"{storage}:{OLD_STORAGE}")
    told = service.inside("supervisor", "check")
    assert f"{OLD_STORAGE}, " in told
    assert f"the engine sees the storage at {storage}" in told
    assert "WRONG" not in told
    backup = "/supervisor/storage/backup"
    service.inside("supervisor", "backup", backup)
    assert service.inside("stat", "-c", "%u", backup) == str(USER)
