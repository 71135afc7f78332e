"""Every claimed run ends, and what is dropped is told."""

import threading
from collections.abc import Callable

import pytest

from supervisor.runner.recording import Recorder
from supervisor.runs.ending import Outcome
from supervisor.security.secret import Secret
from supervisor.settings.config import Config
from supervisor.stacks import catalogue
from supervisor.store.words import Status
from tests.support.api import Api
from tests.support.runs import claimed, control, statuses
from tests.support.service import API_KEY, SECRET_KEY_BASE


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """An application that nobody else uses: runs are taken from the queue here."""
    return make_api()


@pytest.mark.parametrize(("action", "retried"), [("deploy", False), ("delete", True)])
def test_a_run_whose_end_cannot_be_stored_ends_all_the_same(
    api: Api, action: str, retried: bool
) -> None:
    uuid = api.create()["uuid"]
    if action == "delete":
        assert api.client.delete(f"/stacks/{uuid}").status_code == 204
    run = claimed(api)
    config = Config(Secret(API_KEY), Secret(SECRET_KEY_BASE), api.storage)
    nonsense = Outcome(Status.FAILED, "gate: no", reasons={"web": object()})  # type: ignore[dict-item]
    with api.app.app_context():
        Recorder(config, threading.Event()).record(run, catalogue.find(uuid), nonsense, "")
    assert statuses(api, uuid)[0] == (action, "failed")
    assert bool(api.client.get(f"/stacks/{uuid}/stats").get_json()["next_retry"]) is retried


def test_runs_that_are_dropped_are_in_the_log(api: Api) -> None:
    uuid = api.create()["uuid"]
    for word in ("stop", "start"):
        control(api, uuid, word)
    assert control(api, uuid, "cancel").status_code == 204
    log = api.client.get(f"/stacks/{uuid}/log?entries=10").get_json()
    dropped = [(entry["action"], entry["outcome"], entry["message"]) for entry in log]
    words = ("deploy", "stop", "start")
    assert dropped == [(word, "skipped", "cancelled by a person") for word in words]
