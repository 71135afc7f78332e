"""The process that starts commands, as the service has it."""

from pathlib import Path

import psutil

from tests.conftest import StartService
from tests.support.engine import Engine
from tests.support.repository import Repository
from tests.support.service import Service, is_alive
from tests.support.waiting import wait_until

STARTER = "supervisor.commands.process.starter"


def test_the_service_begins_with_a_copy_that_has_nothing_of_its_open_files(
    shared_service: Service,
) -> None:
    worker = psutil.Process(shared_service.pid).children()[0]
    copy = worker.children()[0]
    assert copy.cmdline() == worker.cmdline()
    held = [str(entry.readlink()) for entry in Path(f"/proc/{copy.pid}/fd").iterdir()]
    assert not [each for each in held if each.startswith(("socket:", str(shared_service.storage)))]


def test_where_that_copy_was_killed_another_starter_takes_its_place(
    start_service: StartService, engine: Engine, repository: Repository
) -> None:
    service = start_service()
    worker = psutil.Process(service.pid).children()[0]
    copy = worker.children()[0]
    copy.kill()
    wait_until(lambda: not is_alive(copy), "it is gone")
    stack = service.create_stack(git_repository=repository.url)
    service.wait_for_run(stack["uuid"])
    assert STARTER in {each.cmdline()[-1] for each in worker.children()}
