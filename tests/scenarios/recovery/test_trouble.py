"""Each trouble is a failed run that says what to do; everything else goes on."""

import random
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartService
from tests.support.compose_files import built, compose, sleeper
from tests.support.disk import fill
from tests.support.engine import Engine
from tests.support.engine_link import EngineLink
from tests.support.git_http import GitServer
from tests.support.ports import free_port
from tests.support.repository import Repository, two_services
from tests.support.service import Service
from tests.support.triggers import control, deliver, run_of, webhook
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stacks_are_deleted")

Stack = dict[str, Any]


@dataclass
class Healthy:
    """A stack that runs, beside which something goes wrong."""

    service: Service
    engine: Engine
    repository: Repository
    stack: Stack

    @property
    def uuid(self) -> str:
        return str(self.stack["uuid"])

    @property
    def containers(self) -> dict[str, str]:
        return self.engine.containers(self.stack["project"], running=True)

    @property
    def version(self) -> str:
        return self.engine.run_inside(self.stack["project"], "web", "cat", "/www/version")

    def fail(self) -> str:
        """Trigger a run that has to fail and to leave the containers alone; return its message."""
        before = self.containers
        run = webhook(self.service, self.uuid)
        message = self.service.wait_for_run(self.uuid, run, status="failed")["message"]
        assert self.containers == before
        entry = self.service.get(f"/stacks/{self.uuid}/log").json()[0]
        assert (entry["status"], entry["message"]) == ("failed", message)
        return str(message)

    def heal(self, files: dict[str, str] | None = None) -> None:
        """Trigger a run that has to bring a new version."""
        wanted = f"healed-{random.randrange(10**9)}"
        self.repository.commit(two_services(wanted) | (files or {}))
        run = webhook(self.service, self.uuid)
        self.service.wait_for_run(self.uuid, run)
        assert self.version == wanted


def healthy_stack(
    service: Service, engine: Engine, repository: Repository, **fields: Any
) -> Healthy:
    stack = service.create_stack(**{"git_repository": repository.url} | fields)
    service.wait_for_run(stack["uuid"])
    return Healthy(service, engine, repository, stack)


@pytest.fixture
def healthy(shared_service: Service, engine: Engine, repository: Repository) -> Healthy:
    return healthy_stack(shared_service, engine, repository)


@pytest.fixture
def remote(
    shared_service: Service, engine: Engine, repository: Repository, git_server: GitServer
) -> Healthy:
    """A stack whose repository is on a git server."""
    return healthy_stack(
        shared_service,
        engine,
        repository,
        git_repository=git_server.url(repository.path),
        git_username=git_server.username,
        git_token=git_server.password,
    )


def refuses(server: GitServer) -> None:
    server.faults.status = 401


def forbids(server: GitServer) -> None:
    server.faults.status = 403


def knows_nothing(server: GitServer) -> None:
    server.faults.status = 404


def is_broken(server: GitServer) -> None:
    server.faults.status = 500


def hangs_up(server: GitServer) -> None:
    server.faults.reset = True


@pytest.mark.row("G15")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (refuses, "check git_username and git_token"),
        (forbids, "check git_username and git_token"),
        (knows_nothing, "check git_repository"),
        (is_broken, "git server cannot be reached"),
        (hangs_up, "git server cannot be reached"),
    ],
)
def test_a_git_server_that_fails(
    remote: Healthy, git_server: GitServer, fault: Callable[[GitServer], None], words: str
) -> None:
    fault(git_server)
    message = remote.fail()
    assert words in message
    assert git_server.password not in message
    git_server.faults.status, git_server.faults.reset = None, False
    remote.heal()


@pytest.mark.row("G15")
def test_a_wrong_token_and_then_the_right_one(remote: Healthy, git_server: GitServer) -> None:
    uuid, service = remote.uuid, remote.service
    before = remote.containers
    answer = service.patch(f"/stacks/{uuid}", json={"git_token": "wrong-token"})
    message = service.wait_for_run(uuid, run_of(answer), status="failed")["message"]
    assert "check git_username and git_token" in message
    assert "wrong-token" not in message
    assert remote.containers == before
    answer = service.patch(f"/stacks/{uuid}", json={"git_token": git_server.password})
    service.wait_for_run(uuid, run_of(answer))
    remote.heal()


@pytest.mark.row("G15")
def test_a_server_that_nobody_runs(healthy: Healthy) -> None:
    uuid, service = healthy.uuid, healthy.service
    before = healthy.containers
    moved = {"git_repository": f"http://127.0.0.1:{free_port()}/repository.git"}
    answer = service.patch(f"/stacks/{uuid}", json=moved)
    message = service.wait_for_run(uuid, run_of(answer), status="failed")["message"]
    assert "git server cannot be reached" in message
    assert service.get(f"/stacks/{uuid}/stats").json()["next_retry"]
    assert healthy.containers == before
    back = {"git_repository": healthy.repository.url}
    answer = service.patch(f"/stacks/{uuid}", json=back)
    service.wait_for_run(uuid, run_of(answer))
    healthy.heal()


@pytest.mark.row("G2")
def test_a_branch_that_is_deleted(healthy: Healthy) -> None:
    repository = healthy.repository
    repository.git("branch", "--move", "main", "elsewhere")
    message = healthy.fail()
    assert "no branch or tag refs/heads/main: check git_reference" in message
    repository.git("branch", "--move", "elsewhere", "main")
    healthy.heal()


def test_a_commit_that_is_not_there(healthy: Healthy) -> None:
    uuid, service = healthy.uuid, healthy.service
    before = healthy.containers
    answer = service.patch(f"/stacks/{uuid}", json={"git_reference": "0" * 39 + "1"})
    message = service.wait_for_run(uuid, run_of(answer), status="failed")["message"]
    assert "check git_reference" in message
    assert healthy.containers == before


@pytest.mark.row("G4")
def test_an_empty_repository_is_deployed_once_it_has_a_commit(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "empty")
    stack = shared_service.create_stack(git_repository=repository.url)
    failed = shared_service.wait_for_run(stack["uuid"], status="failed")
    assert "check git_reference" in failed["message"]
    Healthy(shared_service, engine, repository, stack).heal()


@pytest.mark.row("G15")
def test_a_repository_that_does_not_exist(shared_service: Service, tmp_path: Path) -> None:
    stack = shared_service.create_stack(git_repository=(tmp_path / "nowhere").as_uri())
    failed = shared_service.wait_for_run(stack["uuid"], status="failed")
    assert "check git_repository" in failed["message"]


BROKEN_FILES = {
    "not YAML": "services:\n  web:\n   - [\n",
    "an unknown key": "services:\n  web:\n    image: busybox\n    comand: x\n",
    "no service": "",
    "not a mapping": "just words\n",
    "no image": "services:\n  web: {}\n",
}


@pytest.mark.row("D6")
@pytest.mark.parametrize("content", BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_a_compose_file_that_is_broken(healthy: Healthy, content: str) -> None:
    healthy.repository.commit({"compose.yml": content})
    message = healthy.fail()
    assert message.startswith("render: ")
    assert "docker compose" in message or "compose.yml" in message
    healthy.heal()


@pytest.mark.row("D6")
def test_a_broken_file_is_named_with_what_is_wrong(healthy: Healthy) -> None:
    healthy.repository.commit({"compose.yml": BROKEN_FILES["an unknown key"]})
    assert "comand" in healthy.fail()
    healthy.repository.commit({"compose.yml": BROKEN_FILES["not YAML"]})
    assert "line" in healthy.fail()


def test_a_compose_file_that_is_missing(healthy: Healthy) -> None:
    healthy.repository.commit({"README": "words"}, remove=["compose.yml"])
    assert "compose.yml is not in the repository" in healthy.fail()
    healthy.heal()


@pytest.mark.row("D2")
def test_an_image_that_nobody_has(healthy: Healthy) -> None:
    files = compose({"web": sleeper(image=f"127.0.0.1:{free_port()}/none:1"), "db": sleeper()})
    healthy.repository.commit(files)
    message = healthy.fail()
    assert "An image is not here and cannot be pulled: check its name" in message
    assert message.startswith("pull: ")
    healthy.heal()


def test_a_build_that_fails(healthy: Healthy) -> None:
    healthy.repository.commit(built("echo this is why; exit 3"))
    message = healthy.fail()
    assert message.startswith("build: ")
    assert "exit code: 3" in message
    healthy.heal()


@pytest.mark.row("D3")
def test_a_port_that_is_taken(healthy: Healthy, engine: Engine, tmp_path: Path) -> None:
    service = healthy.service
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        repository = Repository(tmp_path / "taken")
        repository.commit(two_services("1", port=port))
        before = healthy.containers
        stack = service.create_stack(git_repository=repository.url)
        failed = service.wait_for_run(stack["uuid"], status="failed")
        assert "port" in failed["message"]
        assert "is taken by another program" in failed["message"]
        assert service.get(f"/stacks/{stack['uuid']}").json()["healthy"] is False
        assert healthy.containers == before
    run = control(service, stack["uuid"], "redeploy")
    service.wait_for_run(stack["uuid"], run)
    assert Healthy(service, engine, repository, stack).version == "1"


@pytest.mark.row("D1")
@pytest.mark.long
def test_an_engine_that_is_down(
    start_service: StartService, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    link = EngineLink(tmp_path)
    service = start_service(DOCKER_HOST=link.address)
    healthy = healthy_stack(service, engine, repository)
    link.cut()
    repository.commit(two_services("2"))
    message = healthy.fail()
    assert "engine does not answer: is it running?" in message
    assert service.get("/stacks").status_code == 200
    unhealthy = wait_until(lambda: _not_up(service), "/up tells of it", seconds=40)
    assert [problem["name"] for problem in unhealthy["errors"]] == ["engine"]

    link.restore()
    wait_until(lambda: service.runs(healthy.uuid)[0]["status"] == "succeeded", "it was tried again")
    assert healthy.version == "2"
    assert service.runs(healthy.uuid)[0]["trigger"] == "recovery"
    wait_until(lambda: service.get("/up").status_code == 200, "/up is well", seconds=40)


def _not_up(service: Service) -> Any:
    answer = service.get("/up")
    return answer.json() if answer.status_code == 503 else None


# A link that leaves the repository


def link_to_a_file(repository: Repository) -> None:
    (repository.path / "compose.yml").unlink()
    repository.link("compose.yml", "/etc/passwd")


def link_to_a_folder(repository: Repository) -> None:
    (repository.path / "compose.yml").unlink()
    outside = repository.path.parent / "outside"
    outside.mkdir()
    (outside / "compose.yml").write_text(two_services("stolen")["compose.yml"])
    repository.link("way", str(outside))
    repository.link("compose.yml", "way/compose.yml")


def link_upwards(repository: Repository) -> None:
    (repository.path / "compose.yml").unlink()
    repository.link("compose.yml", "../../../../../../../../../../etc/hostname")


def link_of_variables(repository: Repository) -> None:
    repository.link(".env", "/etc/passwd")


@pytest.mark.row("G8")
@pytest.mark.parametrize(
    "link", [link_to_a_file, link_to_a_folder, link_upwards, link_of_variables]
)
def test_a_link_that_leaves_the_repository(
    healthy: Healthy, link: Callable[[Repository], None]
) -> None:
    link(healthy.repository)
    healthy.repository.commit()
    message = healthy.fail()
    assert "leaves the repository" in message
    assert "root:" not in message
    healthy.repository.git("rm", "--quiet", "-r", ".")
    healthy.heal()


@pytest.mark.row("G8")
def test_a_link_that_stays_inside_is_fine(healthy: Healthy) -> None:
    repository = healthy.repository
    repository.commit(
        {"real/file.yml": two_services("linked")["compose.yml"]}, remove=["compose.yml"]
    )
    repository.link("compose.yml", "real/file.yml")
    repository.commit()
    healthy.service.wait_for_run(healthy.uuid, webhook(healthy.service, healthy.uuid))
    assert healthy.version == "linked"


@pytest.mark.row("D12")
def test_a_stack_that_reaches_into_the_storage(healthy: Healthy) -> None:
    storage = healthy.service.storage
    for extra in (
        {"volumes": [f"{storage}:/storage"]},
        {"volumes": [f"{storage}/supervisor.db:/db:ro"]},
        {"build": {"context": str(storage)}},
    ):
        healthy.repository.commit(compose({"web": sleeper(**extra), "db": sleeper()}))
        assert "reaches into Supervisor's own storage" in healthy.fail()
    healthy.heal()


# A git server that hangs


@pytest.mark.row("G6")
def test_a_git_server_that_never_answers_is_left_after_the_limit(
    start_service: StartService, engine: Engine, repository: Repository, git_server: GitServer
) -> None:
    service = start_service(SUPERVISOR_LS_REMOTE_SECONDS="2", SUPERVISOR_CONCURRENCY="2")
    remote = healthy_stack(
        service,
        engine,
        repository,
        git_repository=git_server.url(repository.path),
        git_username=git_server.username,
        git_token=git_server.password,
    )
    other = Repository(repository.path.parent / "other")
    other.commit(two_services("1"))
    git_server.faults.stall = True
    hanging = webhook(service, remote.uuid)
    beside = healthy_stack(service, engine, other)
    failed = service.wait_for_run(remote.uuid, hanging, status="failed")
    (run,) = service.runs(beside.uuid)
    assert run["started_at"] < failed["finished_at"]
    assert "took longer than 2 s" in failed["message"]
    assert len(remote.containers) == 2
    git_server.faults.stall = False
    remote.heal()


@pytest.mark.row("G6")
def test_a_fetch_that_trickles_is_left_after_the_limit(
    start_service: StartService, engine: Engine, repository: Repository, git_server: GitServer
) -> None:
    service = start_service(SUPERVISOR_FETCH_SECONDS="2")
    git_server.faults.trickle = True
    stack = service.create_stack(
        git_repository=git_server.url(repository.path),
        git_username=git_server.username,
        git_token=git_server.password,
        git_reference=repository.head,  # a commit needs no question before the fetch
    )
    failed = service.wait_for_run(stack["uuid"], status="failed")
    assert "git fetch took longer than 2 s" in failed["message"]
    git_server.faults.trickle = False
    service.wait_for_run(stack["uuid"], control(service, stack["uuid"], "redeploy"))
    assert Healthy(service, engine, repository, stack).version == "1"


@pytest.mark.row("P6")
def test_a_full_disk_accepts_nothing_and_touches_nothing(
    on_small_disk: Service, engine: Engine, repository: Repository
) -> None:
    service = on_small_disk
    healthy = healthy_stack(service, engine, repository)
    before = healthy.containers
    filling = fill(service.storage, leave=0)
    # What is in the database's own pages may still do for a few more.
    answers = [deliver(service, healthy.uuid) for _ in range(60)]
    assert answers[-1].status_code in (503, 507), answers[-1].text
    assert "free space" in answers[-1].json()["error"]
    accepted = [run_of(answer) for answer in answers if answer.status_code == 202]
    refused = service.post("/stacks", json={**_minimal(repository), "name": "one more"})
    assert refused.status_code in (503, 507)
    assert service.get(f"/stacks/{healthy.uuid}").status_code == 200
    assert healthy.containers == before

    filling.unlink()
    for run in accepted:
        wait_until(
            lambda run=run: _status(service, healthy.uuid, run) in ("skipped", "failed"),
            "what was accepted ends",
        )
    healthy.heal()
    with sqlite3.connect(service.storage / "supervisor.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()


def _status(service: Service, stack: str, run: str) -> str:
    return str(service.get(f"/stacks/{stack}/runs/{run}").json()["status"])


def _minimal(repository: Repository) -> Stack:
    return {
        "git_repository": repository.url,
        "git_reference": "main",
        "compose_file": "compose.yml",
        "strategy": "polling",
        "polling_interval": 600,
    }


@pytest.mark.row("P6")
def test_a_commit_that_does_not_fit_on_the_disk(
    on_small_disk: Service, engine: Engine, repository: Repository
) -> None:
    service = on_small_disk
    healthy = healthy_stack(service, engine, repository)
    repository.commit(two_services("big") | {"big": random.Random(1).randbytes(30_000_000)})
    message = healthy.fail()
    assert "The disk is full: free space" in message
    assert healthy.version == "1"
    repository.rewind("HEAD~1")
    healthy.heal()


@contextmanager
def locked(service: Service) -> Iterator[sqlite3.Connection]:
    """Hold the database; a rollback of what is given lets it go."""
    path = service.storage / "supervisor.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield holder


@pytest.mark.row("P7")
def test_a_locked_database_is_waited_for_and_then_refused_with_a_time_to_come_back(
    shared_service: Service, healthy: Healthy
) -> None:
    with locked(shared_service) as holder, ThreadPoolExecutor() as pool:
        waiting = pool.submit(deliver, shared_service, healthy.uuid)
        time.sleep(0.5)
        for _ in range(5):  # whoever only reads waits for nobody
            assert shared_service.get("/up").status_code == 200
        assert not waiting.done()
        holder.rollback()
        accepted = waiting.result()
    assert accepted.status_code == 202, accepted.text
    shared_service.wait_for_run(healthy.uuid, run_of(accepted), status="skipped")

    with locked(shared_service):
        refused = deliver(shared_service, healthy.uuid)
        assert refused.status_code == 503, refused.text
        assert int(refused.headers["Retry-After"]) > 0
    healthy.heal()
