"""The way back: a bad commit undoes itself, and isn't tried again by itself."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.scenarios.health.steps import (
    GATE,
    UNHEALTHY,
    Files,
    Stack,
    break_by,
    check,
    deploy,
    deployed,
    healed_by_removing,
    inspect,
    printed,
    repository_of,
    rolled_back,
    shown,
    still,
    variable,
    version,
    web_and_db,
)
from tests.support.compose_files import compose, sleeper
from tests.support.engine import BASE_IMAGE, Engine, docker
from tests.support.ports import free_port
from tests.support.service import Service
from tests.support.triggers import control, run_of, webhook


@pytest.mark.row("D4")
def test_a_bad_commit_is_taken_back_and_the_untouched_service_never_notices(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    page = {"volumes": ["./page:/page:ro"]}
    files = web_and_db("1", **page) | {"page": "one"}
    repository = repository_of(tmp_path / "repository", files)
    stack = deployed(shared_service, repository, health_timeout=GATE)
    before = engine.containers(stack["project"])
    first, db_started = repository.head, inspect(engine, stack, "db", ".State.StartedAt")

    bad = web_and_db("2", **page, **UNHEALTHY) | {"page": "two"}
    run = break_by(shared_service, repository, stack, bad)
    assert run["message"] == f"gate: web is unhealthy; went back to {first[:12]}"
    assert (run["commit_before"], run["commit_after"]) == (first, repository.head)
    now = shown(shared_service, stack)
    assert (now["commit"], now["healthy"], now["drift"]) == (first, True, {})
    assert version(engine, stack) == "1"
    assert engine.run_inside(stack["project"], "web", "cat", "/page") == "one"
    assert engine.containers(stack["project"])["db"] == before["db"]
    assert inspect(engine, stack, "db", ".State.StartedAt") == db_started
    entry = shared_service.get(f"/stacks/{stack['uuid']}/log").json()[0]
    assert (entry["status"], entry["outcome"]) == ("failed", "rolled_back")
    steps = [line for line in printed(shared_service, stack, run) if line.startswith("==> ")]
    names = [line.split(":")[0].removeprefix("==> ") for line in steps]
    assert names[-6:] == ["up", "gate", "roll back", "apply", "up", "gate"]
    assert first[:12] in next(line for line in steps if "roll back" in line)


@pytest.fixture
def moving(engine: Engine) -> Iterator[str]:
    """The name of an image; `point` lets it stand for an image with a number in it."""
    name = engine.claim_image(f"{BASE_IMAGE.replace('base', 'moving')}-{time.monotonic_ns()}")
    point(name, "1")
    yield name
    docker("image", "rm", "--force", name)


def point(name: str, number: str) -> None:
    container = docker("create", BASE_IMAGE, "true")
    docker("commit", "--change", f"ENV IMAGE={number}", container, name)
    docker("rm", container)


def which_image(engine: Engine, stack: Stack) -> str:
    return variable(engine, stack, "web", "IMAGE")


def test_the_way_back_and_healing_use_the_image_from_before_whatever_its_name_stands_for_now(
    shared_service: Service, engine: Engine, tmp_path: Path, moving: str
) -> None:
    repository = repository_of(tmp_path / "repository", web_and_db("1", image=moving))
    stack = deployed(shared_service, repository, health_timeout=GATE)
    image = inspect(engine, stack, "web", ".Image")
    db = engine.containers(stack["project"])["db"]
    point(moving, "2")
    break_by(shared_service, repository, stack, web_and_db("2", image=moving, **UNHEALTHY))
    assert which_image(engine, stack) == "1"
    assert inspect(engine, stack, "web", ".Image") == image
    assert "IMAGE=2" in docker("image", "inspect", "--format", "{{.Config.Env}}", moving)

    heals = healed_by_removing(shared_service, engine, stack, "web")
    assert heals["trigger"] == "drift"
    assert which_image(engine, stack) == "1"
    for command in ("stop", "start"):
        order = control(shared_service, stack["uuid"], command)
        shared_service.wait_for_run(stack["uuid"], order)
    assert which_image(engine, stack) == "1"
    assert engine.containers(stack["project"])["db"] == db

    deploy(shared_service, repository, stack, web_and_db("3", image=moving))
    assert which_image(engine, stack) == "2"


def built(number: str, **web: object) -> Files:
    """Return `web`, built with a number in its image, and `other`, which is built after it."""
    web = {name: value for name, value in (still() | web).items() if name != "image"}
    other = {**web, "build": "other", "depends_on": ["web"], "healthcheck": {"disable": True}}
    return compose({"web": {**web, "build": "."}, "other": other}) | {
        "Dockerfile": f"FROM {BASE_IMAGE}\nENV IMAGE={number}\n",
        "other/Dockerfile": f"FROM {BASE_IMAGE}\n",
    }


def test_the_way_back_gives_a_built_image_its_name_again(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = repository_of(tmp_path / "repository", built("1"))
    stack = deployed(shared_service, repository, health_timeout=GATE)
    image = inspect(engine, stack, "web", ".Image")
    break_by(shared_service, repository, stack, built("2", **UNHEALTHY))
    assert which_image(engine, stack) == "1"
    name = f"{stack['project']}-web"
    assert docker("image", "inspect", "--format", "{{.Id}}", name) == image
    assert inspect(engine, stack, "web", ".Image") == image


def test_healing_after_a_failed_build_brings_nothing_of_the_failed_commit(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = repository_of(tmp_path / "repository", built("1"))
    stack = deployed(shared_service, repository, health_timeout=GATE)
    before = engine.containers(stack["project"])
    name = f"{stack['project']}-web"
    image = docker("image", "inspect", "--format", "{{.Id}}", name)
    slow_to_fail = f"FROM {BASE_IMAGE}\nRUN sleep 2; false\n"
    repository.commit(built("2") | {"other/Dockerfile": slow_to_fail})
    run = shared_service.wait_for_run(
        stack["uuid"], webhook(shared_service, stack["uuid"]), status="failed"
    )
    assert run["step"] == "build"
    assert engine.containers(stack["project"]) == before
    # Whether Compose has named the new image already is up to Compose; here it has for sure.
    if docker("image", "inspect", "--format", "{{.Id}}", name) == image:
        point(name, "2")
    healed_by_removing(shared_service, engine, stack, "other")
    assert engine.containers(stack["project"])["web"] == before["web"]
    assert which_image(engine, stack) == "1"


def serving(number: str, port: int) -> Files:
    """Return `web`, which serves a number over HTTP, and `db`."""
    command = f"mkdir /www; echo {number} >/www/version; exec httpd -f -h /www"
    web = sleeper(
        command=["sh", "-c", command], ports=[f"127.0.0.1:{port}:80"], network_mode="bridge"
    )
    return compose({"web": web, "db": still()})


@pytest.mark.row("D3")
def test_a_port_that_another_program_has_is_no_end_of_the_old_version(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    port = free_port()
    repository = repository_of(tmp_path / "repository", serving("1", port))
    stack = deployed(shared_service, repository, health_timeout=GATE)
    db = engine.containers(stack["project"])["db"]

    def served() -> str:
        return requests.get(f"http://127.0.0.1:{port}/version", timeout=5).text.strip()

    assert served() == "1"
    with socket.create_server(("127.0.0.1", 0)) as other:
        bad = serving("2", other.getsockname()[1])
        taken = other.getsockname()[1]
        run = break_by(shared_service, repository, stack, bad)
    assert run["message"].startswith("up: A port that a service publishes is taken")
    assert "; went back to" in run["message"]
    assert served() == "1"
    assert shown(shared_service, stack)["healthy"] is True
    assert engine.containers(stack["project"])["db"] == db

    shared_service.wait_for_run(stack["uuid"], webhook(shared_service, stack["uuid"]))
    answer = requests.get(f"http://127.0.0.1:{taken}/version", timeout=5)
    assert answer.text.strip() == "2"


def test_where_the_old_state_does_not_come_up_either_the_run_says_so(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    switch = tmp_path / "switch"
    switch.mkdir()
    (switch / "on").touch()
    needs = {
        "volumes": [f"{switch}:/switch"],
        "healthcheck": check("test -e /switch/on"),
    }
    repository = repository_of(tmp_path / "repository", web_and_db("1", **needs))
    stack = deployed(shared_service, repository, health_timeout=GATE)
    (switch / "on").unlink()
    repository.commit(web_and_db("2", **needs))
    order = webhook(shared_service, stack["uuid"])
    run = shared_service.wait_for_run(stack["uuid"], order, status="failed")
    message = "gate: web is unhealthy; the way back failed too"
    assert (run["outcome"], run["message"]) == ("rollback_failed", message)
    output = printed(shared_service, stack, run)
    assert "The way back failed too: web is unhealthy" in output
    now = shown(shared_service, stack)
    assert now["healthy"] is False
    assert now["commit"] == run["commit_before"]
    assert version(engine, stack) == "1"

    (switch / "on").touch()
    deploy(shared_service, repository, stack, web_and_db("3", **needs))
    assert shown(shared_service, stack)["healthy"] is True


def test_a_bad_change_of_the_variables_is_taken_back(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    web = still(environment={"MODE": "${MODE}"}, healthcheck=check('test "$$MODE" = good'))
    repository = repository_of(tmp_path / "repository", compose({"web": web, "db": still()}))
    good = {"compose_variables": {"MODE": "good"}}
    stack = deployed(shared_service, repository, health_timeout=GATE, **good)
    uuid = stack["uuid"]
    db = engine.containers(stack["project"])["db"]
    answer = shared_service.patch(f"/stacks/{uuid}", json={"compose_variables": {"MODE": "bad"}})
    run = rolled_back(shared_service, stack, run_of(answer))
    assert run["reasons"] == {"web": "variables changed"}
    assert variable(engine, stack, "web", "MODE") == "good"
    assert engine.containers(stack["project"])["db"] == db
    now = shown(shared_service, stack)
    assert (now["healthy"], now["compose_variables"]) == (True, {"MODE": "bad"})
    healed_by_removing(shared_service, engine, stack, "web")
    assert variable(engine, stack, "web", "MODE") == "good"


def test_a_first_deploy_that_fails_has_nothing_to_go_back_to_and_says_so(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = repository_of(tmp_path / "repository", web_and_db("1", **UNHEALTHY))
    stack = shared_service.create_stack(git_repository=repository.url, health_timeout=GATE)
    run = shared_service.wait_for_run(stack["uuid"], status="failed")
    assert (run["outcome"], run["message"]) == (None, "gate: web is unhealthy")
    output = printed(shared_service, stack, run)
    assert "There is no earlier good commit to go back to" in output
    now = shown(shared_service, stack)
    assert (now["healthy"], now["commit"], now["last_status"]) == (False, None, "failed")

    deploy(shared_service, repository, stack, web_and_db("2"))
    now = shown(shared_service, stack)
    assert (now["healthy"], now["commit"]) == (True, repository.head)
