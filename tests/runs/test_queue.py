"""The life of a run: what is queued, cut off, held and taken back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from supervisor.runs import ending, recovery
from supervisor.runs.ending import Outcome
from supervisor.runs.output import Output
from supervisor.stacks import catalogue
from supervisor.store.database import writing
from supervisor.store.models import Run, Stack, now
from supervisor.store.words import Intent, Status
from tests.support.api import Api
from tests.support.runs import claimed, control, statuses
from tests.support.triggers import signature


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """An application that nobody else uses: runs are taken from the queue here."""
    return make_api()


PUSH = b'{"ref": "refs/heads/main"}'
COMMIT, NEWER = "a" * 40, "b" * 40
TAKEN_BACK = Outcome(Status.FAILED, "gate: web is unhealthy", COMMIT, outcome="rolled_back")
GOOD = Outcome(Status.SUCCEEDED, "Deployed", COMMIT)


def finished(api: Api, outcome: Outcome) -> Run:
    """Take the next run, and end it like this."""
    run = claimed(api)
    with api.app.app_context():
        ending.finish(run, outcome, 100)
    return run


def change(api: Api, uuid: str, **values: Any) -> None:
    with api.app.app_context():
        stack = catalogue.find(uuid)
        with writing() as session:
            for name, value in values.items():
                setattr(session.get_one(Stack, stack.id), name, value)


def test_what_supervisor_queues_itself_is_not_limited(api: Api) -> None:
    uuid = api.create()["uuid"]
    finished(api, GOOD)
    assert control(api, uuid, "start").status_code == 204
    change(api, uuid, intent=Intent.STOPPED, catch_up=True, applied=b"")
    start = claimed(api)
    words = ["restart", "start"] * 10
    assert [control(api, uuid, word).status_code for word in words] == [204] * 20
    assert control(api, uuid, "stop").status_code == 409
    with api.app.app_context():
        ending.finish(start, Outcome(Status.SUCCEEDED, "start done"), 100)
    assert statuses(api, uuid)[0] == ("deploy", "pending")


def test_resume_names_the_run_that_catches_up(api: Api) -> None:
    uuid = api.create()["uuid"]
    finished(api, GOOD)
    control(api, uuid, "suspend")
    assert "Location" not in control(api, uuid, "resume").headers
    change(api, uuid, suspended=True, catch_up=True)
    run = api.client.get(control(api, uuid, "resume").headers["Location"]).get_json()
    assert (run["action"], run["trigger"], run["status"]) == ("deploy", "recovery", "pending")


# What was cut off


def interrupted(api: Api) -> Run:
    """Take the next run, and cut it off."""
    run = claimed(api)
    with api.app.app_context():
        Output(run).begin("render", COMMIT, "==> render: docker compose config")
        recovery.interrupt(run, "Supervisor was stopped while it ran", 100)
    return run


def test_a_commit_that_brings_supervisor_down_is_left_alone_by_polls(api: Api) -> None:
    uuid = api.create()["uuid"]
    for _ in range(recovery.ATTEMPTS_LIMIT):
        interrupted(api)
    shown = api.client.get(f"/stacks/{uuid}/runs").get_json()["runs"][0]
    assert (shown["status"], shown["commit_after"]) == ("failed", COMMIT)
    assert shown["message"].startswith("gave up after 3 attempts")
    with api.app.app_context():
        assert catalogue.find(uuid).seen_commit == COMMIT


def test_a_teardown_is_never_given_up(api: Api) -> None:
    uuid = api.create()["uuid"]
    api.client.delete(f"/stacks/{uuid}")
    for _ in range(recovery.ATTEMPTS_LIMIT):
        interrupted(api)
    assert statuses(api, uuid)[0] == ("delete", "failed")
    assert api.client.get(f"/stacks/{uuid}/stats").get_json()["next_retry"]


def test_a_deploy_that_a_delete_was_to_end_is_not_done_again(api: Api) -> None:
    uuid = api.create()["uuid"]
    deploy = claimed(api)
    api.client.delete(f"/stacks/{uuid}")
    with api.app.app_context():
        recovery.interrupt(deploy, "Supervisor was stopped while it ran", 100)
    assert statuses(api, uuid) == [("delete", "pending"), ("deploy", "interrupted")]


# What waits a moment


def test_a_clock_that_was_set_back_holds_up_no_webhook(api: Api) -> None:
    uuid = api.create()["uuid"]
    finished(api, Outcome(Status.SKIPPED, "Already there", COMMIT))
    change(api, uuid, last_run_at=now() + timedelta(hours=1))
    deliver(api, uuid)
    assert claimed(api).trigger == "webhook"


# What was taken back


def deliver(api: Api, uuid: str) -> None:
    headers = {"X-Hub-Signature-256": signature(PUSH)}
    answer = api.app.test_client().post(f"/stacks/{uuid}/webhook", data=PUSH, headers=headers)
    assert answer.status_code == 202


def hold_of(api: Api, uuid: str) -> str | None:
    with api.app.app_context():
        return catalogue.find(uuid).blocked_commit


@pytest.mark.parametrize("field", ["health_timeout", "rollback"])
def test_a_changed_setting_lets_a_commit_that_was_taken_back_be_tried_again(
    api: Api, field: str
) -> None:
    uuid = api.create()["uuid"]
    finished(api, TAKEN_BACK)
    deliver(api, uuid)
    finished(api, Outcome(Status.SKIPPED, "aaa was taken back", COMMIT))
    assert hold_of(api, uuid) == COMMIT
    value = {"health_timeout": 900, "rollback": False}[field]
    assert api.client.patch(f"/stacks/{uuid}", json={"name": "another"}).status_code == 200
    assert hold_of(api, uuid) == COMMIT
    assert api.client.patch(f"/stacks/{uuid}", json={field: value}).status_code == 200
    assert hold_of(api, uuid) is None


def test_a_changed_setting_does_not_undo_the_rollback_of_a_person(api: Api) -> None:
    uuid = api.create()["uuid"]
    finished(api, TAKEN_BACK)
    control(api, uuid, "redeploy")
    finished(api, GOOD)
    control(api, uuid, "rollback")
    finished(api, Outcome(Status.SUCCEEDED, "Rolled back", NEWER))
    assert api.client.patch(f"/stacks/{uuid}", json={"health_timeout": 900}).status_code == 200
    assert hold_of(api, uuid) == COMMIT


def test_a_changed_setting_alone_deploys_nothing_again(api: Api) -> None:
    uuid = api.create()["uuid"]
    finished(api, GOOD)
    control(api, uuid, "redeploy")
    finished(api, Outcome(Status.FAILED, "cancelled", outcome="cancelled"))
    assert api.client.patch(f"/stacks/{uuid}", json={"health_timeout": 900}).status_code == 200
    with api.app.app_context():
        assert catalogue.find(uuid).seen_commit == COMMIT


def test_what_did_not_even_come_up_is_not_held_against_a_webhook(api: Api) -> None:
    uuid = api.create()["uuid"]
    port = "up: A port that a service publishes is taken"
    finished(api, Outcome(Status.FAILED, port, COMMIT, outcome="rolled_back", came_up=False))
    assert hold_of(api, uuid) is None
