"""A commit that was taken back, or left as it failed: what is tried again, what is gone back to."""

import time
from pathlib import Path

import pytest

from tests.scenarios.health.steps import (
    GATE,
    UNHEALTHY,
    break_by,
    check,
    checks,
    deploy,
    deployed,
    healed_by_removing,
    repository_of,
    rolled_back,
    shown,
    version,
    web_and_db,
)
from tests.support.engine import Engine, docker
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import control, run_of, webhook
from tests.support.waiting import wait_until


@pytest.mark.long
def test_a_failed_commit_is_not_tried_again_by_itself_but_a_newer_one_is(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository, health_timeout=GATE, polling_interval=1)
    uuid = stack["uuid"]
    break_by(shared_service, repository, stack, web_and_db("2", **UNHEALTHY))
    checks(shared_service, stack, 3)
    assert len(shared_service.runs(uuid)) == 2

    healed_by_removing(shared_service, engine, stack, "web")
    assert version(engine, stack) == "1"
    again = shared_service.wait_for_run(uuid, webhook(shared_service, uuid), status="skipped")
    assert again["message"].endswith("was taken back: push a newer commit, or send redeploy")
    for command in ("stop", "start"):
        shared_service.wait_for_run(uuid, control(shared_service, uuid, command))
    checks(shared_service, stack, 2)
    words = [run["action"] for run in shared_service.runs(uuid)]
    assert words == ["start", "stop", "webhook", "heal", "webhook", "deploy"]
    assert version(engine, stack) == "1"

    repository.commit(web_and_db("3"))
    wait_until(lambda: shown(shared_service, stack)["commit"] == repository.head, "it is deployed")
    assert version(engine, stack) == "3"


def test_a_failed_commit_is_tried_again_when_a_person_asks_or_changes_a_setting(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository, health_timeout=GATE)
    uuid = stack["uuid"]
    good_if_told = {"healthcheck": check('test "$$MODE" = good')}
    bad = web_and_db("2", environment={"VERSION": "2", "MODE": "${MODE-}"}, **good_if_told)
    break_by(shared_service, repository, stack, bad)
    rolled_back(shared_service, stack, control(shared_service, uuid, "redeploy"))
    assert version(engine, stack) == "1"

    answer = shared_service.patch(f"/stacks/{uuid}", json={"compose_variables": {"MODE": "good"}})
    shared_service.wait_for_run(uuid, run_of(answer))
    assert version(engine, stack) == "2"
    now = shown(shared_service, stack)
    assert (now["healthy"], now["commit"]) == (True, repository.head)


def test_a_person_goes_back_to_the_good_commit_before_and_it_holds_until_a_newer_one(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    first = repository.head
    stack = deployed(shared_service, repository, health_timeout=GATE, polling_interval=1)
    uuid = stack["uuid"]
    db = engine.containers(stack["project"])["db"]
    deploy(shared_service, repository, stack, web_and_db("2"))
    break_by(shared_service, repository, stack, web_and_db("3", **UNHEALTHY))
    assert version(engine, stack) == "2"

    run = shared_service.wait_for_run(uuid, control(shared_service, uuid, "rollback"))
    assert (run["action"], run["commit_after"]) == ("rollback", first)
    assert version(engine, stack) == "1"
    now = shown(shared_service, stack)
    assert (now["commit"], now["healthy"]) == (first, True)

    none = control(shared_service, uuid, "rollback")
    failed = shared_service.wait_for_run(uuid, none, status="failed")
    assert failed["message"] == "There is no earlier good commit to go back to"
    checks(shared_service, stack, 3)
    held = shared_service.wait_for_run(uuid, webhook(shared_service, uuid), status="skipped")
    assert "push a newer commit, or send redeploy" in held["message"]
    assert version(engine, stack) == "1"
    assert shared_service.runs(uuid)[0]["uuid"] == held["uuid"]

    repository.commit(web_and_db("4"))
    wait_until(lambda: shown(shared_service, stack)["commit"] == repository.head, "it is deployed")
    assert version(engine, stack) == "4"
    assert engine.containers(stack["project"])["db"] == db


def test_a_rollback_leaves_everything_alone_where_there_is_no_earlier_commit_or_it_is_stopped(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository, health_timeout=GATE)
    uuid = stack["uuid"]
    before = engine.containers(stack["project"], running=True)
    failed = shared_service.wait_for_run(
        uuid, control(shared_service, uuid, "rollback"), status="failed"
    )
    assert "no earlier good commit" in failed["message"]
    assert engine.containers(stack["project"], running=True) == before
    assert shown(shared_service, stack)["healthy"] is True

    deploy(shared_service, repository, stack, web_and_db("2"))
    shared_service.wait_for_run(uuid, control(shared_service, uuid, "stop"))
    failed = shared_service.wait_for_run(
        uuid, control(shared_service, uuid, "rollback"), status="failed"
    )
    assert "The stack is stopped" in failed["message"]
    assert engine.containers(stack["project"], running=True) == {}


@pytest.mark.long
def test_where_the_way_back_is_off_the_failed_state_stays_to_be_looked_at(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository, health_timeout=GATE, rollback=False)
    first = repository.head
    repository.commit(web_and_db("2", **UNHEALTHY))
    order = webhook(shared_service, stack["uuid"])
    run = shared_service.wait_for_run(stack["uuid"], order, status="failed")
    assert run["outcome"] is None
    before = engine.containers(stack["project"])
    docker("restart", "--time", "0", before["web"])  # the watcher looks, and leaves it alone
    docker("stop", "--time", "0", before["db"])
    time.sleep(3)
    assert engine.containers(stack["project"]) == before
    assert version(engine, stack) == "2"
    now = shown(shared_service, stack)
    assert (now["healthy"], now["commit"]) == (False, first)
    assert len(shared_service.runs(stack["uuid"])) == 2

    deploy(shared_service, repository, stack, web_and_db("3"))
    assert version(engine, stack) == "3"
    assert shown(shared_service, stack)["healthy"] is True
    healed_by_removing(shared_service, engine, stack, "db")


def test_what_runs_survives_a_repository_that_is_of_no_use(
    shared_service: Service, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    stack = deployed(shared_service, repository, health_timeout=GATE)
    uuid = stack["uuid"]
    other = repository_of(tmp_path / "other", web_and_db("2", **UNHEALTHY))
    answer = shared_service.patch(f"/stacks/{uuid}", json={"git_repository": other.url})
    rolled_back(shared_service, stack, run_of(answer))
    assert version(engine, stack) == "1"
    healed_by_removing(shared_service, engine, stack, "web")

    shared_service.wait_for_run(uuid, control(shared_service, uuid, "stop"))
    nowhere = {"git_repository": f"{tmp_path.as_uri()}/nowhere"}
    answer = shared_service.patch(f"/stacks/{uuid}", json=nowhere)
    shared_service.wait_for_run(uuid, run_of(answer), status="skipped")
    shared_service.wait_for_run(uuid, control(shared_service, uuid, "start"))
    catching_up = shared_service.wait_for_run(uuid, status="failed")
    assert catching_up["trigger"] == "recovery"
    assert shown(shared_service, stack)["healthy"] is True


def test_where_the_failed_state_was_left_a_rollback_goes_to_the_last_good_commit(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository, health_timeout=GATE, rollback=False)
    uuid = stack["uuid"]
    deploy(shared_service, repository, stack, web_and_db("2"))
    good = repository.head
    repository.commit(web_and_db("3", **UNHEALTHY))
    shared_service.wait_for_run(uuid, webhook(shared_service, uuid), status="failed")
    shared_service.wait_for_run(uuid, control(shared_service, uuid, "restart"))
    assert shown(shared_service, stack)["healthy"] is False

    run = shared_service.wait_for_run(uuid, control(shared_service, uuid, "rollback"))
    assert run["commit_after"] == good
    assert version(engine, stack) == "2"
    assert shown(shared_service, stack)["healthy"] is True
    shared_service.wait_for_run(uuid, control(shared_service, uuid, "rollback"))
    assert version(engine, stack) == "1"
