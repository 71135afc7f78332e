"""The repository that most tests of health begin with."""

from pathlib import Path

import pytest

from tests.scenarios.health.steps import repository_of, web_and_db
from tests.support.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit: `web` in version 1, and `db`."""
    return repository_of(tmp_path / "repository", web_and_db("1"))
