"""A stack that webhooks reach, and an application that wants HTTPS."""

from collections.abc import Iterator

import pytest

from tests.support.api import Api, application, close
from tests.support.hooked import Hooked, hooked


@pytest.fixture
def stack(api: Api) -> Iterator[Hooked]:
    """A stack of this test's own; deleted at the end, so that POST /webhook finds it no more."""
    made = hooked(api)
    yield made
    api.client.delete(f"/stacks/{made.uuid}")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An application that takes HTTPS only."""
    api = application(tmp_path_factory.mktemp("secured") / "storage", force_ssl=True)
    yield api
    close(api)
