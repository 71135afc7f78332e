"""A stack from its creation to its end, as the engine sees it."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartService
from tests.support.compose_files import compose, sleeper, slow
from tests.support.engine import Engine, docker
from tests.support.engine_link import EngineLink
from tests.support.repository import Repository, two_services
from tests.support.service import Service
from tests.support.triggers import control, run_of, webhook
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stacks_are_deleted")

Stack = dict[str, Any]


def deployed(service: Service, repository: Repository, **fields: Any) -> Stack:
    """Create a stack and wait until it runs."""
    stack = service.create_stack(git_repository=repository.url, **fields)
    service.wait_for_run(stack["uuid"])
    return service.get(f"/stacks/{stack['uuid']}").json()


def version(engine: Engine, stack: Stack) -> str:
    return engine.run_inside(stack["project"], "web", "cat", "/www/version")


def states(engine: Engine, stack: Stack) -> dict[str, str]:
    """Return running, exited or paused for each service."""
    ids = engine.containers(stack["project"])
    found = docker("inspect", "--format", "{{.State.Status}}", *ids.values()).split()
    return dict(zip(ids, found, strict=True))


def started_at(engine: Engine, stack: Stack) -> list[str]:
    ids = engine.containers(stack["project"])
    return docker("inspect", "--format", "{{.State.StartedAt}}", *ids.values()).split()


def checkout(service: Service, stack: Stack) -> Path:
    return service.storage / "stacks" / stack["uuid"] / "checkout"


def checks(service: Service, stack: Stack, count: int) -> None:
    """Wait until the repository was asked so many more times."""
    path = f"/stacks/{stack['uuid']}/stats"
    for _ in range(count):
        last = service.get(path).json()["last_check"]
        wait_until(lambda last=last: service.get(path).json()["last_check"] != last, "a check")


def test_a_new_stack_is_brought_up_and_told_of_everywhere(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    answer = shared_service.create_stack(git_repository=repository.url)
    uuid = answer["uuid"]
    run = shared_service.wait_for_run(uuid)
    assert run["action"] == "deploy"
    assert run["trigger"] == "api"
    assert run["commit_before"] is None
    assert run["commit_after"] == repository.head
    stack = shared_service.get(f"/stacks/{uuid}").json()
    assert (stack["state"], stack["healthy"], stack["commit"]) == ("active", True, repository.head)
    assert version(engine, stack) == "1"
    assert states(engine, stack) == {"web": "running", "db": "running"}
    entries = shared_service.get(f"/stacks/{uuid}/log").json()
    assert [(entry["action"], entry["status"]) for entry in entries] == [("deploy", "succeeded")]
    stats = shared_service.get(f"/stacks/{uuid}/stats").json()
    assert (stats["processed"], stats["failed"], stats["last_action"]) == (1, 0, "deploy")


def test_every_step_is_announced_before_what_it_prints(
    shared_service: Service, repository: Repository
) -> None:
    uuid = deployed(shared_service, repository)["uuid"]
    run = shared_service.runs(uuid)[0]["uuid"]
    output = shared_service.get(f"/stacks/{uuid}/runs/{run}").json()["output"]
    steps = [line.split()[1] for line in output if line.startswith("==> ")]
    expected = ["fetch:", "fetch:", "check", "render:", "pull:", "compare:", "apply:", "up:"]
    assert steps == expected
    assert output.index("==> up: docker compose up") < len(output) - 1


def test_a_webhook_brings_the_newest_commit_and_leaves_the_unchanged_service_alone(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository)
    before = engine.containers(stack["project"])
    first = repository.head
    repository.commit(two_services("2"))

    run = shared_service.wait_for_run(stack["uuid"], webhook(shared_service, stack["uuid"]))
    assert (run["action"], run["commit_before"], run["commit_after"]) == (
        "webhook",
        first,
        repository.head,
    )
    after = engine.containers(stack["project"])
    assert after["db"] == before["db"]
    assert after["web"] != before["web"]
    assert version(engine, stack) == "2"

    again = webhook(shared_service, stack["uuid"])
    run = shared_service.wait_for_run(stack["uuid"], again, status="skipped")
    assert "Already at" in run["message"]
    assert engine.containers(stack["project"]) == after


@pytest.mark.row("G19")
def test_a_poll_brings_the_newest_commit_and_makes_no_run_where_there_is_none(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository, strategy="polling", polling_interval=1)
    before = engine.containers(stack["project"])
    checks(shared_service, stack, 3)
    assert len(shared_service.runs(stack["uuid"])) == 1

    repository.commit(two_services("2"))
    wait_until(lambda: len(shared_service.runs(stack["uuid"])) == 2, "a poll finds the commit")
    run = shared_service.wait_for_run(stack["uuid"])
    assert (run["action"], run["trigger"]) == ("polling", "polling")
    assert run["commit_after"] == repository.head
    assert version(engine, stack) == "2"
    assert engine.containers(stack["project"])["db"] == before["db"]
    checks(shared_service, stack, 2)
    assert len(shared_service.runs(stack["uuid"])) == 2


@pytest.mark.row("G20")
def test_a_commit_that_changes_no_compose_file_is_deployed_too(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "repository")
    files = compose({"web": sleeper(env_file="app.env", volumes=["./content:/content"])})
    repository.commit(files | {"app.env": "GREETING=hello\n", "content/page": "one"})
    stack = deployed(shared_service, repository)
    assert engine.run_inside(stack["project"], "web", "cat", "/content/page") == "one"
    repository.commit({"app.env": "GREETING=goodbye\n", "content/page": "two"})
    shared_service.wait_for_run(stack["uuid"], webhook(shared_service, stack["uuid"]))
    environment = engine.run_inside(stack["project"], "web", "env")
    assert "GREETING=goodbye" in environment
    assert engine.run_inside(stack["project"], "web", "cat", "/content/page") == "two"


@pytest.mark.row("D9")
def test_a_service_that_is_gone_from_the_file_is_removed(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit(compose({"web": sleeper(), "old": sleeper()}))
    stack = deployed(shared_service, repository)
    web = engine.containers(stack["project"])["web"]
    repository.commit(compose({"web": sleeper(), "new": sleeper()}))
    shared_service.wait_for_run(stack["uuid"], webhook(shared_service, stack["uuid"]))
    after = engine.containers(stack["project"])
    assert set(after) == {"web", "new"}
    assert after["web"] == web


def test_each_control_command_does_what_it_says(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository)
    uuid = stack["uuid"]
    ids = engine.containers(stack["project"])

    def order(command: str) -> str:
        run = shared_service.wait_for_run(uuid, control(shared_service, uuid, command))
        assert run["action"] == command
        entry = shared_service.get(f"/stacks/{uuid}/log").json()[0]
        assert (entry["action"], entry["status"]) == (command, "succeeded")
        return str(shared_service.get(f"/stacks/{uuid}").json()["state"])

    assert order("pause") == "paused"
    assert set(states(engine, stack).values()) == {"paused"}
    assert order("unpause") == "active"
    assert set(states(engine, stack).values()) == {"running"}
    before = started_at(engine, stack)
    assert order("restart") == "active"
    assert not set(before) & set(started_at(engine, stack))
    assert order("stop") == "stopped"
    assert set(states(engine, stack).values()) == {"exited"}
    assert order("start") == "active"
    assert set(states(engine, stack).values()) == {"running"}
    assert engine.containers(stack["project"]) == ids

    docker("rm", "--force", ids["web"])
    assert order("redeploy") == "active"
    assert engine.containers(stack["project"])["db"] == ids["db"]
    assert version(engine, stack) == "1"
    docker("rm", "--force", ids["db"])
    assert order("start") == "active"
    assert set(states(engine, stack)) == {"web", "db"}


@pytest.mark.parametrize(("hold", "held"), [("stop", "stopped"), ("pause", "paused")])
def test_what_a_person_held_stays_so_whatever_comes_until_it_is_released(
    shared_service: Service,
    engine: Engine,
    repository: Repository,
    hold: str,
    held: str,
) -> None:
    release, status = {"stop": ("start", "exited"), "pause": ("unpause", "paused")}[hold]
    stack = deployed(shared_service, repository, polling_interval=1)
    uuid = stack["uuid"]
    shared_service.wait_for_run(uuid, control(shared_service, uuid, hold))
    repository.commit(two_services("2"))
    checks(shared_service, stack, 2)
    run = shared_service.wait_for_run(uuid, webhook(shared_service, uuid), status="skipped")
    assert held in run["message"]
    checks(shared_service, stack, 1)
    assert set(states(engine, stack).values()) == {status}
    assert len(shared_service.runs(uuid)) == 3

    shared_service.wait_for_run(uuid, control(shared_service, uuid, release))
    wait_until(
        lambda: shared_service.get(f"/stacks/{uuid}").json()["commit"] == repository.head,
        "the newest commit is deployed",
    )
    assert version(engine, stack) == "2"
    assert shared_service.get(f"/stacks/{uuid}").json()["state"] == "active"


def test_a_redeploy_of_a_stopped_stack_says_that_it_is_stopped(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository)
    uuid = stack["uuid"]
    shared_service.wait_for_run(uuid, control(shared_service, uuid, "stop"))
    run = control(shared_service, uuid, "redeploy")
    message = shared_service.wait_for_run(uuid, run, status="skipped")["message"]
    assert "stopped" in message
    assert "start" in message
    assert set(states(engine, stack).values()) == {"exited"}


def volumes(project: str) -> list[str]:
    found = docker("volume", "ls", "--quiet", "--filter", f"name={project}")
    return found.splitlines()


def networks(project: str) -> list[str]:
    return docker("network", "ls", "--quiet", "--filter", f"name={project}").splitlines()


@pytest.fixture
def with_volume(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "with-volume")
    mounts = ["data:/data", "./state:/state"]
    files = compose({"web": sleeper(volumes=mounts)}, volumes={"data": {}})
    repository.commit(files | {"state/tracked": "from git", "docs/read.me": "words"})
    return repository


def gone(service: Service, stack: Stack) -> bool:
    return service.get(f"/stacks/{stack['uuid']}").status_code == 404


@pytest.mark.row("D19")
def test_delete_removes_containers_and_networks_and_keeps_what_may_be_data(
    shared_service: Service, engine: Engine, with_volume: Repository
) -> None:
    stack = deployed(shared_service, with_volume)
    project = stack["project"]
    engine.run_inside(project, "web", "sh", "-c", "echo data >/state/made-by-the-container")
    assert volumes(project)
    assert networks(project)
    folder = checkout(shared_service, stack)
    assert (folder / "state/tracked").exists()

    answer = shared_service.delete(f"/stacks/{stack['uuid']}")
    assert answer.status_code == 204
    assert run_of(answer)
    wait_until(lambda: gone(shared_service, stack), "the stack is gone")
    assert engine.containers(project) == {}
    assert networks(project) == []
    assert volumes(project)
    assert (folder / "state/made-by-the-container").read_text() == "data\n"
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert left == [folder / "state/made-by-the-container"]


@pytest.mark.row("D19")
def test_delete_takes_volumes_and_files_where_that_is_asked_for(
    shared_service: Service, engine: Engine, with_volume: Repository
) -> None:
    stack = deployed(shared_service, with_volume)
    engine.run_inside(stack["project"], "web", "sh", "-c", "echo data >/state/untracked")
    assert shared_service.delete(f"/stacks/{stack['uuid']}?volumes=true").status_code == 204
    wait_until(lambda: gone(shared_service, stack), "the stack is gone")
    assert engine.containers(stack["project"]) == {}
    assert volumes(stack["project"]) == []
    assert not checkout(shared_service, stack).parent.exists()


@pytest.fixture
def engine_link(tmp_path: Path) -> Iterator[EngineLink]:
    link = EngineLink(tmp_path)
    yield link
    link.cut()


@pytest.mark.row("D18")
@pytest.mark.parametrize("suspended", [False, True])
@pytest.mark.long
def test_a_delete_that_finds_no_engine_is_tried_again_until_nothing_is_left(
    start_service: StartService,
    engine: Engine,
    repository: Repository,
    engine_link: EngineLink,
    suspended: bool,
) -> None:
    service = start_service(DOCKER_HOST=engine_link.address)
    stack = deployed(service, repository)
    uuid = stack["uuid"]
    if suspended:
        service.post(f"/stacks/{uuid}/control", json={"command": "suspend"})
    engine_link.cut()
    assert service.delete(f"/stacks/{uuid}").status_code == 204
    failed = service.wait_for_run(uuid, status="failed")
    assert "engine does not answer" in failed["message"]
    assert service.get(f"/stacks/{uuid}").json()["state"] == "deleting"
    assert service.get(f"/stacks/{uuid}/stats").json()["next_retry"]
    assert len(engine.containers(stack["project"], running=True)) == 2

    engine_link.restore()
    wait_until(lambda: gone(service, stack), "the stack is gone", seconds=60)
    assert engine.containers(stack["project"]) == {}


def test_a_rename_keeps_the_project_and_its_containers(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository)
    uuid = stack["uuid"]
    before = engine.containers(stack["project"])
    renamed = shared_service.patch(f"/stacks/{uuid}", json={"name": f"{stack['name']} anew"})
    assert renamed.status_code == 200
    assert "Location" not in renamed.headers
    assert renamed.json()["project"] == stack["project"]
    assert len(shared_service.runs(uuid)) == 1
    shared_service.wait_for_run(uuid, control(shared_service, uuid, "redeploy"))
    assert engine.containers(stack["project"]) == before


def amended(repository: Repository) -> None:
    repository.commit(two_services("2"), amend=True)


def unrelated(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "elsewhere")
    repository.commit(two_services("2"))
    repository.git("branch", "--force", "main", "elsewhere")


def rewound(repository: Repository) -> None:
    repository.rewind("HEAD~1")


@pytest.mark.row("G1")
@pytest.mark.parametrize("rewrite", [amended, unrelated, rewound])
def test_a_rewritten_history_is_followed(
    shared_service: Service, engine: Engine, tmp_path: Path, rewrite: Any
) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit(two_services("2"), message="The oldest")
    repository.commit(two_services("1") | {"gone": "a file of this commit"})
    stack = deployed(shared_service, repository)
    db = engine.containers(stack["project"])["db"]
    assert version(engine, stack) == "1"
    rewrite(repository)
    run = shared_service.wait_for_run(stack["uuid"], webhook(shared_service, stack["uuid"]))
    assert run["commit_after"] == repository.git("rev-parse", "main")
    assert version(engine, stack) == "2"
    assert engine.containers(stack["project"])["db"] == db
    tracked = repository.git("ls-tree", "--name-only", "main").splitlines()
    assert sorted(path.name for path in checkout(shared_service, stack).iterdir()) == tracked


@pytest.mark.row("G3")
def test_a_moved_tag_is_followed(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    repository.tag("v1")
    stack = deployed(shared_service, repository, git_reference="refs/tags/v1", polling_interval=1)
    repository.commit(two_services("2"))
    checks(shared_service, stack, 2)
    assert len(shared_service.runs(stack["uuid"])) == 1
    repository.git("tag", "--force", "--annotate", "--message", "moved", "v1")
    wait_until(lambda: len(shared_service.runs(stack["uuid"])) == 2, "a poll sees the moved tag")
    assert shared_service.wait_for_run(stack["uuid"])["commit_after"] == repository.head
    assert version(engine, stack) == "2"
    checks(shared_service, stack, 2)
    assert len(shared_service.runs(stack["uuid"])) == 2


@pytest.mark.parametrize("kind", ["branch", "tag", "commit"])
def test_a_reference_may_be_a_short_name_or_a_commit(
    shared_service: Service, engine: Engine, repository: Repository, kind: str
) -> None:
    wanted = repository.head
    repository.branch("releases/stable")
    repository.tag("v1.0")
    repository.switch("main")
    repository.commit(two_services("2"))
    names = {"branch": "releases/stable", "tag": "v1.0", "commit": wanted}
    stack = deployed(shared_service, repository, git_reference=names[kind])
    assert stack["commit"] == wanted
    assert version(engine, stack) == "1"


def test_a_changed_reference_is_deployed(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = deployed(shared_service, repository)
    repository.branch("next")
    repository.commit(two_services("2"))
    answer = shared_service.patch(f"/stacks/{stack['uuid']}", json={"git_reference": "next"})
    run = shared_service.wait_for_run(stack["uuid"], run_of(answer))
    assert (run["action"], run["commit_after"]) == ("redeploy", repository.head)
    assert version(engine, stack) == "2"


def test_two_stacks_on_one_repository_share_a_mirror(
    start_service: StartService, engine: Engine, repository: Repository
) -> None:
    service = start_service()
    repository.branch("other")
    repository.commit(two_services("other"))
    pair = [
        service.create_stack(git_repository=repository.url),
        service.create_stack(git_repository=repository.url, git_reference="other"),
    ]
    for stack in pair:
        service.wait_for_run(stack["uuid"])
    assert [version(engine, stack) for stack in pair] == ["1", "other"]
    mirrors = list((service.storage / "mirrors").iterdir())
    assert len(mirrors) == 1

    service.delete(f"/stacks/{pair[0]['uuid']}")
    wait_until(lambda: gone(service, pair[0]), "the first stack is gone")
    repository.commit(two_services("later"))
    service.wait_for_run(pair[1]["uuid"], webhook(service, pair[1]["uuid"]))
    assert version(engine, pair[1]) == "later"
    service.delete(f"/stacks/{pair[1]['uuid']}")
    wait_until(lambda: gone(service, pair[1]), "the second stack is gone")
    wait_until(lambda: not list((service.storage / "mirrors").iterdir()), "the mirror is gone")


def test_two_stacks_are_deployed_at_once(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit(slow(2))
    pair: list[Stack] = []
    threads = [
        threading.Thread(
            target=lambda: pair.append(shared_service.create_stack(git_repository=repository.url))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = (shared_service.wait_for_run(stack["uuid"]) for stack in pair)
    assert first["started_at"] < second["finished_at"]
    assert second["started_at"] < first["finished_at"]
    for stack in pair:
        assert set(engine.containers(stack["project"], running=True)) == {"web"}


def environment(engine: Engine, stack: Stack) -> dict[str, str]:
    """Return the exact environment of the container `web`, from its configuration."""
    container = engine.containers(stack["project"])["web"]
    rows = json.loads(docker("inspect", "--format", "{{json .Config.Env}}", container))
    return dict(row.split("=", 1) for row in rows)


def test_later_files_win_and_variables_win_over_the_repository_and_arrive_exactly(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    names = ("PLAIN", "EXACT", "EMPTY", "ONLY_FILE")
    wanted = {name: f"${{{name}}}" for name in names}
    repository = Repository(tmp_path / "repository")
    first = json.loads(compose({"web": sleeper(environment=wanted)})["compose.yml"])
    more = {"services": {"web": {"environment": {"FROM_MORE": "yes"}, "hostname": "more"}}}
    last = {"services": {"web": {"hostname": "last"}}}
    repository.commit(
        {
            "deploy/compose.yml": json.dumps(first),
            "deploy/more.yml": json.dumps(more),
            "last file.yml": json.dumps(last),
            "deploy/.env": "PLAIN=file\nONLY_FILE=file\nCOMPOSE_PROJECT_NAME=hijack\n",
        }
    )
    exact = "a$b ${PLAIN} $$ 'single' \"double\" #no \\n \\ = % é 😀 `id` $(id)\nline\r\n\ttab "
    given = {"PLAIN": "stack", "EXACT": exact, "EMPTY": ""}
    stack = deployed(
        shared_service,
        repository,
        compose_file="deploy/compose.yml",
        compose_includes=["deploy/more.yml", "last file.yml"],
        compose_variables=given,
    )
    found = environment(engine, stack)
    assert {name: found[name] for name in names} == given | {"ONLY_FILE": "file"}
    assert found["FROM_MORE"] == "yes"
    assert engine.run_inside(stack["project"], "web", "hostname") == "last"
    assert engine.containers("hijack") == {}

    changed = {"compose_variables": {"PLAIN": "changed"}}
    answer = shared_service.patch(f"/stacks/{stack['uuid']}", json=changed)
    shared_service.wait_for_run(stack["uuid"], run_of(answer))
    assert environment(engine, stack)["PLAIN"] == "changed"
    assert environment(engine, stack)["EXACT"] == ""
