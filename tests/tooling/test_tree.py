"""Tests are where a reader of a module looks for them."""

import re

import grimp

from tests.conftest import WITH_ENGINE
from tests.support import ROOT

TESTS, PACKAGE = ROOT / "tests", ROOT / "supervisor"
ROOMS = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}


def mirrored(name: str, room: str) -> bool:
    """Tell whether a test file has a module's name, or its room's, and maybe a word more."""
    stem = name.removeprefix("test_").removesuffix(".py")
    modules = {path.stem for path in (PACKAGE / room).glob("*.py")} | {room.rpartition("/")[2]}
    return any(re.fullmatch(rf"{module}(_\w+)?", stem) for module in modules)


def test_a_test_of_a_room_has_the_name_of_a_module() -> None:
    astray = []
    for path in TESTS.rglob("test_*.py"):
        folder = path.parent.relative_to(TESTS).as_posix()
        if folder.split("/")[0] in WITH_ENGINE:
            continue
        if folder not in ROOMS or not mirrored(path.name, folder):
            astray.append(str(path.relative_to(TESTS)))
    assert astray == []


CLOCK = re.compile(r"assert .*(monotonic|perf_counter|time\.time)\(\) - \w+ <")


def test_no_test_asserts_how_long_something_took() -> None:
    """A busy machine takes ten times as long; see `well_within` and `Asking`."""
    found = [
        f"{path.relative_to(TESTS)}:{number}"
        for path in TESTS.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if CLOCK.search(line)
    ]
    assert found == []


def test_a_poll_pulls_in_less_than_a_quarter_of_the_package() -> None:
    """It needs git, a shell, the queue and the database; it had 64 of 131 modules once."""
    graph = grimp.build_graph("supervisor", cache_dir=None)
    assert len(graph.find_upstream_modules("supervisor.triggers.polls")) < 45
