"""From a push to the new version being served, against the bare commands on a stack like it."""

import hashlib
import hmac
import http.client
import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from bench.figures import Figure, median
from bench.stage import Stage
from tests.support.ports import free_port
from tests.support.repository import Repository, two_services
from tests.support.service import SIGNATURE_SECRET, Service

Files = Callable[[str, int], Mapping[str, str | bytes]]

ROUNDS = 7
REST_SECONDS = 1  # Supervisor looks at the containers again: that is no cost of the next contender
GOAL = 1.2
UP = "docker compose up --detach"


def versioned(version: str, port: int) -> dict[str, str]:
    """Return the files of a stack that tells its version at a port."""
    return two_services(version, port=port)


@dataclass(kw_only=True)
class Contender(ABC):
    """One way to bring a stack up to date, with a stack of its own."""

    repository: Repository
    port: int
    files: Files = versioned
    took: list[float] = field(default_factory=list)

    def round(self, version: str) -> None:
        """Push a version, bring it up, note how long it took from the push on."""
        self.repository.commit(self.files(version, self.port))
        begun = time.monotonic()
        self.trigger()
        wait_for_version(self.port, version)
        self.took.append(time.monotonic() - begun)
        self.settle()
        time.sleep(REST_SECONDS)

    @abstractmethod
    def trigger(self) -> None:
        """Say that something was pushed."""

    @abstractmethod
    def settle(self) -> None:
        """Wait until nothing goes on any more."""


@dataclass(kw_only=True)
class Bare(Contender):
    """The three commands that a person would type, in a clone."""

    clone: Path
    project: str
    commands: str = UP

    def trigger(self) -> None:
        """Begin to run them; the container is asked meanwhile, as it is with the others."""
        script = f"git fetch --quiet && git reset --quiet --hard origin/main && {self.commands}"
        environment = os.environ | {"COMPOSE_PROJECT_NAME": self.project}
        self.running = subprocess.Popen(
            ["sh", "-c", script], cwd=self.clone, env=environment, stderr=DEVNULL
        )

    def settle(self) -> None:
        """Wait until they have ended."""
        assert self.running.wait(60) == 0, "the bare commands failed"


@dataclass(kw_only=True)
class Hooked(Contender):
    """A signed webhook, as a forge sends it."""

    service: Service
    uuid: str

    def trigger(self) -> None:
        """Send it."""
        body = b'{"ref": "refs/heads/main"}'
        digest = hmac.new(SIGNATURE_SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={digest}"}
        answer = self.service.post(f"/stacks/{self.uuid}/webhook", data=body, headers=headers)
        assert answer.status_code == 202, answer.text

    def settle(self) -> None:
        """Wait for the run's end, so that it doesn't cost the next contender."""
        self.service.wait_for_run(self.uuid)


@dataclass(kw_only=True)
class Commanded(Hooked):
    """The command `redeploy`, which asks no questions about what is new."""

    def trigger(self) -> None:
        """Send it."""
        answer = self.service.post(f"/stacks/{self.uuid}/control", json={"command": "redeploy"})
        assert answer.status_code == 204, answer.text


def measure(stage: Stage) -> list[Figure]:
    """Let the three ways take turns."""
    service = stage.service().start()
    bare, hooked, commanded = (
        bare_on(stage), ours_on(stage, service), ours_on(stage, service, kind=Commanded)
    )  # fmt: skip
    for number in range(2, ROUNDS + 2):
        for contender in (bare, hooked, commanded):
            contender.round(str(number))
    stage.engine.remove(bare.project)
    base = median(bare.took)
    return [
        _figure("push to new version served, by webhook", hooked, base, GOAL),
        _figure("the same by the command redeploy", commanded, base, GOAL),
    ]


def _figure(what: str, contender: Contender, base: float, goal: float) -> Figure:
    ratio = median(contender.took) / base
    note = f"{median(contender.took):.2f} s against {base:.2f} s, medians of {ROUNDS}"
    return Figure(what, f"{ratio:.2f} times", f"<= {goal} times", ratio <= goal, note)


def bare_on(stage: Stage, files: Files = versioned, commands: str = UP) -> Bare:
    """Return a stack of its own that bare commands bring up to date; it is up already."""
    port = free_port()
    repository = stage.repository(files("1", port))
    clone = stage.path("clone")
    repository.git("clone", "--quiet", repository.url, str(clone))
    project = stage.engine.claim(f"bench-bare-{port}")
    bare = Bare(
        repository=repository,
        port=port,
        files=files,
        clone=clone,
        project=project,
        commands=commands,
    )
    bare.trigger()
    bare.settle()
    wait_for_version(port, "1")
    return bare


def ours_on(
    stage: Stage,
    service: Service,
    files: Files = versioned,
    *,
    kind: type[Hooked] = Hooked,
    **fields: Any,
) -> Hooked:
    """Return a stack of its own that the service brings up to date; it is up already."""
    port = free_port()
    repository = stage.repository(files("1", port))
    uuid = service.create_stack(git_repository=repository.url, **fields)["uuid"]
    service.wait_for_run(uuid)
    wait_for_version(port, "1")
    return kind(repository=repository, port=port, files=files, service=service, uuid=uuid)


def wait_for_version(port: int, version: str) -> None:
    """Ask the container every 5 ms until it serves the version."""
    until = time.monotonic() + 60
    while served(port) != version:
        if time.monotonic() > until:
            raise AssertionError(f"version {version} is not served")
        time.sleep(0.005)


def served(port: int, patience: float = 0.1) -> str | None:
    """Return the version that is served, None while nothing is."""
    # While the container is replaced, a connection may hang on packets that nobody answers.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
    with suppress(OSError, http.client.HTTPException), closing(connection):
        connection.request("GET", "/version")
        return connection.getresponse().read().decode().strip()
    return None
