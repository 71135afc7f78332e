"""Supervisor in a container, built from the project's own Dockerfile."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.engine import Engine, docker
from tests.support.service import Service
from tests.support.waiting import wait_until

BASE = "debian:trixie-slim"
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
STORAGE = "/supervisor/storage"
BUILD_SECONDS = 600


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """Build the image, on a stand-in for its base where no registry has that."""
    tag = f"supervisor-test/image:{os.getpid()}"
    dockerfile = (ROOT / "Dockerfile").read_text()
    base = _base(engine)
    dockerfile = re.sub(rf"^FROM {re.escape(BASE)}", f"FROM {base}", dockerfile, flags=re.MULTILINE)
    _build(engine, dockerfile, f"{tag}-build", "--target", "build")
    return _build(engine, dockerfile, tag)


def _base(engine: Engine) -> str:
    if docker("image", "ls", "--quiet", BASE) or _is_pulled():
        return BASE
    tag = engine.claim_image(f"supervisor-test/debian:{os.getpid()}")
    _run([ROOT / "scripts/debian-image.sh", tag])
    return tag


def _is_pulled() -> bool:
    pull = ["docker", "pull", "--quiet", BASE]
    return subprocess.run(pull, check=False, capture_output=True, timeout=300).returncode == 0


def _build(engine: Engine, dockerfile: str, tag: str, *options: str) -> str:
    arguments = [
        word
        for name in PROXIES
        if name in os.environ
        for word in ("--build-arg", f"{name}={os.environ[name]}")
    ]
    engine.claim_image(tag)
    build = ["docker", "build", "--network", "host", "--tag", tag, "--file", "-"]
    _run([*build, *arguments, *options, ROOT], text=dockerfile)
    return tag


def _run(command: list[str | Path], text: str | None = None) -> None:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, input=text, timeout=BUILD_SECONDS
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


class ContainerService(Service):
    """The server in a container; `mounts` are options such as `--volume`."""

    def __init__(
        self, folder: Path, engine: Engine, image: str, mounts: list[str], options: list[str]
    ) -> None:
        """Choose a name; the folder is seen inside too, for repositories in it."""
        super().__init__(folder, engine)
        self.name = f"supervisor-test-{os.urandom(4).hex()}"
        socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        socket = socket.removeprefix("unix://")
        keys = ("SUPERVISOR_API_KEY", "SUPERVISOR_SECRET_KEY_BASE")
        self._command = [
            *("run", "--detach", "--name", self.name, "--publish", "127.0.0.1::3000"),
            *("--volume", f"{socket}:/var/run/docker.sock"),
            *("--volume", f"{folder / 'repositories'}:{folder / 'repositories'}:ro"),
            *(word for key in keys for word in ("--env", f"{key}={self.environment[key]}")),
            *mounts,
            *options,
            image,
        ]

    def start(self, *, healthy: bool = True) -> "ContainerService":
        """Start the container, or start it again."""
        if docker("ps", "--all", "--quiet", "--filter", f"name={self.name}"):
            docker("start", self.name)
        else:
            docker(*self._command)
        address = docker("port", self.name, "3000").splitlines()[0]
        self.url = f"http://{address}"
        wait_until(self._answers, "the container answers", seconds=30)
        return self

    def _answers(self) -> bool:
        running = docker("inspect", "--format", "{{.State.Running}}", self.name)
        assert running == "true", self.log_text[-4000:]
        return self._is_up_now()

    def _is_up_now(self) -> bool:
        try:
            return self.get("/up", timeout=5).status_code == 200
        except OSError:
            return False

    def stop(self) -> int:
        """Stop the container as Docker does; return its exit status."""
        docker("stop", "--time", "30", self.name)
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", self.name))

    def health_command(self) -> list[str]:
        """Return the command by which the image tells whether it is well."""
        test = docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", self.name)
        kind, *command = json.loads(test)
        assert kind == "CMD"
        return command

    @property
    def log_text(self) -> str:
        """Return what the container has written."""
        done = subprocess.run(
            ["docker", "logs", self.name], check=False, capture_output=True, text=True, timeout=30
        )
        return done.stdout + done.stderr

    def close(self) -> None:
        """Remove the container and what its stacks left."""
        docker("rm", "--force", "--volumes", self.name, check=False)
        self._remove_projects()


StartContainer = Callable[..., ContainerService]


@pytest.fixture
def start_container(tmp_path: Path, engine: Engine, image: str) -> Iterator[StartContainer]:
    """Start Supervisor in containers, each with mounts of its own."""
    (tmp_path / "repositories").mkdir()
    started: list[ContainerService] = []

    def start(*mounts: str, options: tuple[str, ...] = ()) -> ContainerService:
        started.append(ContainerService(tmp_path, engine, image, list(mounts), list(options)))
        return started[-1].start()

    yield start
    for service in started:
        service.close()
