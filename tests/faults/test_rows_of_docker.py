"""What an engine, a registry or a stack may do that the other tests don't have."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import StartService
from tests.support import ROOT
from tests.support.aftermath import commands_of_runs
from tests.support.compose_files import built, compose, sleeper
from tests.support.engine import BASE_IMAGE, Engine, docker
from tests.support.repository import Repository, two_services
from tests.support.service import Service
from tests.support.triggers import control, webhook
from tests.support.waiting import wait_until

pytestmark = pytest.mark.long


@pytest.fixture
def silent_registry() -> Iterator[str]:
    """A registry that takes every connection and never says a word; give its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken: list[socket.socket] = []

        def take() -> None:
            with suppress(OSError):
                while True:
                    taken.append(listener.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


@pytest.mark.row("D7", "C10")
def test_a_pull_that_hangs_ends_at_its_limit_and_holds_nobody_up(
    start_service: StartService,
    engine: Engine,
    repository: Repository,
    tmp_path: Path,
    silent_registry: str,
) -> None:
    service = start_service(SUPERVISOR_PULL_SECONDS="4", SUPERVISOR_CONCURRENCY="2")
    stack = service.create_stack(git_repository=repository.url)
    service.wait_for_run(stack["uuid"])
    before = engine.containers(stack["project"], running=True)
    files = compose({"web": sleeper(image=f"{silent_registry}/none:1"), "db": sleeper()})
    repository.commit(files)
    hanging = webhook(service, stack["uuid"])
    other = Repository(tmp_path / "other")
    other.commit(two_services("1"))
    neighbour = service.create_stack(git_repository=other.url)
    beside = service.wait_for_run(neighbour["uuid"])
    failed = service.wait_for_run(stack["uuid"], hanging, status="failed")
    assert beside["started_at"] < failed["finished_at"]
    assert "took longer than 4 s" in failed["message"]
    assert engine.containers(stack["project"], running=True) == before
    assert commands_of_runs(service) == {}
    repository.commit(two_services("2"))
    service.wait_for_run(stack["uuid"], webhook(service, stack["uuid"]))


@pytest.mark.row("D15")
def test_a_build_that_never_ends_ends_at_its_limit(
    start_service: StartService, engine: Engine, tmp_path: Path
) -> None:
    service = start_service(SUPERVISOR_BUILD_SECONDS="5")
    repository = Repository(tmp_path / "built")
    repository.commit(built("trap '' TERM; echo building; (sleep 1000 &); sleep 1000"))
    stack = service.create_stack(git_repository=repository.url)
    failed = service.wait_for_run(stack["uuid"], status="failed")
    assert "took longer than 5 s" in failed["message"]
    wait_until(lambda: commands_of_runs(service) == {}, "no command is left")
    repository.commit(built("echo done"))
    service.wait_for_run(stack["uuid"], webhook(service, stack["uuid"]))
    assert set(engine.containers(stack["project"], running=True)) == {"web"}


@pytest.mark.row("D10")
@pytest.mark.parametrize("claim", ["name", ".env"])
def test_a_project_that_claims_to_be_another_stays_its_own(
    shared_service: Service, engine: Engine, repository: Repository, tmp_path: Path, claim: str
) -> None:
    victim = shared_service.create_stack(git_repository=repository.url)
    shared_service.wait_for_run(victim["uuid"])
    theirs = engine.containers(victim["project"])
    claimant = Repository(tmp_path / "claimant")
    if claim == "name":
        claimant.commit(compose({"web": sleeper()}, name=victim["project"]))
    else:
        name = f"COMPOSE_PROJECT_NAME={victim['project']}\n"
        claimant.commit(compose({"web": sleeper()}) | {".env": name})
    stack = shared_service.create_stack(git_repository=claimant.url)
    shared_service.wait_for_run(stack["uuid"])
    assert set(engine.containers(stack["project"], running=True)) == {"web"}
    assert engine.containers(victim["project"]) == theirs
    assert shared_service.delete(f"/stacks/{stack['uuid']}").status_code == 204
    wait_until(lambda: engine.containers(stack["project"]) == {}, "the claimant is gone")
    assert engine.containers(victim["project"], running=True) == theirs


@pytest.mark.row("D16")
def test_somebody_elses_container_is_not_touched(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    name = f"supervisor-test-foreign-{repository.head[:12]}"
    foreign = docker("run", "--detach", "--name", name, BASE_IMAGE, "sleep", "1000000")
    try:
        started = docker("inspect", "--format", "{{.State.StartedAt}}", foreign)
        stack = shared_service.create_stack(git_repository=repository.url)
        shared_service.wait_for_run(stack["uuid"])
        files = compose({"web": sleeper(container_name=name), "db": sleeper()})
        repository.commit(files)
        run = webhook(shared_service, stack["uuid"])
        failed = shared_service.wait_for_run(stack["uuid"], run, status="failed")
        assert name in failed["message"]
        assert docker("inspect", "--format", "{{.State.StartedAt}}", foreign) == started
        assert set(engine.containers(stack["project"], running=True)) == {"web", "db"}
    finally:
        docker("rm", "--force", foreign)


@pytest.mark.row("D22")
def test_a_command_that_does_not_fit_fails_and_the_state_is_that_of_the_containers(
    shared_service: Service, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    stack = shared_service.create_stack(git_repository=repository.url)
    uuid = stack["uuid"]
    shared_service.wait_for_run(uuid)
    shared_service.wait_for_run(uuid, control(shared_service, uuid, "stop"))
    run = control(shared_service, uuid, "unpause")
    ended = wait_until(
        lambda: next(
            (
                r
                for r in shared_service.runs(uuid)
                if r["uuid"] == run and r["status"] not in ("pending", "running")
            ),
            None,
        ),
        "it ended",
    )
    shown = shared_service.get(f"/stacks/{uuid}").json()
    running = engine.containers(stack["project"], running=True)
    assert (ended["status"], shown["state"], running) in (
        ("failed", "stopped", {}),
        ("succeeded", "stopped", {}),
    )

    empty = Repository(tmp_path / "empty")
    never = shared_service.create_stack(git_repository=empty.url)
    shared_service.wait_for_run(never["uuid"], status="failed")
    for command in ("start", "stop", "restart", "pause", "unpause", "rollback"):
        run = control(shared_service, never["uuid"], command)
        failed = shared_service.wait_for_run(never["uuid"], run, status="failed")
        assert failed["message"]
    assert engine.containers(never["project"]) == {}


POWERS = {
    "privileged": True,
    "pid": "host",
    "network_mode": "host",
    "cap_add": ["ALL"],
    "devices": ["/dev/null:/dev/zero2"],
    "security_opt": ["apparmor=unconfined"],
    "volumes": ["/:/host:ro", "/var/run/docker.sock:/engine.sock"],
}


@pytest.mark.row("D13")
@pytest.mark.parametrize("power", POWERS)
def test_a_stack_may_ask_for_power_over_the_host_and_the_docs_say_so(
    start_service: StartService, engine: Engine, tmp_path: Path, power: str
) -> None:
    repository = Repository(tmp_path / "powerful")
    repository.commit(compose({"web": sleeper(**{power: POWERS[power]})}))
    service = start_service()
    stack = service.create_stack(git_repository=repository.url)
    wait_until(lambda: service.runs(stack["uuid"])[0]["finished_at"], "the deploy has ended")
    [run] = service.runs(stack["uuid"])
    # Not every machine that runs tests lets its engine give every power away.
    assert run["status"] == "succeeded" or "OCI runtime create failed" in run["message"]
    assert "can push to a repository that Supervisor follows can become root" in (
        (ROOT / "docs" / "install.md").read_text()
    )
