"""What was accepted is done, whatever happens to the service in between."""

import random
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.conftest import StartService
from tests.support.aftermath import (
    all_ended,
    commands_of,
    commands_of_runs,
    database_is_sound,
    statuses,
)
from tests.support.compose_files import compose, sleeper, slow
from tests.support.engine import Engine, docker
from tests.support.repository import Repository, two_services
from tests.support.service import UNFINISHED, Service
from tests.support.triggers import control, deliver, run_of, webhook
from tests.support.waiting import wait_until, well_within


def wait_for_step(service: Service, stack: str, step: str) -> dict[str, Any]:
    """Wait until the stack's newest run is at a step; return the run."""

    def there() -> dict[str, Any] | None:
        run = service.runs(stack)[0]
        assert run["status"] in UNFINISHED, run
        return run if run["step"] == step else None

    return wait_until(there, f"a run is at {step}")


@pytest.fixture
def slow_repository(tmp_path: Path) -> Repository:
    """A stack whose `up` takes 3 seconds each time its version changes."""
    repository = Repository(tmp_path / "slow")
    repository.commit(slow(3))
    return repository


@pytest.mark.row("P3")
@pytest.mark.long
def test_what_was_accepted_before_a_kill_is_done_after_it(
    start_service: StartService, engine: Engine, repository: Repository
) -> None:
    service = start_service()
    created = service.create_stack(git_repository=repository.url)
    service.kill()
    service.start()
    service.wait_for_run(created["uuid"])
    all_ended(service, created["uuid"])
    assert set(engine.containers(created["project"], running=True)) == {"web", "db"}

    repository.commit(two_services("2"))
    accepted = webhook(service, created["uuid"])
    service.kill()
    database_is_sound(service)
    service.start()
    found = all_ended(service, created["uuid"])
    assert found[accepted] in ("succeeded", "interrupted")
    assert engine.run_inside(created["project"], "web", "cat", "/www/version") == "2"

    accepted = control(service, created["uuid"], "stop")
    service.kill()
    service.start()
    found = all_ended(service, created["uuid"])
    assert found[accepted] in ("succeeded", "interrupted")
    assert engine.containers(created["project"], running=True) == {}
    assert service.get(f"/stacks/{created['uuid']}").json()["state"] == "stopped"

    assert service.delete(f"/stacks/{created['uuid']}").status_code == 204
    service.kill()
    service.start()
    wait_until(
        lambda: service.get(f"/stacks/{created['uuid']}").status_code == 404, "the stack is gone"
    )
    assert engine.containers(created["project"]) == {}


@pytest.mark.row("P3")
@pytest.mark.long
def test_no_accepted_trigger_is_lost_in_a_storm_that_a_kill_ends(
    start_service: StartService, repository: Repository
) -> None:
    """Kill at a random moment while triggers come, again and again; each 2xx has its run."""
    service = start_service(SUPERVISOR_LOG_LEVEL="warning")
    stacks = [service.create_stack(git_repository=repository.url)["uuid"] for _ in range(3)]
    chance = random.Random(3)
    accepted: dict[str, set[str]] = {stack: set() for stack in stacks}

    def trigger(number: int) -> None:
        stack = stacks[number % len(stacks)]
        try:
            answer = deliver(service, stack)
        except requests.RequestException:
            return  # never answered, so never accepted
        if answer.status_code == 202:
            accepted[stack].add(run_of(answer))

    for _round in range(3):
        with ThreadPoolExecutor(8) as pool:
            for number in range(17):
                pool.submit(trigger, number)
            time.sleep(chance.uniform(0, 0.3))
            service.kill()
        database_is_sound(service)
        service.start()
        # In each round: a run that is cut off three times is given up, by rule.
        for stack in stacks:
            found = all_ended(service, stack)
            assert accepted[stack] <= set(found)
            assert "failed" not in found.values()
            newest = service.runs(stack)[0]
            assert newest["status"] in ("succeeded", "skipped")


def test_fifty_runs_that_a_kill_left_behind_are_done_in_bounded_time(
    start_service: StartService, repository: Repository
) -> None:
    service = start_service(SUPERVISOR_CONCURRENCY="2")
    # What nobody deploys: each ends at once, so that the queue's own speed is seen.
    fields = {"git_repository": repository.url, "git_reference": "refs/heads/none"}
    stacks = [service.create_stack(**fields)["uuid"] for _ in range(50)]
    service.kill()
    database_is_sound(service)
    service.start()
    with well_within(200):
        for stack in stacks:
            found = all_ended(service, stack)
            assert "failed" in found.values()
            assert set(found.values()) <= {"failed", "interrupted"}


@pytest.mark.row("P2")
def test_a_run_cut_off_by_a_kill_is_recorded_and_done_again_and_leaves_no_process(
    start_service: StartService, engine: Engine, slow_repository: Repository
) -> None:
    service = start_service()
    stack = service.create_stack(git_repository=slow_repository.url)
    cut_off = wait_for_step(service, stack["uuid"], "up")
    wait_until(lambda: commands_of_runs(service), "docker compose runs")
    service.kill()
    wait_until(lambda: not commands_of(service), "no command outlives the service")
    database_is_sound(service)

    service.start()
    found = all_ended(service, stack["uuid"])
    assert found[cut_off["uuid"]] == "interrupted"
    again = service.runs(stack["uuid"])[0]
    assert (again["status"], again["trigger"], again["attempts"]) == ("succeeded", "recovery", 2)
    assert set(engine.containers(stack["project"], running=True)) == {"web"}
    entries = service.get(f"/stacks/{stack['uuid']}/log?entries=2").json()
    assert [entry["outcome"] for entry in entries] == ["interrupted", "succeeded"]
    assert [entry["status"] for entry in entries] == ["failed", "succeeded"]
    assert commands_of_runs(service) == {}


@pytest.mark.row("P5")
def test_a_killed_worker_is_replaced_and_its_run_done_again(
    start_service: StartService, engine: Engine, slow_repository: Repository
) -> None:
    service = start_service()
    stack = service.create_stack(git_repository=slow_repository.url)
    cut_off = wait_for_step(service, stack["uuid"], "up")
    (worker,) = psutil.Process(service.pid).children()
    worker.kill()
    wait_until(lambda: _is_up(service), "a new worker answers")
    found = all_ended(service, stack["uuid"])
    assert found[cut_off["uuid"]] == "interrupted"
    assert service.runs(stack["uuid"])[0]["status"] == "succeeded"
    assert set(engine.containers(stack["project"], running=True)) == {"web"}
    assert commands_of_runs(service) == {}
    database_is_sound(service)


def _is_up(service: Service) -> bool:
    try:
        return service.get("/up").status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.row("P1")
def test_a_stop_ends_followers_and_runs_in_time_and_the_next_start_does_them_again(
    start_service: StartService, engine: Engine, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "endless")
    repository.commit(slow(600))
    service = start_service(SUPERVISOR_GRACE_SECONDS="1")
    stack = service.create_stack(git_repository=repository.url)
    cut_off = wait_for_step(service, stack["uuid"], "up")
    with service.follow(stack["uuid"]) as follower:
        assert service.terminate() == 0
        last = list(follower)[-1]
    assert (last.name, last.data) == ("close", {"reason": "shutdown"})
    # It recorded the end itself; who is killed after all leaves that to the next start.
    with closing(sqlite3.connect(service.storage / "supervisor.db")) as database:
        query = "SELECT status FROM runs WHERE uuid = ?"
        assert database.execute(query, (cut_off["uuid"],)).fetchall() == [("interrupted",)]
    assert commands_of(service) == {}
    database_is_sound(service)
    assert "Traceback" not in service.log_text

    repository.commit(slow(0))
    service.start()
    found = all_ended(service, stack["uuid"])
    assert found[cut_off["uuid"]] == "interrupted"
    assert service.runs(stack["uuid"])[0]["status"] == "succeeded"
    assert set(engine.containers(stack["project"], running=True)) == {"web"}


@pytest.mark.row("P1")
def test_a_stop_lets_a_run_end_that_needs_no_longer_than_the_grace(
    start_service: StartService, slow_repository: Repository
) -> None:
    service = start_service(SUPERVISOR_GRACE_SECONDS="20")
    stack = service.create_stack(git_repository=slow_repository.url)
    run = wait_for_step(service, stack["uuid"], "up")
    assert service.terminate() == 0
    service.start()
    assert statuses(service, stack["uuid"]) == {run["uuid"]: "succeeded"}


@pytest.mark.row("P1")
def test_a_stop_takes_no_new_work(start_service: StartService, slow_repository: Repository) -> None:
    service = start_service(SUPERVISOR_CONCURRENCY="1", SUPERVISOR_GRACE_SECONDS="20")
    first = service.create_stack(git_repository=slow_repository.url)
    wait_for_step(service, first["uuid"], "up")
    second = service.create_stack(git_repository=slow_repository.url)
    assert service.terminate() == 0
    with sqlite3.connect(service.storage / "supervisor.db") as database:
        rows = database.execute("SELECT status FROM runs ORDER BY id").fetchall()
    database.close()
    assert rows == [("succeeded",), ("pending",)]
    service.start()
    service.wait_for_run(second["uuid"])


@pytest.mark.long
@pytest.mark.row("P20")
def test_a_run_that_ends_the_service_each_time_is_given_up_after_three_attempts(
    start_service: StartService, tmp_path: Path, repository: Repository
) -> None:
    endless = Repository(tmp_path / "endless")
    endless.commit(slow(600))
    service = start_service()
    poison = service.create_stack(git_repository=endless.url)
    for attempt in (1, 2, 3):
        run = wait_for_step(service, poison["uuid"], "up")
        assert run["attempts"] == attempt
        service.kill()
        service.start()
    given_up = service.wait_for_run(poison["uuid"], run["uuid"], status="failed")
    assert "gave up after 3 attempts" in given_up["message"]
    assert sorted(statuses(service, poison["uuid"]).values()) == [
        "failed",
        "interrupted",
        "interrupted",
    ]
    assert service.get("/up").status_code == 200
    healthy = service.create_stack(git_repository=repository.url)
    service.wait_for_run(healthy["uuid"])
    endless.commit(slow(0))
    service.wait_for_run(poison["uuid"], control(service, poison["uuid"], "redeploy"))
    database_is_sound(service)


@pytest.mark.row("P4")
def test_a_container_left_half_made_by_a_kill_is_repaired(
    start_service: StartService, engine: Engine, tmp_path: Path
) -> None:
    """Compose gives the new container its name last; a kill in between leaves both behind."""
    repository = Repository(tmp_path / "repository")
    stop_slowly = {"stop_grace_period": "3s", "command": ["sh", "-c", "trap '' TERM; sleep 1000"]}
    repository.commit(compose({"web": sleeper(**stop_slowly, environment={"VERSION": "1"})}))
    service = start_service()
    stack = service.create_stack(git_repository=repository.url)
    service.wait_for_run(stack["uuid"])
    repository.commit(compose({"web": sleeper(**stop_slowly, environment={"VERSION": "2"})}))
    run = webhook(service, stack["uuid"])
    wait_for_step(service, stack["uuid"], "up")
    wait_until(lambda: len(container_ids(stack)) == 2, "the new container is made")
    service.kill()
    service.start()
    assert all_ended(service, stack["uuid"])[run] == "interrupted"
    assert service.runs(stack["uuid"])[0]["status"] == "succeeded"
    assert len(container_ids(stack)) == 1
    assert "VERSION=2" in engine.run_inside(stack["project"], "web", "env")


def container_ids(stack: dict[str, Any]) -> list[str]:
    label = f"label=com.docker.compose.project={stack['project']}"
    return docker("ps", "--all", "--quiet", "--filter", label).split()


def test_an_interrupted_run_is_not_done_twice_where_a_newer_trigger_waits(
    start_service: StartService, slow_repository: Repository
) -> None:
    service = start_service()
    stack = service.create_stack(git_repository=slow_repository.url)
    first = wait_for_step(service, stack["uuid"], "up")
    second = webhook(service, stack["uuid"])
    assert webhook(service, stack["uuid"]) == second
    service.kill()
    service.start()
    found = all_ended(service, stack["uuid"])
    assert found == {first["uuid"]: "interrupted", second: "succeeded"}


@pytest.mark.row("P8")
@pytest.mark.long
def test_the_end_of_summer_time_stops_no_polls(
    start_service: StartService, repository: Repository
) -> None:
    until = datetime.now(UTC) + timedelta(seconds=5)
    summer = until + timedelta(hours=1)
    service = start_service(TZ=f"WINTER0SUMMER-1,J1/0,J{summer:%j}/{summer:%H:%M:%S}")
    fields = {"strategy": "polling", "polling_interval": 1}
    stack = service.create_stack(git_repository=repository.url, **fields)

    def checked_after_it() -> bool:
        last = service.get(f"/stacks/{stack['uuid']}").json()["last_check"]
        return bool(last) and datetime.fromisoformat(last) > until + timedelta(seconds=1)

    wait_until(checked_after_it, "polls go on", seconds=30)


@pytest.mark.row("C10")
@pytest.mark.long
def test_a_git_server_that_hangs_holds_up_no_checks_of_others(
    start_service: StartService, repository: Repository
) -> None:
    service = start_service(SUPERVISOR_LS_REMOTE_SECONDS="250")
    fields = {"strategy": "polling", "polling_interval": 1}
    stack = service.create_stack(git_repository=repository.url, **fields)
    service.wait_for_run(stack["uuid"])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for number in range(16):
            service.create_stack(git_repository=f"{address}/{number}.git", **fields)
        time.sleep(3)
        checked = set()

        def goes_on() -> bool:
            checked.add(service.get(f"/stacks/{stack['uuid']}").json()["last_check"])
            return len(checked) > 4

        wait_until(goes_on, "it is checked again and again")
