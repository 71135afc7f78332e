"""Whoever wants a run cancelled finds it, and ends no other."""

from collections.abc import Callable

import pytest

from supervisor.commands.process.shell import Cancellation
from supervisor.runner.pool import DELETED, Runner
from supervisor.settings.config import Config
from supervisor.settings.parts import keep, part_of
from supervisor.stacks import control
from tests.support.api import Api


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """An application whose runner takes a run only where a test has it do so."""
    api = make_api()
    keep(api.app, Runner(api.app, part_of(Config, api.app)))
    return api


def begin(api: Api) -> tuple[str, Cancellation]:
    """Have the runner take the next run; return its action, and what would end it."""
    cancellation = Cancellation()
    with api.app.app_context():
        claimed = part_of(Runner)._claim(cancellation)
    assert claimed
    return str(claimed.run.action), cancellation


def test_a_delete_ends_what_the_stack_is_doing(api: Api) -> None:
    uuid = api.create()["uuid"]
    action, cancellation = begin(api)
    assert action == "deploy"
    assert api.client.delete(f"/stacks/{uuid}").status_code == 204
    assert cancellation.reason == DELETED


def test_a_delete_does_not_end_its_own_teardown_that_has_begun(api: Api) -> None:
    uuid = api.create()["uuid"]
    with api.app.app_context():
        stack, run = control.mark_deleting(uuid, volumes=False)
    action, cancellation = begin(api)
    assert action == "delete"
    runner = part_of(Runner, api.app)
    runner.cancel(stack.id, DELETED, spare=run)
    assert cancellation.reason is None
    runner.cancel(stack.id, "cancelled by a person")
    assert cancellation.reason == "cancelled by a person"
