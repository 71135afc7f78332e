"""Compose does its verbs on a real engine, and its failures have names."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.commands.docker.compose import Compose, Project
from supervisor.commands.docker.containers import containers_of
from supervisor.commands.docker.engine import Engine as DockerEngine
from supervisor.commands.docker.images import local_images
from supervisor.commands.process.shell import Shell
from supervisor.errors import (
    CommandFailed,
    EngineUnreachable,
    ImageNotFound,
    PortTaken,
    SupervisorError,
)
from tests.support.engine import BASE_IMAGE, Engine, docker
from tests.support.shell import Log

STACK = f"""\
services:
  web: &service
    image: {BASE_IMAGE}
    command: [sleep, "1000"]
    stop_grace_period: 0s
    environment: {{V: "${{V:-none}}"}}
  db:
    <<: *service
    environment: {{}}
"""


@pytest.fixture
def project(engine: Engine, tmp_path: Path) -> Project:
    """Make a project of two services."""
    name = engine.claim(f"sv-{os.getpid()}-{time.monotonic_ns()}")
    file = tmp_path / "compose.yml"
    file.write_text(STACK)
    return Project(name, tmp_path, (file,), {"V": "1"})


@pytest.fixture
def compose(shell: Shell, project: Project) -> Iterator[Compose]:
    """Give its commands; take its containers away again."""
    yield Compose(DockerEngine(shell), project)
    Compose(DockerEngine(Shell()), Project(project.name, project.directory)).down(60, volumes=True)


def with_file(compose: Compose, text: str, **variables: str) -> Compose:
    """Return the commands for other contents of the same project."""
    file = compose.project.files[0]
    file.write_text(text)
    project = Project(compose.project.name, file.parent, (file,), variables)
    return Compose(compose.engine, project)


def by_name(compose: Compose) -> Compose:
    """Return the commands for the project when only its name is known."""
    return Compose(compose.engine, Project(compose.project.name, compose.project.directory))


def containers(compose: Compose) -> dict[str, tuple[str, str]]:
    found = containers_of(compose.engine, compose.project.name)
    return {container.service: (container.id, container.status) for container in found}


def states(compose: Compose) -> set[str]:
    return {state for _, state in containers(compose).values()}


def test_a_project_lives_and_goes(compose: Compose) -> None:
    compose.up(60)
    named = by_name(compose)
    assert states(named) == {"running"}
    named.pause(30)
    assert states(named) == {"paused"}
    named.unpause(30)
    named.stop(30)
    assert states(named) == {"exited"}
    named.restart(30)
    assert states(named) == {"running"}
    named.down(60, volumes=False)
    assert containers(named) == {}


def test_nothing_is_recreated_without_a_change(compose: Compose) -> None:
    compose.up(60)
    before = containers(compose)
    compose.up(60)
    assert containers(compose) == before


def test_only_what_changed_is_recreated_and_orphans_go(compose: Compose) -> None:
    compose.up(60)
    before = containers(compose)
    with_file(compose, STACK, V="2").up(60)
    after = containers(compose)
    assert after["db"] == before["db"]
    assert after["web"] != before["web"]
    with_file(compose, STACK[: STACK.index("  db:")], V="2").up(60)
    assert set(containers(compose)) == {"web"}


def test_variables_win_over_the_repositorys_own(compose: Compose) -> None:
    dotenv = compose.project.directory / ".env"
    dotenv.write_text("V=from-file\nW=w\nCOMPOSE_PROJECT_NAME=hijack\n")
    project = compose.project
    both = Project(project.name, project.directory, project.files, {"V": "1"}, dotenv)
    model = Compose(compose.engine, both).config(20)
    assert model["name"] == project.name
    assert model["services"]["web"]["environment"] == {"V": "1"}
    alone = Project(project.name, project.directory, project.files, {}, dotenv)
    model = Compose(compose.engine, alone).config(20)
    assert model["services"]["web"]["environment"] == {"V": "from-file"}
    neither = Project(project.name, project.directory, project.files, {})
    model = Compose(compose.engine, neither).config(20)
    assert model["services"]["web"]["environment"] == {"V": "none"}


def test_the_services_own_environment_does_not_show(
    compose: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("V", "canary")
    project = compose.project
    model = Compose(compose.engine, Project(project.name, project.directory, project.files)).config(
        20
    )
    assert "canary" not in json.dumps(model)


def test_a_compose_file_where_the_service_stands_is_not_taken(
    compose: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose.up(60)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "compose.yml").write_text("services: {broken")
    monkeypatch.chdir(elsewhere)
    named = by_name(compose)
    named.stop(30)
    assert states(named) == {"exited"}
    named.down(30, volumes=False)
    assert containers(named) == {}


def test_volumes_stay_unless_asked(compose: Compose) -> None:
    extra = "    volumes: [data:/data]\nvolumes: {data: }\n"
    with_file(compose, STACK + extra).up(60)
    volume = f"{compose.project.name}_data"
    by_name(compose).down(60, volumes=False)
    assert docker("volume", "ls", "-q", "--filter", f"name={volume}") == volume
    with_file(compose, STACK + extra).down(60, volumes=True)
    assert docker("volume", "ls", "-q", "--filter", f"name={volume}") == ""


def test_volumes_go_without_files_too(compose: Compose) -> None:
    with_file(compose, STACK + "    volumes: [data:/data]\nvolumes: {data: }\n").up(60)
    by_name(compose).down(60, volumes=True)
    volume = f"{compose.project.name}_data"
    assert docker("volume", "ls", "-q", "--filter", f"name={volume}") == ""


def test_a_local_image_that_no_registry_has_is_enough(compose: Compose) -> None:
    compose.pull(compose.config(60), local_images(compose.engine, 60), 60)
    compose.up(60)


def test_an_image_that_is_nowhere_is_named(compose: Compose) -> None:
    missing = with_file(compose, STACK.replace(BASE_IMAGE, "127.0.0.1:1/none:1"))
    with pytest.raises(ImageNotFound, match=r"127\.0\.0\.1:1"):
        missing.pull(missing.config(60), local_images(missing.engine, 60), 60)
    with pytest.raises(ImageNotFound):
        missing.up(60)


def test_a_missing_image_leaves_what_runs_alone(compose: Compose) -> None:
    compose.up(60)
    before = containers(compose)
    with pytest.raises(ImageNotFound):
        with_file(compose, STACK.replace(BASE_IMAGE, "sv-none:1")).up(60)
    assert containers(compose) == before


def test_a_service_that_must_be_pulled_is(compose: Compose) -> None:
    always = STACK.replace("    command", "    pull_policy: always\n    command")
    with pytest.raises(ImageNotFound, match=r"pull access denied|dial tcp"):
        changed = with_file(compose, always)
        changed.pull(changed.config(60), local_images(changed.engine, 60), 60)


@pytest.mark.parametrize("policy", ["never", "build"])
def test_a_service_that_must_not_be_pulled_is_not(compose: Compose, policy: str) -> None:
    text = f"services:\n  a:\n    image: 127.0.0.1:1/x\n    pull_policy: {policy}\n"
    if policy == "build":
        text += "    build: .\n"
    changed = with_file(compose, text)
    changed.pull(changed.config(60), local_images(changed.engine, 60), 60)


def test_a_service_is_built_and_started(compose: Compose, engine: Engine) -> None:
    engine.claim_image(f"{compose.project.name}-a")
    text = f"""\
services:
  a:
    build: {{context: ., dockerfile_inline: "FROM {BASE_IMAGE}\\nRUN echo built >/built"}}
    command: [sleep, "1000"]
    stop_grace_period: 0s
"""
    built = with_file(compose, text)
    built.pull(built.config(60), local_images(built.engine, 60), 60)
    built.build(60)
    built.up(60)
    assert docker("exec", containers(built)["a"][0], "cat", "/built") == "built"


def test_a_taken_port_is_called_so(compose: Compose) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = STACK.replace(
            "    stop_grace", f'    ports: ["127.0.0.1:{port}:80"]\n    stop_grace'
        )
        with pytest.raises(PortTaken):
            with_file(compose, text).up(60)


def test_an_engine_that_does_not_answer_is_unreachable_to_compose(
    compose: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as changed:
        changed.setenv("DOCKER_HOST", "unix:///nope.sock")
        with pytest.raises(EngineUnreachable):
            compose.up(20)


def test_the_engine_tells_its_version(engine: Engine, shell: Shell) -> None:
    assert DockerEngine(shell).version(10)[0].isdigit()


@pytest.mark.parametrize("text", ["services: {", "services:\n  a: {image: x, comand: y}", ""])
def test_a_file_that_is_wrong_is_an_error_with_composes_words(compose: Compose, text: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        with_file(compose, text).config(20)
    assert caught.value.command == "docker compose config"
    assert caught.value.output


@pytest.mark.row("D11")
def test_a_remote_include_is_not_fetched(compose: Compose) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        for url in (f"https://127.0.0.1:{port}/x.git#main:c.yml", f"oci://127.0.0.1:{port}/x"):
            with pytest.raises(SupervisorError):
                with_file(compose, f"include: ['{url}']\n").config(20)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_values_of_variables_are_in_no_command_line(compose: Compose, log: Log) -> None:
    with_file(compose, STACK, V="var-CANARY-3").up(60)
    assert "var-CANARY-3" not in "\n".join(log.lines)
    labels = docker("inspect", "--format", "{{json .Config.Labels}}", containers(compose)["web"][0])
    assert "var-CANARY-3" not in labels
