"""Supervisor in a container, from the project's own image."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import requests

from tests.support import ROOT
from tests.support.engine import Engine, docker
from tests.support.service import Service
from tests.support.waiting import wait_until

USER = 3000
STORAGE = "/supervisor/storage"
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", os.getpid())
# Made for each test run, unless this names one that may stay.
STAND_IN = os.environ.get("STAND_IN", f"supervisor-test/debian:{RUN}")
BUILD_SECONDS = 600


def build_image(engine: Engine, tag: str) -> str:
    """Build the image; where no registry has its base, make that too."""
    made = not docker("image", "ls", "--quiet", STAND_IN)
    # The first stage gets a name, so that it can be removed.
    for name, target in ((f"{tag}-build", ("--target", "build")), (tag, ())):
        _build(name, *target)
        engine.claim_image(name)
    if made and docker("image", "ls", "--quiet", STAND_IN):
        engine.claim_image(STAND_IN)
    return tag


def _build(*arguments: str) -> None:
    done = subprocess.run(
        [ROOT / "scripts/image.sh", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"STAND_IN": STAND_IN},
        timeout=BUILD_SECONDS,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


class ContainerService(Service):
    """The server in a container; `mounts` are options such as `--volume`."""

    def __init__(
        self, folder: Path, engine: Engine, image: str, mounts: list[str], options: list[str]
    ) -> None:
        """Choose a name; the folder is seen inside too, for repositories in it."""
        super().__init__(folder, engine)
        self.headers: dict[str, str] = {}
        self.name = f"supervisor-test-{os.urandom(4).hex()}"
        socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        socket = socket.removeprefix("unix://")
        keys = ("SUPERVISOR_API_KEY", "SUPERVISOR_SECRET_KEY_BASE")
        # Options that come later count.
        plain = ("--env", "SUPERVISOR_FORCE_SSL=false")
        self.command = [
            *("run", "--detach", "--name", self.name, "--publish", "127.0.0.1::3000"),
            *("--volume", f"{socket}:/var/run/docker.sock"),
            *("--volume", f"{folder / 'repositories'}:{folder / 'repositories'}:ro"),
            *(word for key in keys for word in ("--env", f"{key}={self.environment[key]}")),
            *plain,
            *mounts,
            *options,
            image,
        ]

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request, as a proxy would if it has headers."""
        options["headers"] = self.headers | options.pop("headers", {})
        return super().request(method, path, **options)

    def start(self, *, healthy: bool = True) -> "ContainerService":
        """Start the container, or start it again."""
        if docker("ps", "--all", "--quiet", "--filter", f"name={self.name}"):
            docker("start", self.name)
        else:
            docker(*self.command)
        address = docker("port", self.name, "3000").splitlines()[0]
        self.url = f"http://{address}"
        wait_until(lambda: self._answers(healthy), "the container answers", seconds=30)
        return self

    def _answers(self, healthy: bool) -> bool:
        running = docker("inspect", "--format", "{{.State.Running}}", self.name)
        assert running == "true", self.log_text[-4000:]
        try:
            return self.get("/up", timeout=5).status_code == 200 or not healthy
        except OSError:
            return False

    def stop(self) -> int:
        """Stop the container as Docker does; return its exit status."""
        docker("stop", "--time", "30", self.name)
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", self.name))

    def inside(self, *command: str) -> str:
        """Return what a command prints in the container, as root."""
        return docker("exec", self.name, *command)

    @property
    def mounts(self) -> dict[str, str]:
        """Return where each mount of the container comes from."""
        mounts = json.loads(docker("inspect", "--format", "{{json .Mounts}}", self.name))
        return {mount["Destination"]: mount["Source"] for mount in mounts}

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
