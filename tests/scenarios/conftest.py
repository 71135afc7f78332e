"""What the tests of the whole service have in common."""

from collections.abc import Iterator

import pytest

from tests.support.service import Service


@pytest.fixture
def stacks_are_deleted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have a shared service delete each test's stacks: an engine has some 30 networks to give."""
    yield
    if "shared_service" in request.fixturenames:
        service: Service = request.getfixturevalue("shared_service")
        for stack in service.get("/stacks").json():
            service.delete(f"/stacks/{stack['uuid']}?volumes=true")
