"""Nothing that runs is touched until everything new is ready."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.deploys.stage import Files, Run, Stage, stack_files, without_image
from tests.support.asking import Asking
from tests.support.compose_files import sleeper
from tests.support.disk import fill, service_on_small_disk
from tests.support.engine import BASE_IMAGE, Engine
from tests.support.git_http import GitServer
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import control, webhook

GOOD = {
    "web": sleeper(volumes=["./page.conf:/page.conf", "./content:/content"]),
    "db": sleeper(),
}


def good(version: str = "1", **more: Any) -> Files:
    """Return a stack with a bind-mounted file and folder."""
    files = {"page.conf": version, "content/page": version}
    return stack_files(GOOD | more, files)


@pytest.fixture(scope="module")
def stage(
    shared_service: Service, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Stage:
    repository = Repository(tmp_path_factory.mktemp("aside") / "repository")
    repository.commit(good())
    return Stage(shared_service, engine, repository).create()


def refused(stage: Stage, files: Files, *, remove: tuple[str, ...] = (), step: str) -> Run:
    """Push a commit that must fail at a step and touch nothing; return its run."""
    containers, tree, commit = stage.containers, stage.files, stage.show()["commit"]
    run = stage.ended(stage.push(files, remove=remove), "failed")
    assert run["step"] == step, run
    assert run["message"].startswith(f"{step}: "), run
    assert run["commit_after"] == stage.repository.head
    assert stage.containers == containers
    assert stage.files == tree
    now = stage.show()
    assert (now["commit"], now["healthy"], now["last_status"]) == (commit, True, "failed")
    return run


def recovered(stage: Stage, version: str) -> None:
    """Push a good commit, and check that it arrives in the service that it changes."""
    db = stage.ids["db"]
    stage.deploy(good(version))
    assert stage.read("web", "/page.conf") == version
    assert stage.read("web", "/content/page") == version
    assert stage.show()["commit"] == stage.repository.head
    assert stage.ids["db"] == db


def changed(**files: str | bytes) -> Files:
    """Return a bad commit that would change the bind-mounted files too."""
    return {"page.conf": "bad", "content/page": "bad", "content/new": "bad", **files}


def test_a_compose_file_that_is_gone(stage: Stage) -> None:
    run = refused(stage, changed(), remove=("compose.yml",), step="check out")
    assert "compose.yml is not in the repository at this commit" in run["message"]
    stage.repository.commit(remove=["content/new"])
    recovered(stage, "compose file")


def test_a_file_in_the_place_of_what_a_container_made(stage: Stage) -> None:
    for made, of_the_repository in (("state/db", "state"), ("conf.json", "conf.json")):
        path = stage.checkout / made
        path.parent.mkdir(exist_ok=True)
        path.write_text("made by a container")
        run = refused(stage, {of_the_repository: "{}"}, step="render")
        assert f"{of_the_repository} is there already" in run["message"]
        assert path.read_text() == "made by a container"
        stage.deploy(remove=[of_the_repository])
        assert path.read_text() == "made by a container"


def test_an_image_that_does_not_exist(stage: Stage) -> None:
    gone = good("bad", web=GOOD["web"] | {"image": "127.0.0.1:1/no/such:1"})
    run = refused(stage, gone, step="pull")
    assert "An image is not here and cannot be pulled" in run["message"]
    assert "web" in run["message"]
    recovered(stage, "image")


def test_a_variable_that_is_missing(stage: Stage) -> None:
    files = good("bad", web=sleeper(environment={"X": "${X:?needed for this}"}))
    run = refused(stage, files, step="render")
    assert "needed for this" in run["message"]
    recovered(stage, "variable")


def test_a_compose_file_of_a_stack_without_services(stage: Stage) -> None:
    run = refused(stage, changed(**{"compose.yml": "services: {}\n"}), step="render")
    assert "no service" in run["message"]
    profiles = stack_files({"web": sleeper(profiles=["never"])})
    refused(stage, profiles, step="render")
    recovered(stage, "no services")


INVALID = {
    "a syntax error": ("services:\n  web: [\n", "yaml: line"),
    "an unknown key": (
        f"services: {{web: {{image: {BASE_IMAGE}, comand: x}}}}\n",
        "services.web additional properties 'comand' not allowed",
    ),
    "an empty file": ("", "empty compose file"),
    "not YAML": (bytes(range(256)), "yaml: control characters are not allowed"),
    "duplicate keys": (
        "services:\n  web: {image: a}\n  web: {image: b}\n",
        'line 3: mapping key "web" already defined at line 2',
    ),
    "a word": ("hello\n", "top-level object must be a mapping"),
}


@pytest.mark.parametrize(("content", "why"), INVALID.values(), ids=INVALID)
def test_invalid_yaml_is_refused_with_its_reason(
    stage: Stage, content: str | bytes, why: str
) -> None:
    run = refused(stage, {"compose.yml": content, "page.conf": "bad"}, step="render")
    assert why in run["message"]
    assert "Compose cannot use compose.yml: " in run["message"]
    assert str(stage.folder) not in run["message"]


def test_a_byte_order_mark_is_no_error(stage: Stage) -> None:
    files = good("marked")
    stage.deploy({**files, "compose.yml": b"\xef\xbb\xbf" + str(files["compose.yml"]).encode()})
    assert stage.read("web", "/page.conf") == "marked"


@pytest.mark.row("D14")
def test_a_yaml_bomb_ends_soon_and_delays_nobody(stage: Stage) -> None:
    bomb = "x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 8))
    services = json.dumps(json.loads(str(good()["compose.yml"]))["services"])
    containers, tree = stage.containers, stage.files
    run = stage.push({"compose.yml": f"{bomb}services: {services}\n"})
    with Asking(stage.service.url) as others:
        ended = stage.ended(run, "failed")
    others.check_nobody_waited()
    assert ended["step"] == "render"
    # Its own limits end it, or where others take the processor that of the step.
    assert "ended by SIGKILL" in ended["message"] or "took longer than" in ended["message"]
    assert (stage.containers, stage.files) == (containers, tree)


# Links and paths that lead elsewhere


@pytest.mark.parametrize("name", ["compose.yml", ".env"])
def test_a_link_that_leaves_the_repository_is_refused(
    stage: Stage, tmp_path: Path, name: str
) -> None:
    outside = tmp_path / "outside"
    outside.write_text(str(good()["compose.yml"]) if name == "compose.yml" else "A=1\n")
    path = stage.repository.path / name
    path.unlink(missing_ok=True)
    stage.repository.link(name, str(outside))
    run = refused(stage, {}, step="check out")
    assert f"{name} leaves the repository" in run["message"]
    path.unlink()
    recovered(stage, f"no link {name}")


REMOTE = {
    "git over https": "https://127.0.0.1:{port}/x.git#main:compose.yml",
    "git over ssh": "git@127.0.0.1:{port}/x.git",
    "a registry": "oci://127.0.0.1:{port}/x:1",
}


@pytest.mark.parametrize("address", REMOTE.values(), ids=REMOTE)
def test_a_remote_include_is_refused_and_nobody_is_asked(stage: Stage, address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        files = stack_files(GOOD, include=[address.format(port=port)])
        run = refused(stage, files, step="render")
        assert "disabled" in run["message"]
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()


def reaching(storage: str) -> dict[str, Files]:
    """Return stacks that reach into the storage of the service, each in another way."""
    lock = f"{storage}/lock"
    web: dict[str, dict[str, object]] = {
        "a bind mount": {"volumes": [f"{storage}:/storage"]},
        "a bind mount above the checkout": {"volumes": ["..:/stack"]},
        "an env file": {"env_file": lock},
        "an env file above the checkout": {"env_file": "../../../lock"},
        "an env file through a link": {"env_file": "link"},
        "a label file": {"label_file": lock},
        "what is extended": {"extends": {"file": f"{storage}/base.yml", "service": "more"}},
    }
    built: dict[str, dict[str, object]] = {
        "a build context": {"build": storage},
        "a further build context": {
            "build": {"context": ".", "additional_contexts": {"more": storage}}
        },
    }
    stacks = {name: stack_files({"web": sleeper(**keys)}) for name, keys in web.items()}
    stacks |= {name: stack_files({"web": without_image(**keys)}) for name, keys in built.items()}
    for kind in ("configs", "secrets"):
        use = sleeper(**{kind: ["x"]})
        stacks[kind] = stack_files({"web": use}, **{kind: {"x": {"file": lock}}})
    device = {"driver_opts": {"type": "none", "o": "bind", "device": storage}}
    stacks["a volume's device"] = stack_files(
        {"web": sleeper(volumes=["data:/data"])}, volumes={"data": device}
    )
    stacks["what is included"] = stack_files(GOOD, include=[f"{storage}/base.yml"])
    return stacks


@pytest.mark.parametrize("way", reaching(""))
def test_nothing_of_supervisors_own_storage_can_be_reached(stage: Stage, way: str) -> None:
    storage = stage.service.storage
    (storage / "base.yml").write_text(str(stack_files({"more": sleeper()})["compose.yml"]))
    link = stage.repository.path / "link"
    if not link.is_symlink():
        link.symlink_to(storage / "lock")
    run = refused(stage, reaching(str(storage))[way], step="render")
    assert "Supervisor's own storage" in run["message"]


# Other stacks


def test_a_stack_cannot_take_over_anothers_project(
    stage: Stage, engine: Engine, tmp_path: Path
) -> None:
    before = stage.containers
    thief = Stage(stage.service, engine, Repository(tmp_path / "thief"))
    label = {"com.docker.compose.project": stage.project}
    environment = f"COMPOSE_PROJECT_NAME={stage.project}\nCOMPOSE_FILE=/etc/compose.yml\n"
    thief.repository.commit(
        stack_files(
            {"web": sleeper(labels=label), "thief": sleeper()},
            {".env": environment},
            name=stage.project,
        )
    )
    thief.create()
    assert set(thief.ids) == {"web", "thief"}
    assert stage.containers == before
    recovered(stage, "not taken over")
    assert set(thief.ids) == {"web", "thief"}


# Builds


def recipe(version: str) -> str:
    return f"FROM {BASE_IMAGE}\nRUN echo {version} >/version\n"


def test_a_build_that_fails_touches_nothing_not_even_by_a_later_start(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    stage = Stage(shared_service, engine, Repository(tmp_path / "repository"))
    services = {"web": without_image(build="web"), "api": without_image(build="api")}
    stage.repository.commit(
        stack_files(services, {"web/Dockerfile": recipe("1"), "api/Dockerfile": recipe("1")})
    )
    stage.create()
    containers = stage.containers
    # web's image is ready long before api's build fails.
    bad = {"web/Dockerfile": recipe("2"), "api/Dockerfile": recipe("2 && sleep 2 && false")}
    run = refused(stage, bad, step="build")
    assert "exit code: 1" in run["message"]

    stage.ended(control(shared_service, stage.uuid, "start"))
    assert stage.containers == containers
    assert stage.read("web", "/version") == "1"
    stage.deploy({"api/Dockerfile": recipe("3")})
    assert [stage.read(name, "/version") for name in ("web", "api")] == ["2", "3"]


# What is around


def test_a_repository_that_is_unreachable(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit(good())
    with GitServer(tmp_path) as server:
        stage = Stage(shared_service, engine, repository).create(
            git_repository=server.url(repository.path),
            git_username=server.username,
            git_token=server.password,
        )
        containers, tree = stage.containers, stage.files
        repository.commit(good("2"))
        for fault in ("reset", "status"):
            setattr(server.faults, fault, 503 if fault == "status" else True)
            run = stage.ended(webhook(shared_service, stage.uuid), "failed")
            assert run["message"].startswith("fetch: The git server cannot be reached"), run
            assert (stage.containers, stage.files) == (containers, tree)
        assert shared_service.get(f"/stacks/{stage.uuid}/stats").json()["next_retry"]
        server.faults.reset, server.faults.status = False, None
        stage.ended(webhook(shared_service, stage.uuid))
        assert stage.read("web", "/page.conf") == "2"


MIB = 1024 * 1024


@pytest.fixture
def cramped(tmp_path: Path, engine: Engine) -> Iterator[Stage]:
    """A stack whose service has a small disk of its own."""
    repository = Repository(tmp_path / "repository")
    repository.commit(good())
    with service_on_small_disk(tmp_path / "small", engine) as service:
        yield Stage(service, engine, repository).create()


# A commit of 3 MiB takes as much in the mirror, then aside, then in the stable checkout.
@pytest.mark.parametrize(("step", "room"), [("fetch", 1 * MIB), ("check out", 5 * MIB)])
def test_a_disk_that_is_full(cramped: Stage, step: str, room: int) -> None:
    filling = fill(cramped.service.storage, leave=room)
    run = refused(cramped, {**good("2"), "large": os.urandom(3 * MIB)}, step=step)
    assert "The disk is full: free space" in run["message"]
    assert cramped.service.get("/up").status_code == 200

    filling.unlink()
    cramped.ended(webhook(cramped.service, cramped.uuid))
    assert cramped.read("web", "/page.conf") == "2"


def test_what_was_prepared_aside_gives_way_where_it_takes_the_last_room(cramped: Stage) -> None:
    fill(cramped.service.storage, leave=8 * MIB)
    large = os.urandom(3 * MIB)
    db = cramped.ids["db"]
    cramped.deploy({**good("2"), "large": large})
    assert cramped.read("web", "/page.conf") == "2"
    assert cramped.files["large"] == large
    assert cramped.ids["db"] == db
