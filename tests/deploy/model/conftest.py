"""What the tests of fingerprints begin with."""

from pathlib import Path

import pytest

from tests.deploy.model.bench import Bench
from tests.support.repository import Repository


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    repository = Repository(tmp_path / "repository")
    repository.commit({"compose.yml": "services: {}\n", "a/x.conf": "1", "b/x.conf": "1"})
    return Bench(repository, tmp_path)
