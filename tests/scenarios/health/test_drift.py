"""Drift: what happens to a stack from outside is seen, and put back where that is wanted."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import StartService
from tests.scenarios.health.steps import (
    Run,
    Stack,
    checks,
    deployed,
    inspect,
    repository_of,
    script,
    shown,
    still,
    version,
    web_and_db,
)
from tests.support.compose_files import compose
from tests.support.engine import Engine, docker
from tests.support.engine_proxy import EngineProxy
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import control, webhook
from tests.support.waiting import wait_until

Damage = Callable[[Engine, Stack, Path], None]
SOON = 60  # a second or two, on a machine that has other things to do


def web_of(engine: Engine, stack: Stack) -> str:
    return engine.containers(stack["project"])["web"]


def removed(engine: Engine, stack: Stack, folder: Path) -> None:
    docker("rm", "--force", web_of(engine, stack))


def stopped(engine: Engine, stack: Stack, folder: Path) -> None:
    docker("stop", web_of(engine, stack))


def killed(engine: Engine, stack: Stack, folder: Path) -> None:
    docker("kill", web_of(engine, stack))


def paused(engine: Engine, stack: Stack, folder: Path) -> None:
    docker("pause", web_of(engine, stack))


def recreated(engine: Engine, stack: Stack, folder: Path) -> None:
    file = folder / "other.yml"
    file.write_text(compose({"web": still("from elsewhere")})["compose.yml"])
    docker("compose", "--project-name", stack["project"], "--file", str(file), "up", "--detach")


DAMAGES = [
    pytest.param(removed, "container is missing", id="removed"),
    pytest.param(stopped, "is exited (exit code 137)", id="stopped"),
    pytest.param(killed, "is exited (exit code 137)", id="killed"),
    pytest.param(paused, "is paused (exit code 0)", id="paused"),
    pytest.param(recreated, "was changed from outside", id="recreated"),
]


@pytest.mark.parametrize(("damage", "difference"), DAMAGES)
def test_what_differs_is_shown_and_left_alone_where_nobody_wants_it_healed(
    shared_service: Service,
    engine: Engine,
    repository: Repository,
    tmp_path: Path,
    damage: Damage,
    difference: str,
) -> None:
    stack = deployed(shared_service, repository, self_heal=False)
    damage(engine, stack, tmp_path)
    wait_until(lambda: shown(shared_service, stack)["drift"], "drift is shown", SOON)
    now = shown(shared_service, stack)
    assert (now["drift"], now["healthy"], now["state"]) == ({"web": difference}, False, "active")
    assert len(shared_service.runs(stack["uuid"])) == 1

    run = control(shared_service, stack["uuid"], "redeploy")
    shared_service.wait_for_run(stack["uuid"], run)
    wait_until(lambda: is_well(shared_service, stack), "all is well", SOON)
    assert version(engine, stack) == "1"


def is_well(service: Service, stack: Stack) -> bool:
    now = shown(service, stack)
    return bool(now["healthy"] is True and now["drift"] == {})


@pytest.mark.parametrize("damage", [removed, stopped, killed, paused, recreated])
def test_what_differs_is_put_back_by_a_run_with_its_own_trigger(
    shared_service: Service,
    engine: Engine,
    repository: Repository,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    damage: Damage,
) -> None:
    stack = deployed(shared_service, repository)
    db = engine.containers(stack["project"])["db"]
    damage(engine, stack, tmp_path)
    began = time.monotonic()
    run = healed(shared_service, stack)
    record_property("healed after seconds", round(time.monotonic() - began, 1))
    assert (run["action"], run["trigger"]) == ("heal", "drift")
    assert run["commit_after"] == stack["commit"]
    assert inspect(engine, stack, "web", ".State.Status") == "running"
    assert version(engine, stack) == "1"
    assert engine.containers(stack["project"])["db"] == db
    wait_until(lambda: is_well(shared_service, stack), "all is well", SOON)
    assert len(shared_service.runs(stack["uuid"])) == 2


def healed(service: Service, stack: Stack, count: int = 1) -> Run:
    """Wait until so many runs have healed the stack; return the last."""
    wait_until(lambda: len(heals(service, stack)) >= count, f"{count} runs heal", SOON)
    return service.wait_for_run(stack["uuid"], heals(service, stack)[0]["uuid"])


def heals(service: Service, stack: Stack) -> list[Run]:
    """Return the runs that healed, without those that have to wait, newest first."""
    runs = service.runs(stack["uuid"])
    return [run for run in runs if run["trigger"] == "drift" and run["status"] != "skipped"]


def test_an_unhealthy_service_is_shown_though_nothing_was_changed(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    health = {"test": ["CMD-SHELL", "! test -e /ill"], "interval": "1s", "retries": 1}
    files = compose({"web": still(healthcheck=health), "db": still()})
    stack = deployed(shared_service, repository_of(tmp_path / "r", files), health_timeout=30)
    engine.run_inside(stack["project"], "web", "touch", "/ill")
    wait_until(lambda: shown(shared_service, stack)["healthy"] is False, "it is seen", SOON)
    assert shown(shared_service, stack)["drift"] == {"web": "is unhealthy"}
    engine.run_inside(stack["project"], "web", "rm", "/ill")
    wait_until(lambda: is_well(shared_service, stack), "it is well again", SOON)
    assert heals(shared_service, stack) == []


@pytest.mark.long
def test_a_job_that_takes_longer_than_the_gate_is_not_done_over_and_over(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    files = compose({"job": script("sleep 4"), "web": still()})
    stack = deployed(shared_service, repository_of(tmp_path / "r", files), health_timeout=30)
    started = inspect(engine, stack, "job", ".State.StartedAt")

    def has_ended() -> bool:
        return bool(inspect(engine, stack, "job", ".State.Status") == "exited")

    wait_until(has_ended, "the job has ended", SOON)
    time.sleep(3)  # the watcher looks
    assert inspect(engine, stack, "job", ".State.StartedAt") == started
    assert heals(shared_service, stack) == []
    assert is_well(shared_service, stack)

    shared_service.restart()
    time.sleep(3)
    assert heals(shared_service, stack) == []
    assert inspect(engine, stack, "job", ".State.StartedAt") == started
    removed(engine, stack, tmp_path)
    healed(shared_service, stack)
    wait_until(has_ended, "the job has ended", SOON)


def test_a_service_that_is_asked_to_end_and_does_so_well_is_put_back(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    polite = script("trap 'exit 0' TERM; while true; do sleep 0.1; done", stop_grace_period="5s")
    files = compose({"web": polite})
    stack = deployed(shared_service, repository_of(tmp_path / "r", files), health_timeout=30)
    stopped(engine, stack, tmp_path)
    assert inspect(engine, stack, "web", ".State.ExitCode") == 0
    healed(shared_service, stack)
    assert inspect(engine, stack, "web", ".State.Status") == "running"


def test_somebody_who_kills_a_container_again_and_again_does_not_make_the_stack_flap(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository)

    def healed_twice() -> bool:
        docker("kill", web_of(engine, stack), check=False)
        return len(heals(shared_service, stack)) > 1

    wait_until(healed_twice, "it is put back twice", every=0.2)
    healed(shared_service, stack, 2)
    wait_until(lambda: is_well(shared_service, stack), "all is well", SOON)
    first, second, *_third = (
        datetime.fromisoformat(run["created_at"]) for run in heals(shared_service, stack)[::-1]
    )
    assert second - first >= timedelta(seconds=10)


# The stream of events.


def listener_of(service: Service) -> psutil.Process | None:
    """Return the child that listens to the engine."""
    for process in service.processes:
        try:
            if process.cmdline()[1:2] == ["events"]:
                return process
        except psutil.NoSuchProcess:
            continue
    return None


@pytest.mark.long
def test_what_happened_while_the_stream_of_events_was_broken_is_found_afterwards(
    service: Service, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    stack = deployed(service, repository)
    for count in (1, 2):
        listener = wait_until(lambda: listener_of(service), "somebody listens", SOON)
        listener.kill()
        removed(engine, stack, tmp_path)
        healed(service, stack, count)
        assert version(engine, stack) == "1"
        service.wait_for_run(stack["uuid"])
    wait_until(lambda: is_well(service, stack), "all is well", SOON)
    assert service.log_text.count("events broke off") == 1


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[EngineProxy]:
    """A way to the engine that can be cut."""
    with EngineProxy(tmp_path) as proxy:
        yield proxy


def test_what_happened_while_the_engine_could_not_be_reached_is_put_back_once_it_can(
    start_service: StartService,
    engine: Engine,
    repository: Repository,
    tmp_path: Path,
    proxy: EngineProxy,
) -> None:
    service = start_service(DOCKER_HOST=proxy.address)
    stack = deployed(service, repository)
    proxy.cut()
    removed(engine, stack, tmp_path)
    wait_until(lambda: "events broke off" in service.log_text, "the break is noticed", SOON)
    time.sleep(4)  # some attempts to listen again
    assert heals(service, stack) == []
    proxy.restore()
    healed(service, stack)
    assert version(engine, stack) == "1"
    wait_until(lambda: is_well(service, stack), "all is well", SOON)
    broken = [line for line in service.log_text.splitlines() if "events" in line]
    assert len(broken) == 1


# What a person holds.


def test_what_a_person_stopped_stays_stopped_over_everything_until_start(
    service: Service, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    stack = deployed(service, repository, polling_interval=1)
    uuid = stack["uuid"]
    service.wait_for_run(uuid, control(service, uuid, "stop"))
    now = shown(service, stack)
    assert (now["state"], now["healthy"], now["drift"]) == ("stopped", False, {})
    repository.commit(web_and_db("2"))
    checks(service, stack, 2)
    service.wait_for_run(uuid, webhook(service, uuid), status="skipped")
    removed(engine, stack, tmp_path)
    service.restart()
    checks(service, stack, 2)
    assert engine.containers(stack["project"], running=True) == {}
    assert heals(service, stack) == []
    now = shown(service, stack)
    assert (now["state"], now["drift"]) == ("stopped", {})

    service.wait_for_run(uuid, control(service, uuid, "start"))
    wait_until(lambda: shown(service, stack)["commit"] == repository.head, "it is deployed")
    assert version(engine, stack) == "2"
    assert set(engine.containers(stack["project"], running=True)) == {"web", "db"}
    wait_until(lambda: is_well(service, stack), "all is well", SOON)


def test_a_stop_right_after_damage_is_what_counts(
    shared_service: Service, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    stack = deployed(shared_service, repository)
    for damage in (removed, killed):
        damage(engine, stack, tmp_path)
        stop = control(shared_service, stack["uuid"], "stop")
        shared_service.wait_for_run(stack["uuid"], stop)
        time.sleep(2)  # the watcher looks
        assert engine.containers(stack["project"], running=True) == {}
        start = control(shared_service, stack["uuid"], "start")
        shared_service.wait_for_run(stack["uuid"], start)


def suspend(service: Service, stack: Stack, **facts: Any) -> None:
    body = {"command": "suspend"} | facts
    answer = service.post(f"/stacks/{stack['uuid']}/control", json=body)
    assert answer.status_code == 204, answer.text


def test_a_suspended_stack_is_left_alone_by_all_but_persons_and_catches_up_on_resume(
    shared_service: Service, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    stack = deployed(shared_service, repository, polling_interval=1)
    uuid = stack["uuid"]
    suspend(shared_service, stack, reason="the database is being moved")
    now = shown(shared_service, stack)
    assert (now["suspended"], now["suspended_reason"], now["suspended_until"]) == (
        True,
        "the database is being moved",
        None,
    )
    repository.commit(web_and_db("2"))
    checks(shared_service, stack, 2)
    held = shared_service.wait_for_run(uuid, webhook(shared_service, uuid), status="skipped")
    assert "suspended" in held["message"]
    removed(engine, stack, tmp_path)
    wait_until(lambda: shown(shared_service, stack)["drift"], "drift is shown", SOON)
    time.sleep(2)
    assert set(engine.containers(stack["project"])) == {"db"}

    shared_service.wait_for_run(uuid, control(shared_service, uuid, "redeploy"))
    assert version(engine, stack) == "2"
    repository.commit(web_and_db("3"))
    checks(shared_service, stack, 2)
    assert version(engine, stack) == "2"

    answer = shared_service.post(f"/stacks/{uuid}/control", json={"command": "resume"})
    assert answer.status_code == 204
    wait_until(lambda: shown(shared_service, stack)["commit"] == repository.head, "it catches up")
    now = shown(shared_service, stack)
    assert (now["suspended"], now["suspended_reason"]) == (False, None)
    assert version(engine, stack) == "3"
    assert shared_service.runs(uuid)[0]["trigger"] == "recovery"


def test_a_suspension_ends_by_itself_and_what_was_held_is_done(
    shared_service: Service, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    stack = deployed(shared_service, repository)
    until = datetime.now(UTC) + timedelta(seconds=4)
    suspend(shared_service, stack, until=until.isoformat())
    ends = shown(shared_service, stack)["suspended_until"]
    assert abs(datetime.fromisoformat(ends) - until) < timedelta(milliseconds=2)
    docker("kill", engine.containers(stack["project"])["db"])
    wait_until(lambda: shown(shared_service, stack)["drift"], "drift is shown", SOON)
    healed(shared_service, stack)
    assert datetime.now(UTC) > until
    assert shown(shared_service, stack)["suspended"] is False
    assert inspect(engine, stack, "db", ".State.Status") == "running"
