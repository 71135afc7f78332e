"""Supervisor manages the stack that it runs in itself."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.scenarios.container.conftest import StartContainer
from tests.support import ROOT
from tests.support.compose_files import compose, sleeper
from tests.support.container import STORAGE
from tests.support.engine import Engine, docker
from tests.support.ports import free_port
from tests.support.repository import Repository
from tests.support.service import SECRET_KEY_BASE, UNFINISHED
from tests.support.triggers import control, webhook
from tests.support.waiting import wait_until

# The image is built by the first test.
pytestmark = [pytest.mark.timeout(900), pytest.mark.long, pytest.mark.row("D21")]

CANARY = "canary-of-the-own-stack"
SECONDS = 240


class OwnStack:
    """A stack whose service `supervisor` is the Supervisor that has the stack."""

    def __init__(
        self,
        start: StartContainer,
        engine: Engine,
        repository: Repository,
        folder: Path,
        options: tuple[str, ...] = (),
    ) -> None:
        """Start a Supervisor by hand, which the stack's is to take over from."""
        self.engine, self.repository = engine, repository
        self.port = free_port()
        publish = f"127.0.0.1:{self.port}:3000"
        mount = ("--volume", f"{folder / 'elsewhere'}:{STORAGE}")
        self.service = start(*mount, options=("--publish", publish, *options))
        self.service.url = f"http://127.0.0.1:{self.port}"
        self.storage = folder / "elsewhere"
        self.uuid = self.project = ""

    def files(self, version: str = "1", **changes: Any) -> dict[str, str]:
        """Return the stack's files; `changes` are of Supervisor's own service."""
        inspected = json.loads(docker("inspect", self.service.name))[0]
        given = dict(word.split("=", 1) for word in inspected["Config"]["Env"])
        names = ("SUPERVISOR_API_KEY", "SUPERVISOR_SECRET_KEY_BASE", "SUPERVISOR_FORCE_SSL")
        supervisor = {
            "image": inspected["Config"]["Image"],
            "container_name": self.service.name,
            "labels": {"supervisor.self": "true"},
            "restart": "unless-stopped",
            "ports": [f"127.0.0.1:{self.port}:3000"],
            "volumes": self.volumes(),
            "environment": {"VERSION": version, **{name: given[name] for name in names}},
            "healthcheck": {"interval": "1s"},
            **changes,
        }
        return compose({"supervisor": supervisor, "db": sleeper(environment={"X": "$SECRET"})})

    def create(self, meanwhile: Callable[[], None] | None = None) -> Any:
        """Create the stack, which makes Supervisor a part of it; return how that ended."""
        stack = self.service.create_stack(
            git_repository=self.repository.url,
            health_timeout=90,
            compose_variables={"SECRET": CANARY},
        )
        self.uuid, self.project = stack["uuid"], stack["project"]
        return self.ended(meanwhile=meanwhile)

    def push(self, files: dict[str, str]) -> str:
        """Commit, and tell Supervisor; return the run's uuid."""
        self.repository.commit(files)
        return webhook(self.service, self.uuid)

    def ended(self, run: str | None = None, meanwhile: Callable[[], None] | None = None) -> Any:
        """Wait until a run has ended, over the time in which nobody answers; return it."""

        def look() -> Any:
            if meanwhile:
                meanwhile()
            try:
                runs = self.service.runs(self.uuid)
            except (requests.RequestException, ValueError, KeyError):
                return None
            named = [each for each in runs if run in (None, each["uuid"])]
            return next((each for each in named if each["status"] not in UNFINISHED), None)

        return wait_until(look, "the run ends", seconds=SECONDS)

    def output(self, run: dict[str, Any]) -> str:
        """Return what a run printed."""
        answer = self.service.get(f"/stacks/{self.uuid}/runs/{run['uuid']}")
        return "\n".join(answer.json()["output"])

    def volumes(self) -> list[str]:
        """Return what Supervisor mounts."""
        return [f"{source}:{target}" for target, source in self.service.mounts.items()]

    def containers(self) -> dict[str, str]:
        """Return the ids of the stack's running containers."""
        return self.engine.containers(self.project, running=True)

    def version(self) -> str:
        """Return which commit's Supervisor answers."""
        return self.service.inside("printenv", "VERSION")


@pytest.fixture
def own(
    start_container: StartContainer, engine: Engine, repository: Repository, tmp_path: Path
) -> OwnStack:
    stack = OwnStack(start_container, engine, repository, tmp_path)
    repository.commit(stack.files())
    return stack


class Spy:
    """Looks at a helper container while it is there, and may kill or remove it once."""

    def __init__(self, storage: Path, *, kills: bool = False, removes: bool = False) -> None:
        self.inspected: dict[str, Any] = {}
        self.stored = b""
        self.kills, self.removes = kills, removes
        self._storage = storage

    def __call__(self) -> None:
        names = docker("ps", "--format", "{{.Names}}", "--filter", "label=supervisor.handover")
        orders = list(self._storage.glob("handovers/*/order"))
        if orders:
            self.stored = orders[0].read_bytes()
        for name in names.split()[:1]:
            found = json.loads(docker("inspect", name, check=False) or "[]")
            if found and found[0]["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped":
                self.inspected = found[0]
                self._strike(name, found[0]["State"]["Pid"])

    def _strike(self, name: str, process: int) -> None:
        if self.removes and "==> gate" in self._output():
            self.removes = False
            docker("rm", "--force", name)
        if self.kills and "==> up" in self._output():
            self.kills = False
            os.kill(process, signal.SIGKILL)

    def _output(self) -> str:
        found = list(self._storage.glob("handovers/*/output"))
        return found[0].read_text() if found else ""


def test_the_stack_of_supervisor_itself(own: OwnStack, tmp_path: Path) -> None:
    """One walk, since each step takes a restart of Supervisor: taken over, changed, and back."""
    first = docker("inspect", "--format", "{{.Id}}", own.service.name)
    spy = Spy(own.storage)
    run = own.create(spy)
    assert (run["status"], run["commit_after"]) == ("succeeded", own.repository.head), run
    assert first not in docker("ps", "--all", "--quiet", "--no-trunc")
    assert own.version() == "1"
    plan = own.service.post(f"/stacks/{own.uuid}/plan", json={})
    assert plan.status_code == 200, plan.text

    # What the helper is given shows no more than Supervisor's own container does.
    mine = json.loads(docker("inspect", own.service.name))[0]
    assert CANARY not in json.dumps(spy.inspected)
    assert spy.stored
    assert CANARY.encode() not in spy.stored
    added = set(spy.inspected["Config"]["Env"]) - set(mine["Config"]["Env"])
    assert added == {f"SUPERVISOR_STORAGE={own.storage}"}

    # A new commit replaces Supervisor only; a helper that is killed goes on.
    before = own.containers()
    killer = Spy(own.storage, kills=True)
    run = own.ended(own.push(own.files("2")), killer)
    assert not killer.kills
    assert (run["status"], run["commit_after"]) == ("succeeded", own.repository.head), run
    assert own.version() == "2"
    assert own.containers()["db"] == before["db"]
    assert own.containers()["supervisor"] != before["supervisor"]
    assert [each["status"] for each in own.service.runs(own.uuid)] == ["succeeded"] * 2
    assert "==> gate" in own.output(run)

    # One that upgrades the database and is not healthy is taken back, with the database.
    newest = sorted((ROOT / "migrations/versions").glob("0*.py"))[-1].name[:4]
    migration = tmp_path / "0099_newer.py"
    migration.write_text(
        f'revision, down_revision = "0099", "{newest}"\n\n\ndef upgrade() -> None:\n    pass\n'
    )
    migration.chmod(0o644)
    newer = [*own.volumes(), f"{migration}:/supervisor/migrations/versions/{migration.name}:ro"]
    sick = {"test": ["CMD", "false"], "interval": "1s", "retries": 8, "start_period": "1s"}
    run = own.ended(own.push(own.files("3", volumes=newer, healthcheck=sick)))
    assert (run["status"], run["outcome"]) == ("failed", "rolled_back"), run
    assert "supervisor is unhealthy" in run["message"]
    assert "The database had been upgraded to 0099" in own.output(run)
    assert own.version() == "2"

    # Where somebody removes the helper, the run is done again.
    lost = own.push(own.files("4", healthcheck={"interval": "8s"}))
    assert own.ended(lost, Spy(own.storage, removes=True))["status"] == "interrupted"
    again = own.service.runs(own.uuid)[0]["uuid"]
    assert again != lost
    assert own.ended(again)["status"] == "succeeded"
    assert own.version() == "4"

    # A restart is handed over as well.
    started = docker("inspect", "--format", "{{.State.StartedAt}}", own.service.name)
    assert own.ended(control(own.service, own.uuid, "restart"))["status"] == "succeeded"
    assert docker("inspect", "--format", "{{.State.StartedAt}}", own.service.name) != started

    refuse_what_would_end_it(own)
    assert not docker("ps", "--all", "--quiet", "--filter", "label=supervisor.handover")
    assert not list(own.storage.glob("handovers/*"))
    assert "Traceback" not in own.service.log_text


def refuse_what_would_end_it(own: OwnStack) -> None:
    before = own.containers()
    for command in ("stop", "pause"):
        run = own.ended(control(own.service, own.uuid, command))
        assert run["status"] == "failed"
        assert "Supervisor itself" in run["message"]
    answer = own.service.delete(f"/stacks/{own.uuid}")
    assert answer.status_code == 409
    assert "Supervisor itself" in answer.json()["error"]
    for changes, words in (
        ({"labels": {}}, "the label supervisor.self"),
        ({"volumes": []}, "without its stacks"),
    ):
        run = own.ended(own.push(own.files("5", **changes)))
        assert run["status"] == "failed", run
        assert words in run["message"]
    assert own.containers() == before


def test_a_first_commit_that_cannot_start_leaves_the_former_supervisor(own: OwnStack) -> None:
    first = docker("inspect", "--format", "{{.Id}}", own.service.name)
    own.repository.commit(own.files("1", command=["false"]))
    run = own.create()
    assert (run["status"], run["outcome"]) == ("failed", "rolled_back"), run
    assert docker("inspect", "--format", "{{.Id}}", own.service.name) == first
    assert own.containers() == {}


def test_what_no_helper_can_do_is_refused(
    start_container: StartContainer, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    """Here a start script has the key, so that a helper container would not get it."""
    script = tmp_path / "start.sh"
    script.write_text(
        f"#!/bin/sh\nexport SUPERVISOR_SECRET_KEY_BASE={SECRET_KEY_BASE}\n"
        "exec tini -- /supervisor/entrypoint.sh gunicorn --config gunicorn.conf.py app:app\n"
    )
    script.chmod(0o755)
    wrapped = ("--volume", f"{script}:/start.sh:ro", "--entrypoint", "/start.sh")
    options = (*wrapped, "--env", "SUPERVISOR_SECRET_KEY_BASE=")
    own = OwnStack(start_container, engine, repository, tmp_path, options)
    repository.commit(own.files())
    run = own.create()
    assert run["status"] == "failed"
    assert "nothing was touched: SUPERVISOR_SECRET_KEY_BASE is neither" in run["message"]
    assert own.containers() == {}
    assert own.service.get("/up").status_code == 200
