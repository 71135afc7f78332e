"""A partial mirror has what is deployed, and nothing of the history before it."""

import os
import subprocess
from pathlib import Path

import pytest

from supervisor.deploy.workspace import Workspace
from tests.scenarios.deploys.stage import Stage, stack_files
from tests.support.compose_files import sleeper
from tests.support.engine import Engine
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import control
from tests.support.waiting import wait_until

MIB = 1024 * 1024


def files(version: str) -> dict[str, str | bytes]:
    web = sleeper(volumes=["./version:/version:ro"])
    return dict(stack_files({"web": web}, {"version": version, "ballast": os.urandom(MIB)}))


@pytest.fixture
def stage(shared_service: Service, engine: Engine, tmp_path: Path) -> Stage:
    """A stack whose repository carries 8 MiB of a history that nobody asks for."""
    repository = Repository(tmp_path / "repository")
    for number in range(8):
        repository.commit(files(str(number)))
    return Stage(shared_service, engine, repository)


def mirror(stage: Stage, *, shallow: bool) -> Path:
    return Workspace(stage.service.storage, stage.uuid, stage.repository.url, shallow).mirror


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def has(folder: Path, thing: str) -> bool:
    command = ["git", f"--git-dir={folder}", "cat-file", "-e", thing]
    return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode == 0


def test_the_mirror_lacks_the_history_and_all_that_a_stack_does_works(stage: Stage) -> None:
    old = stage.repository.git("rev-parse", "HEAD~7:ballast")
    new = stage.repository.git("rev-parse", "HEAD:ballast")
    stage.create(shallow=True)
    folder = mirror(stage, shallow=True)
    assert has(folder, new)
    assert not has(folder, old)
    assert size(folder) < 2 * MIB

    # What comes next brings what is new alone, and the plan tells it.
    before = size(folder)
    first = stage.repository.head
    commit = stage.repository.commit({"version": "next"})
    plan = stage.plan()
    assert [each["commit"] for each in plan["commits"]] == [commit]
    assert plan["recreated"] == {"web": "bind mount ./version changed"}
    assert size(folder) - before < MIB // 2
    stage.deploy()
    assert stage.read("web", "/version") == "next"

    stage.ended(control(stage.service, stage.uuid, "rollback"))
    assert stage.show()["commit"] == first
    assert stage.read("web", "/version") == "7"

    # A forced push, and a commit of the history that nobody has fetched.
    stage.repository.rewind("HEAD~3")
    stage.deploy({"version": "forced"})
    assert stage.read("web", "/version") == "forced"
    assert stage.plan(commit=stage.repository.git("rev-parse", "HEAD~2"))["recreated"]


def test_the_setting_takes_effect_with_the_next_fetch_and_keeps_the_way_back(stage: Stage) -> None:
    stage.create()
    first = stage.repository.head
    assert has(mirror(stage, shallow=False), "HEAD~7:ballast".replace("HEAD", first))
    answer = stage.service.patch(f"/stacks/{stage.uuid}", json={"shallow": True})
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    stage.deploy({"version": "next"})
    folder = mirror(stage, shallow=True)
    assert has(folder, first)
    assert not has(folder, f"{first}~1")
    stage.ended(control(stage.service, stage.uuid, "rollback"))
    assert stage.read("web", "/version") == "7"


def test_a_deleted_stack_takes_its_mirror_along_and_leaves_the_other(stage: Stage) -> None:
    stage.create(shallow=True)
    other = Stage(stage.service, stage.engine, stage.repository).create()
    stage.service.delete(f"/stacks/{stage.uuid}")
    wait_until(lambda: not mirror(stage, shallow=True).exists(), "the mirror is gone")
    assert mirror(other, shallow=False).exists()
