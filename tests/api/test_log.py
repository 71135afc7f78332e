"""Where a follower begins and goes on, and when its stack has gone."""

from collections.abc import Callable

import pytest

from supervisor.api.log import follow
from tests.support.api import Api
from tests.support.runs import control


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """An application that nobody else uses: runs are taken from the queue here."""
    return make_api()


def test_a_follower_of_a_stack_that_has_just_gone_is_told_so(api: Api) -> None:
    events = b"".join(follow(api.app, 4711, 0)).decode()
    assert events.startswith("retry:")
    assert 'event: close\ndata: {"reason": "deleted"}\n\n' in events


@pytest.mark.parametrize(("count", "told"), [(0, 0), (1, 1), (2, 2), (3, 3), (100, 3)])
def test_a_follower_begins_with_as_many_entries_as_there_are(
    api: Api, count: int, told: int
) -> None:
    uuid = api.create()["uuid"]
    for word in ("stop", "start"):
        control(api, uuid, word)
    control(api, uuid, "cancel")
    answer = api.client.get(f"/stacks/{uuid}/log?follow=true&entries={count}", buffered=False)
    stream = iter(answer.response)
    next(stream)
    if told:
        assert next(stream).decode().count("event: message") == told  # type: ignore[union-attr]
    answer.close()


@pytest.mark.parametrize("identifier", ["../x", "-1", "1.5", "x", "9" * 19, "0x1", "1;2", "\u0663"])
def test_an_id_that_the_log_never_gave_is_400(api: Api, identifier: str) -> None:
    environ = {"HTTP_LAST_EVENT_ID": identifier.encode().decode("latin-1")}
    path = f"/stacks/{api.create()['uuid']}/log?follow=true"
    answer = api.client.get(path, environ_overrides=environ)
    assert answer.status_code == 400
    assert "Last-Event-ID" in answer.get_json()["error"]
