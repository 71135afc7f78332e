"""A stack that webhooks reach."""

from collections.abc import Iterator

import pytest

from tests.support.api import Api
from tests.support.hooked import Hooked, hooked


@pytest.fixture
def stack(api: Api) -> Iterator[Hooked]:
    """A stack of this test's own; deleted at the end, so that POST /webhook finds it no more."""
    made = hooked(api)
    yield made
    api.client.delete(f"/stacks/{made.uuid}")
