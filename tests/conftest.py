"""The fixtures that everything else builds on."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from supervisor.commands.process.shell import Cancellation, Shell
from tests.support import ROOT
from tests.support.api import Api, Rows, application, close
from tests.support.engine import Engine
from tests.support.git_http import GitServer
from tests.support.repository import Repository, two_services
from tests.support.service import Service
from tests.support.shell import Log
from tests.support.waiting import journal

StartService = Callable[..., Service]
# The folders whose tests may need an engine. The others are the rooms of the package.
WITH_ENGINE = {"bench", "docs", "faults", "scenarios", "tooling"}


# How long one example takes depends on what else this machine does.
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")


def pytest_configure() -> None:
    """Clean up on SIGTERM and SIGHUP as on Ctrl-C, which `make test &` of a script has us ignore.

    What is ignored here would be ignored by all that the tests start, and by what should end it.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option for what takes too long for every day."""
    parser.addoption("--long", action="store_true", help="run what is marked as long too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is long; mark what needs an engine; name the rows of the fault plan."""
    if not config.getoption("--long"):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            _mark_engine(item)
        if item.path.is_relative_to(ROOT / "tests" / "scenarios"):
            item.add_marker("engine")  # those few that get by with a service take as long
        names = dict.fromkeys(row for mark in item.iter_markers("row") for row in mark.args)
        item.user_properties += [("row", row) for row in names]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Note anew for each test what it waits for."""
    journal.clear()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Iterator[Any]:
    """Have a test that reached its limit say what it waited for, threads that still wait too."""
    report = yield
    if call.excinfo and "from pytest-timeout" in str(call.excinfo.value):
        report.sections.append(("What it waited for", journal.told()))
    return report


def _mark_engine(item: pytest.Item) -> None:
    """Have `make quick` leave it out; keep the folders of the rooms free of it."""
    item.add_marker("engine")
    if item.path.relative_to(ROOT / "tests").parts[0] not in WITH_ENGINE:
        raise pytest.UsageError(f"{item.nodeid} needs an engine: it belongs to tests/scenarios")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A real engine with the base image; what the session made on it is removed at the end."""
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit: the stack of two services, version 1."""
    repository = Repository(tmp_path / "repository")
    repository.commit(two_services("1"), message="The first version")
    return repository


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    """A git server over HTTP for the repositories of this test."""
    with GitServer(tmp_path) as server:
        yield server


@pytest.fixture
def start_service(tmp_path: Path, engine: Engine) -> Iterator[StartService]:
    """Start as many services as a test wants, each with settings of its own."""
    services: list[Service] = []

    def start(**settings: str) -> Service:
        services.append(Service(tmp_path / f"service-{len(services)}", engine, **settings))
        return services[-1].start()

    yield start
    for service in services:
        service.close()


@pytest.fixture
def service(start_service: StartService) -> Service:
    """A service of this test's own."""
    return start_service()


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Service]:
    """One service for the tests of a module that don't mind each other's stacks."""
    service = Service(tmp_path_factory.mktemp("shared"), engine).start()
    yield service
    service.close()


@pytest.fixture
def make_api(tmp_path: Path) -> Iterator[Callable[..., Api]]:
    """Make applications with settings of their own."""
    made: list[Api] = []

    def make(**settings: Any) -> Api:
        made.append(application(tmp_path / f"storage-{len(made)}", **settings))
        return made[-1]

    yield make
    for api in made:
        close(api)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One application for the tests of a module that look at their own stacks only."""
    api = application(tmp_path_factory.mktemp("api") / "storage")
    yield api
    close(api)


@pytest.fixture
def rows(api: Api) -> Iterator[Rows]:
    """What was stored before; at the end of a test it still is."""
    before = api.rows()
    yield before
    assert api.rows() == before


@pytest.fixture
def log() -> Log:
    """Remember what a command printed."""
    return Log()


@pytest.fixture
def make_shell(log: Log, tmp_path: Path) -> Callable[..., Shell]:
    """Make a shell whose processes bear this test's own mark."""

    def make(**changes: object) -> Shell:
        settings: dict[str, object] = {
            "log": log,
            "cancellation": Cancellation(),
            "marker": f"{tmp_path}:",
            "kill_grace_seconds": 0.5,
        }
        return Shell(**(settings | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def shell(make_shell: Callable[..., Shell]) -> Shell:
    """Make the shell that most tests need."""
    return make_shell()
