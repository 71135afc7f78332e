"""A repository, a mirror of it and a checkout."""

from pathlib import Path

import pytest

from supervisor.commands.git.mirror import Git
from supervisor.commands.git.remote import Remote
from supervisor.commands.process.shell import Shell
from tests.commands.git.checkouts import Checkout
from tests.support.repository import Repository


@pytest.fixture
def source(tmp_path: Path) -> Repository:
    """Make a repository with one commit."""
    repository = Repository(tmp_path / "source")
    repository.commit({"a.txt": "one\n", "folder/b.txt": "b\n"})
    return repository


@pytest.fixture
def remote(source: Repository) -> Remote:
    """Name that repository as a stack would."""
    return Remote(source.url)


@pytest.fixture
def mirror(shell: Shell, tmp_path: Path) -> Git:
    """Make an empty mirror."""
    made = Git(shell, tmp_path / "mirrors" / "m.git")
    made.create()
    return made


@pytest.fixture
def checkout(mirror: Git, tmp_path: Path) -> Checkout:
    """Make a place to check out to."""
    return Checkout(mirror, tmp_path)
