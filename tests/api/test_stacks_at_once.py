"""Changes of one stack at once are checked against each other."""

import threading
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from tests.support.api import Api
from tests.support.triggers import signature


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """An application that nobody else uses: runs are taken from the queue here."""
    return make_api()


PUSH = b'{"ref": "refs/heads/main"}'


# Two at once


def both(*requests: Callable[[], TestResponse]) -> list[int]:
    barrier = threading.Barrier(len(requests))
    codes = []

    def send(request: Callable[[], TestResponse]) -> None:
        barrier.wait()
        codes.append(request().status_code)

    threads = [threading.Thread(target=send, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return codes


@pytest.mark.parametrize("number", range(5))
def test_changes_at_once_are_checked_against_each_other(api: Api, number: int) -> None:
    path = f"/stacks/{api.create()['uuid']}"
    codes = both(
        lambda: api.client.patch(path, json={"strategy": "polling"}),
        lambda: api.client.patch(path, json={"polling_interval": None}),
    )
    shown = api.client.get(path).get_json()
    assert sorted(codes) == [200, 422]
    assert (shown["strategy"], shown["polling_interval"]) != ("polling", None)


@pytest.mark.parametrize("number", range(5))
def test_a_mask_does_not_bring_back_a_secret_that_changes_just_then(api: Api, number: int) -> None:
    uuid = api.create(signature_secret="the former secret")["uuid"]
    new = {"signature_secret": "the new secret"}
    edited = {"name": "edited", "signature_secret": "********"}
    codes = both(
        lambda: api.client.patch(f"/stacks/{uuid}", json=new),
        lambda: api.client.put(f"/stacks/{uuid}", json=edited),
    )
    assert codes == [200, 200]
    headers = {"X-Hub-Signature-256": signature(PUSH, "the new secret")}
    answer = api.app.test_client().post(f"/stacks/{uuid}/webhook", data=PUSH, headers=headers)
    assert answer.status_code == 202
