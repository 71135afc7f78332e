"""Runs of an application that has no runner: taken, and looked at, by a test."""

from werkzeug.test import TestResponse

from supervisor.runs import queue
from supervisor.store.models import Run
from tests.support.api import Api


def control(api: Api, uuid: str, command: str) -> TestResponse:
    """Send a command."""
    return api.client.post(f"/stacks/{uuid}/control", json={"command": command})


def claimed(api: Api) -> Run:
    """Take the next run, as the runner would."""
    with api.app.app_context():
        found = queue.claim()
    assert found
    return found[0]


def statuses(api: Api, uuid: str) -> list[tuple[str, str]]:
    """Return the action and status of each run, newest first."""
    found = api.client.get(f"/stacks/{uuid}/runs").get_json()["runs"]
    return [(run["action"], run["status"]) for run in found]
