"""Stacks whose first deploy never ends by itself: one for each stage that can hang."""

import os
import random
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.scenarios.health.steps import Files, Run, Stack, script, still, web_and_db
from tests.support.compose_files import built, compose
from tests.support.git_http import GitServer
from tests.support.repository import Repository
from tests.support.service import Service

MARKER = "SUPERVISOR_COMMAND_OF"
EVER = 1_000_000


@dataclass
class Hanging:
    """A stack that hangs at a step; `release` takes the cause away."""

    service: Service
    repository: Repository
    step: str
    fields: dict[str, Any] = field(default_factory=dict)
    release: Callable[[], None] = lambda: None
    outside: str = ""
    """What stands at the end of the command line of processes that the engine started for it."""
    stack: Stack = field(default_factory=dict)

    def begin(self) -> "Hanging":
        """Create the stack, which starts its first deploy."""
        fields = {"git_repository": self.repository.url, "health_timeout": 60} | self.fields
        self.stack = self.service.create_stack(**fields)
        return self

    @property
    def uuid(self) -> str:
        """Return the stack's uuid."""
        return str(self.stack["uuid"])

    def mend(self) -> None:
        """Take the cause away, and commit something that can be deployed."""
        self.release()
        self.repository.commit(web_and_db("2"))

    def leftovers(self, run: Run) -> list[str]:
        """Return the processes that a run has left, those that the engine started included."""
        return processes_of(self.service, run, self.outside)


def processes_of(service: Service, run: Run, outside: str = "") -> list[str]:
    """Return the processes that a run started, and those whose last argument is `outside`."""
    mine = f"{service.storage}:{run['uuid']}"
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = process.cmdline()
            of_run = process.environ().get(MARKER, "").startswith(mine)
            of_engine = bool(outside and line and line[-1] == outside)
            if (of_run or of_engine) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(line))
    return found


@dataclass
class Place:
    """Where hanging stacks are made: a service, a folder, and what is closed at the end."""

    service: Service
    folder: Path
    closing: ExitStack

    def hang(self, stage: str, **fields: Any) -> Hanging:
        """Begin a deploy that hangs at a stage; the fields are the stack's."""
        hung = STAGES[stage](self, stage)
        hung.fields |= fields
        return hung.begin()

    def repository(self, name: str, files: Files) -> Repository:
        """Make a repository."""
        repository = Repository(self.folder / name / "repository")
        repository.commit(files)
        return repository

    def git_server(self, name: str) -> GitServer:
        """Start a git server that takes requests and never answers."""
        server = self.closing.enter_context(GitServer(self.folder / name))
        server.faults.stall = True
        return server


def _at_git_server(place: Place, stage: str) -> Hanging:
    repository = place.repository(stage, web_and_db("1"))
    server = place.git_server(stage)
    fields = {
        "git_repository": server.url(repository.path / ".git"),
        "git_username": server.username,
        "git_token": server.password,
    }
    if stage == "fetch":  # whose commit is named needs not be asked for it
        fields["git_reference"] = repository.head

    def release() -> None:
        server.faults.stall = False

    return Hanging(place.service, repository, "fetch", fields, release)


def _render(place: Place, stage: str) -> Hanging:
    """Compose waits for somebody to write into the pipe that it takes for a file."""
    pipe = place.folder / "pipe.env"
    os.mkfifo(pipe)
    repository = place.repository(stage, compose({"web": still(env_file=str(pipe))}))
    return Hanging(place.service, repository, "render")


def _pull(place: Place, stage: str) -> Hanging:
    registry = place.closing.enter_context(socket.create_server(("127.0.0.1", 0)))
    taken: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                taken.append(registry.accept()[0])

    threading.Thread(target=accept, daemon=True).start()
    image = f"127.0.0.1:{registry.getsockname()[1]}/x:1"
    repository = place.repository(stage, compose({"web": still(image=image)}))
    return Hanging(place.service, repository, "pull")


def _build(place: Place, stage: str) -> Hanging:
    """The build ignores TERM, and so does what it starts and leaves behind."""
    seconds = str(random.randrange(EVER, 2 * EVER))
    files = built(f"trap '' TERM\nsetsid sleep {seconds} &\nsleep {seconds} &\nsleep {seconds}")
    repository = place.repository(stage, files)
    return Hanging(place.service, repository, "build", outside=seconds)


def _up(place: Place, stage: str) -> Hanging:
    """Compose waits for a job that has no end."""
    after = {"job": {"condition": "service_completed_successfully"}}
    job, web = script(f"exec sleep {EVER}"), still(depends_on=after)
    repository = place.repository(stage, compose({"job": job, "web": web}))
    return Hanging(place.service, repository, "up")


def _gate(place: Place, stage: str) -> Hanging:
    endless = {"test": ["CMD", "sleep", str(EVER)], "interval": "1s", "timeout": f"{EVER}s"}
    repository = place.repository(stage, compose({"web": still(healthcheck=endless)}))
    return Hanging(place.service, repository, "gate")


STAGES = {
    "ls-remote": _at_git_server,
    "fetch": _at_git_server,
    "render": _render,
    "pull": _pull,
    "build": _build,
    "up": _up,
    "gate": _gate,
}
