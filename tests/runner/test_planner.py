"""A plan says what a deploy would do, refusals included: both ask for their site alike."""

from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.own_container import Mount, OwnContainer
from supervisor.commands.process.shell import Cancellation, Shell
from supervisor.deploy.host_storage import HostStorage
from supervisor.errors import DeployRefused, HostPathUnknown
from supervisor.runner.attempt import Attempt
from supervisor.runner.planner import plan
from supervisor.runs import queue
from supervisor.settings.config import Config
from supervisor.settings.parts import part_of
from supervisor.stacks import catalogue
from supervisor.store.words import Status
from tests.support.api import Api
from tests.support.compose_files import compose, sleeper
from tests.support.repository import Repository


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """An application that nobody else uses: runs are taken from the queue here."""
    return make_api()


UNSEEN = "the storage is inside Supervisor's own container"


class Unseen(HostStorage):
    """A storage that the engine can't see."""

    def path(self) -> Path:
        raise HostPathUnknown(UNSEEN)


class Inside(HostStorage):
    """A storage that is mounted into Supervisor's own container, which belongs to a project."""

    project = ""

    def own(self) -> OwnContainer:
        mount = Mount(self._storage, self._storage, "")
        return OwnContainer("1", "supervisor", "image", self.project, "web", (mount,))


def refusals(api: Api, repository: Repository, storage: HostStorage) -> tuple[str, str]:
    """Return what a plan and a deploy say of the repository's newest commit."""
    config = part_of(Config, api.app)
    stack = catalogue.find(api.create(git_repository=repository.url, compose_includes=[])["uuid"])
    if isinstance(storage, Inside):
        storage.project = stack.project
    with pytest.raises(DeployRefused) as planned:
        plan(stack, None, config, storage)
    claimed = queue.claim()
    assert claimed
    outcome = Attempt(claimed, config, storage, Cancellation()).carry_out()
    assert outcome.status is Status.FAILED
    return str(planned.value), outcome.message


def test_what_the_engine_cannot_see_is_refused_by_both(api: Api, repository: Repository) -> None:
    repository.commit(compose({"web": sleeper(volumes=["./data:/data"])}))
    with api.app.app_context():
        planned, deployed = refusals(api, repository, Unseen(api.storage, Engine(Shell())))
    assert planned == f"services.web.volumes would be empty: {UNSEEN}"
    assert deployed == f"render: {planned}"


def test_a_supervisor_without_its_stacks_is_refused_by_both(
    api: Api, repository: Repository
) -> None:
    repository.commit(compose({"web": sleeper()}))
    with api.app.app_context():
        planned, deployed = refusals(api, repository, Inside(api.storage, Engine(Shell())))
    assert "This stack runs Supervisor itself" in planned
    assert deployed == f"render: {planned}"
