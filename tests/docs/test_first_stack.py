"""docs/first-stack.md: its commands are run, what they print is compared."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.conftest import StartService
from tests.docs.pages import Block, blocks, page
from tests.docs.terminal import SECONDS, Terminal
from tests.support.packages import have
from tests.support.repository import Repository, two_services
from tests.support.service import Service
from tests.support.waiting import wait_until

PAGE = page("docs/first-stack.md")
ADDRESS = "http://127.0.0.1:3000"
REPOSITORY = "https://git.example.org/you/website.git"
CHANGES = re.compile(r"--json|-X ")


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    """Have what the examples need."""
    for tool in ("curl", "openssl"):
        have(tool)


def steps() -> Iterator[tuple[str, str | None]]:
    """Give each command block, and the block of what it prints if there is one."""
    end = Block("", "")
    all_blocks = [*blocks(PAGE), end]
    for block, after in pairwise(all_blocks):
        if block.language == "sh":
            yield block.text, after.text if after.language == "text" else None


def pattern(expected: str) -> re.Pattern[str]:
    """Return what matches a printed text, where … stands for anything."""
    return re.compile(re.escape(expected.strip()).replace("…", ".*?"), re.DOTALL)


def matches(printed: str, expected: str) -> bool:
    return bool(pattern(expected).fullmatch(printed.replace("\r", "").strip()))


def walk(terminal: Terminal, script: str, expected: str | None) -> None:
    """Run a block and compare; one that changes nothing may be asked again for a while."""
    if expected is None:
        terminal.run(script)
    elif "follow=true" in script:
        terminal.watch(script, pattern(expected))
    elif CHANGES.search(script) or "export" in script:
        printed = terminal.run(script)
        assert matches(printed, expected), f"{script}\n{printed}"
    else:
        answers = []

        def answered() -> bool:
            answers.append(terminal.run(script))
            return matches(answers[-1], expected)

        try:
            wait_until(answered, script, SECONDS, every=0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{answers[-1]}") from None


def with_own_places(script: str, service: Service, repository: Repository) -> str:
    """Put this test's server and repository where the reader's are."""
    return script.replace(ADDRESS, service.url).replace(REPOSITORY, repository.url)


def test_the_way_from_nothing_to_a_stack_is_true(
    start_service: StartService, repository: Repository
) -> None:
    service = start_service(SUPERVISOR_API_KEY="", SUPERVISOR_SECRET_KEY_BASE="")
    terminal = Terminal(service.storage.parent)
    walked = list(steps())
    assert len(walked) > 15
    assert ADDRESS in walked[0][0] and REPOSITORY in walked[0][0]
    for script, expected in walked:
        if "openssl dgst" in script:  # "Now push a commit …"
            repository.commit(two_services("2"))
        walk(terminal, with_own_places(script, service, repository), expected)
