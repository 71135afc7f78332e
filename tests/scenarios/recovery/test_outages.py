"""The engine goes away in the middle of a deploy, or the disk is full; and both come back."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartService
from tests.support.aftermath import (
    all_ended,
    commands_of_runs,
    database_is_sound,
    leftovers,
)
from tests.support.compose_files import compose, sleeper
from tests.support.engine import Engine, docker
from tests.support.engine_proxy import EngineProxy
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import webhook
from tests.support.waiting import wait_until

pytestmark = pytest.mark.long


class Outage:
    """A stack that is deployed while something goes wrong."""

    jobs = 0  # services whose containers end well, and stay

    def __init__(self, service: Service, engine: Engine, repository: Repository) -> None:
        self.service, self.engine, self.repository = service, engine, repository
        self.version = 0
        self.commit()
        self.stack = service.create_stack(git_repository=repository.url, health_timeout=100)
        service.wait_for_run(self.uuid)
        self.db = self.containers["db"]

    @property
    def uuid(self) -> str:
        return str(self.stack["uuid"])

    @property
    def containers(self) -> dict[str, str]:
        return self.engine.containers(self.stack["project"], running=True)

    def files(self) -> dict[str, str]:
        return compose({"web": sleeper(environment=self.environment), "db": sleeper()})

    @property
    def environment(self) -> dict[str, str]:
        return {"VERSION": str(self.version)}

    def commit(self) -> None:
        self.version += 1
        self.repository.commit(self.files())

    def begin(self, step: str) -> str:
        """Deploy the next version up to a step; return the run."""
        self.commit()
        run = webhook(self.service, self.uuid)
        wait_until(lambda: self.step() == step, f"the run is at {step}", every=0.02)
        return run

    def step(self) -> Any:
        return self.service.runs(self.uuid)[0]["step"]

    def is_deployed(self) -> bool:
        """Tell whether the newest commit runs, as far as the service knows."""
        stack = self.service.get(f"/stacks/{self.uuid}").json()
        return bool(stack["commit"] == self.repository.head and stack["healthy"])

    def check(self) -> None:
        """Make sure that the newest version runs, once, and that nothing is left over."""
        assert f"VERSION={self.version}" in self.engine.run_inside(
            self.stack["project"], "web", "env"
        )
        label = f"label=com.docker.compose.project={self.stack['project']}"
        every = docker("ps", "--all", "--quiet", "--filter", label).split()
        assert len(every) == len(self.containers) + self.jobs
        assert self.containers["db"] == self.db
        assert commands_of_runs(self.service) == {}
        assert leftovers(self.service) == []
        database_is_sound(self.service)


class SlowUp(Outage):
    """`up` takes 3 seconds: `web` waits for a job to end."""

    jobs = 1

    def files(self) -> dict[str, str]:
        job = sleeper(command=["sleep", "3"], environment=self.environment)
        after = {"job": {"condition": "service_completed_successfully"}}
        web = sleeper(environment=self.environment, depends_on=after)
        return compose({"job": job, "web": web, "db": sleeper()})


class SlowGate(Outage):
    """`web` becomes healthy when it is let, from its second version on."""

    def files(self) -> dict[str, str]:
        health = {"test": ["CMD", "test", "-e", "/ready"], "interval": "1s", "retries": 200}
        ready = "touch /ready;" if self.version == 1 else ""
        web = sleeper(
            command=["sh", "-c", f"{ready} exec sleep 1000000"],
            environment=self.environment,
            healthcheck=health,
        )
        return compose({"web": web, "db": sleeper()})

    def is_deployed(self) -> bool:
        if "web" in self.containers:
            docker("exec", self.containers["web"], "touch", "/ready", check=False)
        return super().is_deployed()


def goes_away_for_a_while(proxy: EngineProxy) -> None:
    proxy.cut()
    time.sleep(3)
    proxy.restore()


def breaks_off_what_is_open(proxy: EngineProxy) -> None:
    proxy.blink()


def does_not_answer_for_a_while(proxy: EngineProxy) -> None:
    proxy.delay.set()
    time.sleep(6)
    proxy.delay.clear()


@pytest.mark.row("D17")
@pytest.mark.parametrize(
    "engine_fault",
    [goes_away_for_a_while, breaks_off_what_is_open, does_not_answer_for_a_while],
)
def test_an_engine_that_goes_away_during_a_deploy_gets_the_newest_commit_when_it_is_back(
    start_service: StartService,
    engine: Engine,
    tmp_path: Path,
    engine_fault: Callable[[EngineProxy], None],
) -> None:
    with EngineProxy(tmp_path) as proxy:
        service = start_service(DOCKER_HOST=proxy.address)
        stacks = [
            SlowUp(service, engine, Repository(tmp_path / "up")),
            SlowGate(service, engine, Repository(tmp_path / "gate")),
        ]
        stacks[1].begin("gate")
        stacks[0].begin("up")
        assert stacks[1].step() == "gate"
        engine_fault(proxy)
        for stack in stacks:
            wait_until(stack.is_deployed, "the newest commit is deployed", seconds=90)
            all_ended(service, stack.uuid)
        for stack in stacks:
            stack.check()


# The disk


def fill(folder: Path) -> Path:
    """Write a file that leaves nothing free; return it."""
    path = folder / "filling"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    assert os.statvfs(folder).f_bavail == 0
    return path


@pytest.mark.row("P6")
def test_a_disk_that_fills_up_during_a_deploy_and_has_room_again(
    on_small_disk: Service, engine: Engine, tmp_path: Path
) -> None:
    stack = SlowUp(on_small_disk, engine, Repository(tmp_path / "up"))
    run = stack.begin("up")
    filling = fill(on_small_disk.storage)
    before = stack.containers["web"]
    wait_until(lambda: stack.containers.get("web") not in (None, before), "it is deployed")
    time.sleep(3)  # its end cannot be stored
    assert f"VERSION={stack.version}" in engine.run_inside(stack.stack["project"], "web", "env")
    assert on_small_disk.get(f"/stacks/{stack.uuid}").status_code == 200
    filling.unlink()
    on_small_disk.wait_for_run(stack.uuid, run)
    wait_until(stack.is_deployed, "the newest commit is deployed")
    stack.check()


@pytest.mark.row("P6")
def test_a_service_that_was_killed_on_a_full_disk_starts_and_goes_on_when_there_is_room(
    on_small_disk: Service, engine: Engine, tmp_path: Path
) -> None:
    stack = SlowUp(on_small_disk, engine, Repository(tmp_path / "up"))
    run = stack.begin("up")
    filling = fill(on_small_disk.storage)
    on_small_disk.kill()
    on_small_disk.start(healthy=False)
    time.sleep(3)
    filling.unlink()
    assert all_ended(on_small_disk, stack.uuid)[run] == "interrupted"
    wait_until(stack.is_deployed, "the newest commit is deployed")
    stack.check()


def test_a_commit_that_was_taken_back_while_the_service_was_dead_does_not_stay(
    start_service: StartService, engine: Engine, tmp_path: Path
) -> None:
    """The pending webhook finds the commit that was applied last, but that isn't what runs."""
    service = start_service()
    stack = SlowUp(service, engine, Repository(tmp_path / "up"))
    stack.begin("up")
    pending = webhook(service, stack.uuid)
    old = stack.containers.get("web")
    wait_until(lambda: stack.containers.get("web") not in (None, old), "the new one runs")
    service.kill()
    stack.repository.rewind("HEAD~1")
    stack.version -= 1
    service.start()
    assert all_ended(service, stack.uuid)[pending] == "succeeded"
    stack.check()
