"""Triggers that race, and stacks that wait for each other or must not."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartService
from tests.support.compose_files import compose, sleeper, slow
from tests.support.engine import Engine
from tests.support.repository import Repository, two_services
from tests.support.service import UNFINISHED, Service
from tests.support.triggers import PUSH, control, run_of, signature, webhook
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stacks_are_deleted")

Stack = dict[str, Any]


def slow_repository(tmp_path: Path, seconds: float, name: str = "slow") -> Repository:
    repository = Repository(tmp_path / name)
    repository.commit(slow(seconds))
    return repository


def at_step(service: Service, stack: Stack, step: str) -> dict[str, Any]:
    """Wait until a run of the stack goes on and is at a step; return the run."""

    def there() -> Any:
        runs = service.runs(stack["uuid"])
        return next((r for r in runs if r["status"] == "running" and r["step"] == step), None)

    return wait_until(there, f"a run is at {step}")


def all_ended(service: Service, stack: Stack, seconds: float = 60) -> list[dict[str, Any]]:
    """Wait until nothing is left to do for the stack; return its runs, oldest first."""

    def ended() -> list[dict[str, Any]] | None:
        runs = service.get(f"/stacks/{stack['uuid']}/runs?count=100").json()["runs"]
        return None if any(run["status"] in UNFINISHED for run in runs) else runs[::-1]

    return wait_until(ended, "every run has ended", seconds)


def never_overlap(runs: list[dict[str, Any]]) -> None:
    times = sorted((run["started_at"], run["finished_at"]) for run in runs if run["started_at"])
    assert all(before[1] <= after[0] for before, after in pairwise(times)), times


def variable(engine: Engine, stack: Stack, service: str, name: str) -> str:
    return engine.run_inside(stack["project"], service, "sh", "-c", f'printf %s "${name}"')


@pytest.mark.row("C4")
def test_a_change_during_a_deploy_is_for_the_next_one(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "repository")
    after = {"job": {"condition": "service_completed_successfully"}}
    setting = {"SETTING": "${SETTING}"}
    repository.commit(
        compose(
            {
                "job": sleeper(command=["sleep", "3"], environment=setting),
                "web": sleeper(environment=setting, depends_on=after),
            }
        )
    )
    stack = shared_service.create_stack(
        git_repository=repository.url, compose_variables={"SETTING": "old"}
    )
    first = at_step(shared_service, stack, "up")
    wait_until(
        lambda: "job" in engine.containers(stack["project"], running=True), "the job has begun"
    )
    answer = shared_service.patch(
        f"/stacks/{stack['uuid']}", json={"compose_variables": {"SETTING": "new"}}
    )
    second = run_of(answer)
    assert second != first["uuid"]
    assert variable(engine, stack, "job", "SETTING") == "old"
    runs = all_ended(shared_service, stack)
    assert [(run["uuid"], run["status"]) for run in runs] == [
        (first["uuid"], "succeeded"),
        (second, "succeeded"),
    ]
    never_overlap(runs)
    assert variable(engine, stack, "web", "SETTING") == "new"


@pytest.mark.row("C13")
def test_a_commit_pushed_while_the_one_before_is_deployed_comes_in_the_end(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = slow_repository(tmp_path, 2)
    stack = shared_service.create_stack(git_repository=repository.url)
    at_step(shared_service, stack, "up")
    newest = repository.commit(slow(0, "newest"))
    pending = webhook(shared_service, stack["uuid"])
    runs = all_ended(shared_service, stack)
    assert [run["uuid"] for run in runs][1:] == [pending]
    assert runs[-1]["commit_after"] == newest
    assert variable(engine, stack, "web", "VERSION") == "newest"


@pytest.mark.row("C3")
def test_a_delete_ends_the_deploy_that_goes_on_and_leaves_nothing(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = slow_repository(tmp_path, 600)
    stack = shared_service.create_stack(git_repository=repository.url)
    at_step(shared_service, stack, "up")
    webhook(shared_service, stack["uuid"])
    assert shared_service.delete(f"/stacks/{stack['uuid']}?volumes=true").status_code == 204
    for answer in (
        shared_service.post(f"/stacks/{stack['uuid']}/control", json={"command": "start"}),
        shared_service.post(
            f"/stacks/{stack['uuid']}/webhook",
            data=PUSH,
            headers={"X-Hub-Signature-256": signature(PUSH)},
        ),
    ):
        assert answer.status_code == 404
    wait_until(
        lambda: shared_service.get(f"/stacks/{stack['uuid']}").status_code == 404, "it is gone"
    )
    assert engine.containers(stack["project"]) == {}
    assert not (shared_service.storage / "stacks" / stack["uuid"]).exists()


@pytest.mark.row("C7")
@pytest.mark.long
def test_the_last_order_wins_whatever_goes_on(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = slow_repository(tmp_path, 2)
    stack = shared_service.create_stack(git_repository=repository.url)
    at_step(shared_service, stack, "up")
    orders = [control(shared_service, stack["uuid"], word) for word in ("stop", "start", "stop")]
    runs = all_ended(shared_service, stack)
    assert [run["uuid"] for run in runs][1:] == orders
    assert {run["status"] for run in runs} == {"succeeded"}
    never_overlap(runs)
    assert engine.containers(stack["project"], running=True) == {}

    orders = [control(shared_service, stack["uuid"], word) for word in ("stop", "start")]
    runs = all_ended(shared_service, stack)
    assert [run["uuid"] for run in runs if run["uuid"] in orders] == orders
    never_overlap(runs)
    assert "web" in engine.containers(stack["project"], running=True)


@pytest.mark.row("C5")
def test_a_poll_and_a_webhook_at_once_deploy_once_and_polling_goes_on(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = shared_service.create_stack(git_repository=repository.url, polling_interval=1)
    shared_service.wait_for_run(stack["uuid"])
    path = f"/stacks/{stack['uuid']}/stats"
    for cycle in range(3):
        last = shared_service.get(path).json()["last_check"]
        wait_until(
            lambda last=last: shared_service.get(path).json()["last_check"] != last, "a poll"
        )
        commit = repository.commit(two_services(f"cycle-{cycle}"))
        # The next poll is due in about a second: now they meet.
        due = threading.Event()
        due.wait(0.8 + 0.1 * cycle)
        webhook(shared_service, stack["uuid"])
        runs = all_ended(shared_service, stack)
        deployed = [run for run in runs if run["commit_after"] == commit]
        assert [run["status"] for run in deployed].count("succeeded") == 1
        never_overlap(runs)
    last = shared_service.get(path).json()["last_check"]
    wait_until(lambda: shared_service.get(path).json()["last_check"] != last, "it goes on polling")


@pytest.mark.row("C6")
def test_one_of_twenty_that_want_a_name_gets_it(
    shared_service: Service, repository: Repository
) -> None:
    barrier = threading.Barrier(20)
    body = {
        "name": "wanted by many",
        "git_repository": repository.url,
        "git_reference": "main",
        "compose_file": "none.yml",
        "strategy": "polling",
        "polling_interval": 3600,
    }

    def create(_number: int) -> int:
        barrier.wait()
        answer = shared_service.post("/stacks", json=body)
        if answer.status_code != 201:
            assert answer.json() == {"error": {"name": ["has already been taken"]}}
        return answer.status_code

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(create, range(20))) == [201, *[422] * 19]
    names = [stack["name"] for stack in shared_service.get("/stacks").json()]
    assert names.count("wanted by many") == 1


@pytest.mark.row("C1")
def test_no_change_of_twenty_at_once_is_lost(
    shared_service: Service, repository: Repository
) -> None:
    stack = shared_service.create_stack(git_repository=repository.url, compose_file="none.yml")
    path = f"/stacks/{stack['uuid']}"
    bodies: list[Stack] = [
        {"name": f"renamed {stack['uuid']}"},
        {"polling_interval": 3600},
        {"compose_includes": ["more.yml"]},
        {"compose_variables": {"A": "1"}},
        {"git_username": "somebody"},
    ]
    same: list[Stack] = [{"git_reference": f"refs/heads/b{number}"} for number in range(15)]

    def change(body: Stack) -> int:
        return shared_service.patch(path, json=body).status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(change, [*bodies, *same])) == {200}
    found = shared_service.get(path).json()
    for body in bodies:
        assert found | body == found
    assert {"git_reference": found["git_reference"]} in same
    never_overlap(all_ended(shared_service, stack))


@pytest.mark.long
@pytest.mark.row("C9")
def test_a_hundred_stacks_are_served_a_few_at_a_time_each_in_its_turn(
    start_service: StartService, repository: Repository
) -> None:
    service = start_service(SUPERVISOR_CONCURRENCY="2", SUPERVISOR_LOG_LEVEL="warning")
    # None has such a branch, so each run is short.
    fields = {"git_repository": repository.url, "git_reference": "refs/heads/none"}
    with ThreadPoolExecutor(8) as pool:
        stacks = list(pool.map(lambda _: service.create_stack(**fields), range(100)))
        list(pool.map(lambda stack: control(service, stack["uuid"], "stop"), stacks))
    runs = [run for stack in stacks for run in all_ended(service, stack)]
    assert len(runs) == 200
    assert {run["status"] for run in runs} == {"failed"}
    edges = [(run["started_at"], 1) for run in runs] + [(run["finished_at"], -1) for run in runs]
    going = most = 0
    for _at, step in sorted(edges):
        going += step
        most = max(most, going)
    assert most <= 2
    # Nobody gets a second turn while another one waits for the first.
    first, second = (
        [run["started_at"] for run in runs if run["action"] == action]
        for action in ("deploy", "stop")
    )
    assert max(first) <= min(second)


@pytest.mark.row("C10")
def test_a_stack_that_hangs_holds_nobody_else_up(
    start_service: StartService, engine: Engine, tmp_path: Path, repository: Repository
) -> None:
    service = start_service(SUPERVISOR_CONCURRENCY="2")
    hanging = service.create_stack(git_repository=slow_repository(tmp_path, 600).url)
    at_step(service, hanging, "up")
    others = [service.create_stack(git_repository=repository.url) for _ in range(3)]
    for stack in others:
        service.wait_for_run(stack["uuid"], seconds=90)
    assert service.runs(hanging["uuid"])[0]["status"] == "running"
    service.delete(f"/stacks/{hanging['uuid']}")
    wait_until(lambda: service.get(f"/stacks/{hanging['uuid']}").status_code == 404, "it is gone")


@pytest.mark.row("C12")
@pytest.mark.parametrize("query", ["", "?volumes=true"])
def test_a_name_that_is_free_again_begins_anew(
    start_service: StartService, engine: Engine, tmp_path: Path, query: str
) -> None:
    service = start_service()
    repository = Repository(tmp_path / "repository")
    repository.commit(compose({"web": sleeper(network_mode="none")}))
    seen = set()
    for _round in range(4):
        stack = service.create_stack(git_repository=repository.url, name="again and again")
        service.wait_for_run(stack["uuid"])
        assert set(engine.containers(stack["project"])) == {"web"}
        assert len(service.runs(stack["uuid"])) == 1
        seen |= {stack["uuid"], stack["project"]}
        service.delete(f"/stacks/{stack['uuid']}{query}")
        wait_until(
            lambda stack=stack: service.get(f"/stacks/{stack['uuid']}").status_code == 404,
            "it is gone",
            every=0.005,
        )
        assert engine.containers(stack["project"]) == {}
    assert len(seen) == 8
    assert list((service.storage / "stacks").iterdir()) == []
