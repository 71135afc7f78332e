"""Submodules are files like the rest; what their addresses could do to us they can't."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from supervisor.deploy.workspace import Workspace
from tests.scenarios.deploys.stage import Stage, stack_files, touched
from tests.support.compose_files import sleeper
from tests.support.engine import Engine
from tests.support.git_http import GitServer
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import control, run_of

FILES = stack_files(
    {
        "web": sleeper(volumes=["./lib/config:/config:ro", "./lib/inner/deep:/deep:ro"]),
        "db": sleeper(),
    }
)


@dataclass
class Family:
    """A repository with a submodule that has one itself, on a server that wants a token."""

    parent: Repository
    lib: Repository
    inner: Repository
    server: GitServer

    def bump(self, **files: str) -> None:
        """Change files of the submodule, and have the parent's next commit point to that."""
        self.lib.commit(dict(files))
        self.parent.submodule("lib", "../lib", self.lib.head)


@pytest.fixture
def family(tmp_path: Path, git_server: GitServer) -> Family:
    parent, lib, inner = (Repository(tmp_path / name) for name in ("parent", "lib", "inner"))
    inner.commit({"deep": "deep 1"})
    lib.submodule("inner", git_server.url(inner.path), inner.head)
    lib.commit({"config": "config 1", "unused": "1"})
    parent.submodule("lib", "../lib", lib.head)
    parent.commit(FILES)
    return Family(parent, lib, inner, git_server)


@pytest.fixture
def stage(shared_service: Service, engine: Engine, family: Family) -> Stage:
    return Stage(shared_service, engine, family.parent)


def create(stage: Stage, family: Family, *, submodules: bool = True) -> Stage:
    return stage.create(
        git_repository=family.server.url(family.parent.path),
        git_token=family.server.password,
        submodules=submodules,
    )


def test_files_of_submodules_are_deployed_and_their_changes_are_seen(
    stage: Stage, family: Family
) -> None:
    create(stage, family)
    assert stage.read("web", "/config") == "config 1"
    assert stage.read("web", "/deep") == "deep 1"
    aside = stage.folder / "aside"
    assert (aside / "lib/inner/deep").read_text() == "deep 1"

    before = stage.ids
    family.bump(config="config 2")
    run = stage.deploy()
    assert touched(stage, before) == {"web"}
    assert run["reasons"] == {"web": "bind mount ./lib/config changed"}
    assert stage.read("web", "/config") == "config 2"

    before = stage.ids
    family.bump(unused="2")
    stage.ended(stage.push(), "skipped")
    assert touched(stage, before) == set()
    assert stage.files["lib/unused"] == b"2"

    # What is lost of a mirror is fetched again, submodules too.
    url = family.server.url(family.parent.path)
    mirror = Workspace(stage.service.storage, stage.uuid, url).mirror
    mirror.rename(mirror.with_name("lost"))
    stage.ended(control(stage.service, stage.uuid, "rollback"))
    assert stage.read("web", "/config") == "config 1"


def test_a_submodule_that_goes_takes_its_files_along(stage: Stage, family: Family) -> None:
    create(stage, family)
    family.parent.git("rm", "--quiet", "-f", "lib")
    plain = stack_files({"web": sleeper(volumes=["./lib:/lib:ro"])}, {"lib": "a file now"})
    stage.deploy(plain, remove=[])
    assert stage.files["lib"] == b"a file now"
    assert stage.read("web", "/lib") == "a file now"


def test_submodules_are_left_out_unless_asked_for_and_a_change_redeploys(
    stage: Stage, family: Family
) -> None:
    family.parent.commit(stack_files({"web": sleeper(volumes=["./lib:/lib:ro"])}))
    create(stage, family, submodules=False)
    assert "lib/config" not in stage.files
    answer = stage.service.patch(f"/stacks/{stage.uuid}", json={"submodules": True})
    stage.ended(run_of(answer))
    assert stage.read("web", "/lib/config") == "config 1"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[GitServer]:
    """Another server, which answers anybody and remembers who asked."""
    with GitServer(tmp_path, anonymous=True) as server:
        yield server


def test_credentials_go_to_no_other_host(
    stage: Stage, family: Family, elsewhere: GitServer
) -> None:
    family.parent.submodule("lib", elsewhere.url(family.lib.path), family.lib.head)
    family.parent.commit()
    # The inner one is on the parent's own server: what another host names gets nothing either.
    stage.create_only(
        git_repository=family.server.url(family.parent.path),
        git_token=family.server.password,
        submodules=True,
    )
    (run,) = stage.service.runs(stage.uuid)
    failed = stage.ended(run["uuid"], "failed")
    assert "Submodule lib/inner: The repository refused access" in failed["message"]
    assert elsewhere.requests
    assert all(request.authorization is None for request in elsewhere.requests)

    # Also one that asks for them gets none.
    elsewhere.anonymous = False
    family.parent.submodule("other", elsewhere.url(family.inner.path), family.inner.head)
    family.parent.git("rm", "--quiet", "-f", "lib")
    failed = stage.ended(stage.push(), "failed")
    assert "Submodule other: The repository refused access" in failed["message"]
    assert all(request.authorization is None for request in elsewhere.requests)
