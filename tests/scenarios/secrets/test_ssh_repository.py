"""A stack on an SSH server: deployed and polled with its own key, stopped by a foreign host key."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import StartService
from tests.support.canaries import Canary, found_in_files
from tests.support.engine import Engine
from tests.support.proc import Watch
from tests.support.repository import Repository, two_services
from tests.support.service import Service
from tests.support.ssh_server import SshServer
from tests.support.triggers import run_of, webhook
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stacks_are_deleted")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    with SshServer(tmp_path / "ssh") as server:
        yield server


def test_a_stack_follows_an_ssh_repository_and_its_key_turns_up_nowhere(
    start_service: StartService, engine: Engine, repository: Repository, server: SshServer
) -> None:
    known_hosts = server.folder / "known_hosts"
    known_hosts.write_text(server.known_hosts)
    service = start_service(
        SUPERVISOR_LOG_LEVEL="debug", SUPERVISOR_GIT_KNOWN_HOSTS_FILE=str(known_hosts)
    )
    canary = Canary("ssh key", server.client_key.splitlines()[2])
    with Watch() as watch:
        stack = service.create_stack(
            git_repository=server.url(repository.path),
            git_ssh_key=server.client_key,
            strategy="polling",
            polling_interval=1,
        )
        uuid = stack["uuid"]
        service.wait_for_run(uuid)
        commit = repository.commit(two_services("2"))
        wait_until(
            lambda: service.get(f"/stacks/{uuid}").json()["commit"] == commit, "a poll sees it"
        )
    assert engine.run_inside(stack["project"], "web", "cat", "/www/version") == "2"
    assert watch.saw(b"IdentityFile=/proc/")
    assert not any(canary.found_in(line) for line in watch.seen)
    assert found_in_files([canary], service.storage) == []
    assert not canary.found_in(service.log_text.encode())
    shown = service.get(f"/stacks/{uuid}")
    assert shown.json()["git_ssh_key"] == "********"
    assert not canary.found_in(shown.content)


@pytest.mark.row("G18")
def test_a_foreign_host_key_stops_a_deploy_and_a_known_one_lets_it_go_on(
    shared_service: Service, repository: Repository, server: SshServer
) -> None:
    elsewhere = server.known_hosts.replace("127.0.0.1", "192.0.2.1")
    stack = shared_service.create_stack(
        git_repository=server.url(repository.path),
        git_ssh_key=server.client_key,
        git_known_hosts=elsewhere,
    )
    uuid = stack["uuid"]
    failed = shared_service.wait_for_run(uuid, status="failed")
    assert server.fingerprint in failed["message"]
    known = {"git_known_hosts": server.known_hosts}
    shared_service.wait_for_run(uuid, run_of(shared_service.patch(f"/stacks/{uuid}", json=known)))

    server.change_host_key()
    repository.commit(two_services("2"))
    failed = shared_service.wait_for_run(uuid, webhook(shared_service, uuid), status="failed")
    assert "has changed" in failed["message"]
    assert server.fingerprint in failed["message"]
