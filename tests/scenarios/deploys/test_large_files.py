"""Files in Git LFS are files in the checkout; what can't be had of them fails before it harms."""

import os
from pathlib import Path

import pytest

from tests.conftest import StartService
from tests.scenarios.deploys.stage import Stage, stack_files, touched
from tests.support.compose_files import sleeper
from tests.support.engine import Engine
from tests.support.git_http import GitServer
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import control


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "repository")
    repository.keep_large("*.bin")
    web = sleeper(volumes=["./large.bin:/large:ro"])
    repository.commit(stack_files({"web": web, "db": sleeper()}, {"large.bin": "large 1"}))
    assert "oid sha256" in repository.git("show", "HEAD:large.bin")
    return repository


def test_large_files_are_deployed_and_their_changes_are_seen(
    shared_service: Service, engine: Engine, repository: Repository, git_server: GitServer
) -> None:
    stage = Stage(shared_service, engine, repository).create(
        git_repository=git_server.url(repository.path), git_token=git_server.password
    )
    assert stage.read("web", "/large") == "large 1"
    assert (stage.folder / "aside/large.bin").read_text() == "large 1"

    before = stage.ids
    stage.deploy({"large.bin": "large 2"})
    assert touched(stage, before) == {"web"}
    assert stage.read("web", "/large") == "large 2"

    # The way back needs nobody.
    git_server.faults.status = 500
    stage.ended(control(stage.service, stage.uuid, "rollback"))
    assert stage.read("web", "/large") == "large 1"


def test_large_files_of_submodules_are_deployed_too(
    shared_service: Service, engine: Engine, tmp_path: Path, git_server: GitServer
) -> None:
    lib, parent = Repository(tmp_path / "lib"), Repository(tmp_path / "parent")
    lib.keep_large("*.bin")
    lib.commit({"large.bin": "large"})
    parent.submodule("lib", "../lib", lib.head)
    parent.commit(stack_files({"web": sleeper(volumes=["./lib/large.bin:/large:ro"])}))
    stage = Stage(shared_service, engine, parent).create(
        git_repository=git_server.url(parent.path), git_token=git_server.password, submodules=True
    )
    assert stage.read("web", "/large") == "large"


def test_without_git_lfs_a_run_fails_and_says_what_to_install(
    start_service: StartService, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    for folder in os.environ["PATH"].split(":"):
        for tool in Path(folder).glob("*"):
            if tool.name != "git-lfs" and not (path / tool.name).exists():
                (path / tool.name).symlink_to(tool)
    service = start_service(PATH=str(path))
    stack = service.create_stack(git_repository=repository.url)
    failed = service.wait_for_run(stack["uuid"], status="failed")
    assert (
        "git-lfs, in which files of the repository are kept, is not installed"
        in (failed["message"])
    )
    assert engine.containers(stack["project"]) == {}
