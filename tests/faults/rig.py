"""Everything that can be made to go wrong around one service, and what must hold all the while."""

import base64
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.support.aftermath import all_ended, commands_of_runs, database_is_sound, leftovers
from tests.support.canaries import Canary, found_in_files
from tests.support.compose_files import compose, sleeper
from tests.support.engine import Engine, docker
from tests.support.engine_proxy import EngineProxy
from tests.support.failpoints import Failpoints
from tests.support.git_http import GitServer
from tests.support.proc import Watch
from tests.support.recorder import Recorder
from tests.support.repository import Repository
from tests.support.service import API_KEY, SECRET_KEY_BASE, SIGNATURE_SECRET, Service
from tests.support.triggers import deliver, run_of
from tests.support.waiting import wait_until

# Argument lists are those of the whole machine: these must be nobody else's.
TOKEN = f"canary-token-{os.urandom(8).hex()}"
VARIABLE = f"canary-variable-{os.urandom(8).hex()}"
STEPS = ("fetch", "check out", "render", "compare", "apply", "up", "gate", "finish", "finished")
MEMORY_BYTES = 300 * 1024**2
DESCRIPTORS = 400


@dataclass
class Tracked:
    """A stack, what was committed for it and what was accepted."""

    repository: Repository
    stack: dict[str, Any]
    version: int = 0
    accepted: set[str] = field(default_factory=set)

    @property
    def uuid(self) -> str:
        return str(self.stack["uuid"])

    @property
    def project(self) -> str:
        return str(self.stack["project"])

    def commit(self) -> None:
        """Commit the next version: an environment, a mounted file, a secret that is used."""
        self.version += 1
        web = sleeper(
            environment={"VERSION": str(self.version), "PASSWORD": "${PASSWORD}"},
            volumes=["./page:/page:ro"],
            network_mode="none",
        )
        files = compose({"web": web, "db": sleeper(network_mode="none")})
        self.repository.commit(files | {"page": str(self.version)})


class Rig:
    """A service with a git server, a proxy before its engine, recorders before its commands."""

    def __init__(self, folder: Path, engine: Engine, seed: int) -> None:
        """Start everything."""
        self.chance = random.Random(seed)
        self.engine = engine
        self.git = GitServer(folder, password=TOKEN)
        self.proxy = EngineProxy(folder)
        self.recorder = Recorder(folder / "recorder")
        self.failpoints = Failpoints(folder / "failpoints")
        points = [f"{step}:{kind}" for step in STEPS for kind in ("kill9", "kill9_worker")]
        self.service = Service(
            folder / "service",
            engine,
            PATH=self.recorder.path,
            DOCKER_HOST=self.proxy.address,
            SUPERVISOR_LOG_LEVEL="debug",
            SUPERVISOR_FAILPOINTS=self.failpoints.setting(*points),
        ).start()
        self._folder = folder
        self.stacks: list[Tracked] = []
        self.heard = bytearray()
        self.watch = Watch(every=0.05)
        self.deleted = 0

    def add(self) -> Tracked:
        """Create a stack with secrets of every kind."""
        number = len(self.stacks) + self.deleted
        repository = Repository(self._folder / f"repository-{number}")
        tracked = Tracked(repository, {})
        tracked.commit()
        tracked.stack = self.service.create_stack(
            git_repository=self.git.url(repository.path),
            git_username=self.git.username,
            git_token=self.git.password,
            compose_variables={"PASSWORD": VARIABLE},
            health_timeout=20,
        )
        self.stacks.append(tracked)
        return tracked

    def trigger(self, tracked: Tracked) -> bool:
        """Send a webhook; tell whether it was accepted, and remember its run then."""
        with suppress(requests.RequestException):
            answer = deliver(self.service, tracked.uuid)
            self.heard += answer.content
            if answer.status_code == 202:
                tracked.accepted.add(run_of(answer))
                return True
        return False

    def converge(self, tracked: Tracked, seconds: float = 90) -> None:
        """Wait until the newest commit runs and nothing is left to do; nobody triggers anything."""

        def there() -> bool:
            stack = self.service.get(f"/stacks/{tracked.uuid}").json()
            return bool(stack["commit"] == tracked.repository.head and stack["healthy"])

        wait_until(there, f"the newest commit of {tracked.project} runs", seconds, every=0.2)
        all_ended(self.service, tracked.uuid)
        environment = self.engine.run_inside(tracked.project, "web", "env")
        assert f"VERSION={tracked.version}\n" in f"{environment}\n"
        page = self.engine.run_inside(tracked.project, "web", "cat", "/page")
        assert page == str(tracked.version)
        label = f"label=com.docker.compose.project={tracked.project}"
        assert len(docker("ps", "--all", "--quiet", "--filter", label).split()) == 2

    # What must hold

    def check(self) -> None:
        """Check what holds at every moment."""
        assert self.recorder.overlaps() == []
        assert "Traceback" not in self.service.log_text
        for process in self.service.processes[1:2]:
            with suppress(psutil.NoSuchProcess):
                assert process.memory_info().rss < MEMORY_BYTES
                assert process.num_fds() < DESCRIPTORS
        downs = self.recorder.calls("compose", "down")  # tried again where the engine was away
        assert len({argv[argv.index("--project-name") + 1] for argv in downs}) <= self.deleted

    def check_quiet(self) -> None:
        """Check what holds when nothing goes on any more."""
        self.check()
        database_is_sound(self.service)
        assert leftovers(self.service) == []
        wait_until(lambda: commands_of_runs(self.service) == {}, "no command is left")
        wait_until(lambda: not self.zombies(), "no zombie is left")
        for tracked in self.stacks:
            for run in tracked.accepted:
                answer = self.service.get(f"/stacks/{tracked.uuid}/runs/{run}")
                assert answer.status_code == 200, f"the accepted run {run} is gone"
                self.heard += answer.content
            for path in ("", "/stats", "/runs?count=100", "/log?entries=100"):
                self.heard += self.service.get(f"/stacks/{tracked.uuid}{path}").content

    def zombies(self) -> list[psutil.Process]:
        """Return what has ended and was not fetched; a command is so for a moment."""
        found = []
        for process in self.service.processes:
            with suppress(psutil.NoSuchProcess):
                found += [process] if process.status() == psutil.STATUS_ZOMBIE else []
        return found

    def scan(self) -> None:
        """Look for secrets wherever they could have gone."""
        pair = base64.b64encode(f"{self.git.username}:{TOKEN}".encode()).decode()
        own = [Canary("the token", TOKEN, also=[pair]), Canary("the variable", VARIABLE)]
        keys = {"API key": API_KEY, "key base": SECRET_KEY_BASE, "signature": SIGNATURE_SECRET}
        every = [*own, *(Canary(name, value) for name, value in keys.items())]
        found = found_in_files(every, self.service.storage)
        found += found_in_files(every, self._folder / "recorder")
        log, arguments = self.service.log.read_bytes(), b"\n".join(self.watch.seen)
        found += [(canary.name, "the log") for canary in every if canary.found_in(log)]
        found += [(canary.name, "answers") for canary in every if canary.found_in(self.heard)]
        found += [(c.name, "argument lists") for c in own if c.found_in(arguments)]
        assert found == [], found


@contextmanager
def rig_in(folder: Path, engine: Engine, seed: int) -> Iterator[Rig]:
    """Give a rig and take it down again."""
    rig = Rig(folder, engine, seed)
    try:
        with rig.watch:
            yield rig
    finally:
        rig.proxy.restore()
        rig.service.close()
        rig.proxy.__exit__(None, None, None)
        rig.git.close()
