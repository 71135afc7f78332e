"""An engine is a value: what is asked of another one than our own goes to its address."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervisor.commands.docker.compose import Compose, Project
from supervisor.commands.docker.containers import containers_of, step_aside, step_back
from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.events import Event, follow_events
from supervisor.commands.docker.images import local_images
from supervisor.commands.docker.plugin import plugin_version
from supervisor.commands.process.shell import Cancellation, Shell
from supervisor.errors import CommandCancelled, SupervisorError
from supervisor.selfupdate.helper import HelperContainer
from tests.support import engine as real
from tests.support.engine_proxy import EngineProxy
from tests.support.waiting import wait_until

OWN = {
    "DOCKER_HOST": "unix:///nope.sock",
    "DOCKER_CONTEXT": "nope",
    "DOCKER_CERT_PATH": "/nope",
    "DOCKER_TLS_VERIFY": "1",
}
STACK = f"""\
services:
  web:
    build: {{context: ., dockerfile_inline: "FROM {real.BASE_IMAGE}\\nRUN echo built >/built"}}
    command: [sleep, "1000"]
    stop_signal: SIGKILL
"""


@pytest.fixture
def address(engine: real.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give an engine an address, while none answers where our own environment says."""
    with EngineProxy(tmp_path) as proxy:
        for name, value in OWN.items():
            monkeypatch.setenv(name, value)
        yield proxy.address


@pytest.fixture
def other(shell: Shell, address: str) -> Engine:
    """Give the engine at that address."""
    return Engine(shell, address)


@pytest.fixture
def compose(engine: real.Engine, other: Engine, tmp_path: Path) -> Compose:
    """Give a project of one service on the other engine."""
    name = engine.claim(f"sv-{os.getpid()}-{time.monotonic_ns()}")
    engine.claim_image(f"{name}-web")
    file = tmp_path / "compose.yml"
    file.write_text(STACK)
    return Compose(other, Project(name, tmp_path, (file,)))


def test_an_environment_names_one_engine_only(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OWN.items():
        monkeypatch.setenv(name, value)
    own, other = Engine(shell).environment, Engine(shell, "unix:///other.sock").environment
    assert own.items() >= OWN.items()
    assert other == {n: v for n, v in own.items() if n not in OWN} | {
        "DOCKER_HOST": "unix:///other.sock"
    }


def test_another_engine_is_asked_where_it_is(other: Engine) -> None:
    with pytest.raises(SupervisorError):
        Engine(other.shell).version(20)
    assert other.version(20)[0].isdigit()
    assert abs(other.system_time().timestamp() - time.time()) < 60
    assert plugin_version(other, 20)[0].isdigit()
    assert real.BASE_IMAGE in local_images(other, 20)
    assert not HelperContainer(other, "none").is_there()


def test_a_project_lives_and_goes_on_another_engine(compose: Compose) -> None:
    other, name = compose.engine, compose.project.name
    model = compose.config(30)
    assert not compose.pull(model, local_images(other, 30), 30)
    compose.build(60)
    compose.up(60)
    [container] = containers_of(other, name)
    assert container.status == "running"
    step_aside(other, container.id)
    step_back(other, container.id)
    compose.stop(30)
    assert [each.status for each in containers_of(other, name)] == ["exited"]
    compose.down(60, volumes=True)
    assert containers_of(other, name) == []


def test_events_of_another_engine_are_heard(
    compose: Compose, make_shell: Callable[..., Shell], address: str
) -> None:
    cancellation, heard = Cancellation(), list[Event]()
    engine = Engine(make_shell(cancellation=cancellation), address)

    def listen() -> None:
        with pytest.raises(CommandCancelled):
            follow_events(engine, heard.extend, 60)

    compose.build(60)
    compose.up(60)
    listener = threading.Thread(target=listen)
    listener.start()

    def died() -> Event | None:
        compose.restart(60)  # the stream may have begun only after the last one
        project = compose.project.name
        return next((e for e in heard if (e.project, e.action) == (project, "die")), None)

    event = wait_until(died, "an event of the project is heard", seconds=90)
    cancellation.cancel("enough")
    listener.join(20)
    assert event.container == containers_of(compose.engine, compose.project.name)[0].id
    assert event.exit_code.isdigit()
