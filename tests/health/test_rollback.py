"""The way back: a bad commit undoes itself, and isn't tried again by itself."""

import socket
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import requests

from tests.health.steps import (
    Files,
    Run,
    Stack,
    check,
    checks,
    deployed,
    inspect,
    printed,
    repository_of,
    shown,
    still,
    variable,
    version,
    web_and_db,
)
from tests.support.compose_files import compose, sleeper
from tests.support.engine import BASE_IMAGE, Engine, docker
from tests.support.ports import free_port
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import control, run_of, webhook
from tests.support.waiting import wait_until

UNHEALTHY = {"healthcheck": check("false")}
GATE = 30  # nothing here waits for it to end


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit: `web` in version 1, and `db`."""
    return repository_of(tmp_path / "repository", web_and_db("1"))


def rolled_back(service: Service, stack: Stack, run: str | None = None) -> Run:
    """Wait for a run that failed and was taken back."""
    found = service.wait_for_run(stack["uuid"], run, status="failed")
    assert found["outcome"] == "rolled_back", found
    return found


def deploy(service: Service, repository: Repository, stack: Stack, files: Files) -> Run:
    """Commit files, and deploy them by a webhook."""
    repository.commit(files)
    return service.wait_for_run(stack["uuid"], webhook(service, stack["uuid"]))


def break_by(service: Service, repository: Repository, stack: Stack, files: Files) -> Run:
    """Commit files that can't be deployed, and have them tried by a webhook."""
    repository.commit(files)
    return rolled_back(service, stack, webhook(service, stack["uuid"]))


def seconds_of(run: Run) -> float:
    begun, ended = (datetime.fromisoformat(run[key]) for key in ("started_at", "finished_at"))
    return (ended - begun).total_seconds()


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


def healed_by_removing(service: Service, engine: Engine, stack: Stack, name: str) -> Run:
    count = len(service.runs(stack["uuid"]))
    docker("rm", "--force", engine.containers(stack["project"])[name])
    wait_until(lambda: len(service.runs(stack["uuid"])) > count, "a run heals")
    return service.wait_for_run(stack["uuid"])


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
    assert seconds_of(run) < 15

    shared_service.wait_for_run(stack["uuid"], webhook(shared_service, stack["uuid"]))
    answer = requests.get(f"http://127.0.0.1:{taken}/version", timeout=5)
    assert answer.text.strip() == "2"


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
    shared_service.wait_for_run(uuid, run_of(answer), status="failed")
    shared_service.wait_for_run(uuid, control(shared_service, uuid, "start"))
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
