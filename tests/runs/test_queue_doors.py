"""Whoever asks for a run gets the same answer: polls, webhooks, retries, drift, resume, people."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from supervisor.runs import ending, queue
from supervisor.runs.ending import Outcome
from supervisor.runs.pruning import SKIPPED_KEPT
from supervisor.stacks import catalogue, control
from supervisor.store.database import writing
from supervisor.store.models import Run, Stack, now
from supervisor.store.words import Action, Blocked, Intent, Status, Trigger
from supervisor.triggers import polls, timers
from supervisor.watch import findings
from tests.support.api import Api, application, close
from tests.support.triggers import signature

PUSH = b'{"ref": "refs/heads/main"}'
COMMIT, NEWER = "a" * 40, "b" * 40
SUSPENDED = "Automatic runs of the stack are suspended: resume it"
STOPPED = "The stack is stopped: start or unpause it to deploy this"
Row = dict[str, Any]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """An application that nobody else uses: runs are taken from the queue here."""
    api = application(tmp_path / "storage")
    with api.app.app_context():
        yield api
    close(api)


@pytest.fixture
def stack(api: Api) -> Stack:
    """A stack that was deployed, and has nothing to do."""
    stack = catalogue.find(api.create()["uuid"])
    claimed = queue.claim()
    assert claimed
    good = Outcome(
        Status.SUCCEEDED, "Deployed", COMMIT, changed=True, applied=b"state", applied_commit=COMMIT
    )
    ending.finish(claimed.run, good, 100)
    return stack


def put(stack: Stack, **values: Any) -> None:
    with writing() as session:
        for name, value in values.items():
            setattr(session.get_one(Stack, stack.id), name, value)


def runs(api: Api, stack: Stack) -> list[Row]:
    """Return the stack's runs after the first deploy, oldest first."""
    found: list[Row] = api.client.get(f"/stacks/{stack.uuid}/runs?count=100").get_json()["runs"]
    return found[-2::-1]


# The doors


def by_poll(_api: Api, stack: Stack) -> None:
    polls._submit_new([(catalogue.find(stack.uuid), NEWER)])


def by_webhook(api: Api, stack: Stack) -> None:
    headers = {"X-Hub-Signature-256": signature(PUSH)}
    path = f"/stacks/{stack.uuid}/webhook"
    answer = api.app.test_client().post(path, data=PUSH, headers=headers)
    assert answer.status_code == 202


def by_webhook_for_all(api: Api, stack: Stack) -> None:
    body = b'{"ref": "refs/heads/main", "repository": {"clone_url": "%s"}}'
    body %= stack.git_repository.encode()
    headers = {"X-Hub-Signature-256": signature(body)}
    assert api.app.test_client().post("/webhook", data=body, headers=headers).status_code == 202


def by_retry(_api: Api, stack: Stack) -> None:
    put(stack, retry_at=now())
    timers.submit_retries(now() + timedelta(seconds=1))


def by_drift(_api: Api, stack: Stack) -> None:
    findings.submit_heal(catalogue.find(stack.uuid), calm=timedelta(0))


def by_person(api: Api, stack: Stack) -> None:
    body = {"command": "redeploy"}
    assert api.client.post(f"/stacks/{stack.uuid}/control", json=body).status_code == 204


Door = Callable[[Api, Stack], None]
OF_COMMITS: dict[str, Door] = {
    "polling": by_poll,
    "webhook": by_webhook,
    "webhook for all": by_webhook_for_all,
    "recovery": by_retry,
}
AUTOMATIC = OF_COMMITS | {"drift": by_drift}
every_commit_door = pytest.mark.parametrize("door", OF_COMMITS.values(), ids=OF_COMMITS)
every_automatic_door = pytest.mark.parametrize("door", AUTOMATIC.values(), ids=AUTOMATIC)


@every_automatic_door
def test_a_free_stack_gets_a_pending_run(api: Api, stack: Stack, door: Door) -> None:
    door(api, stack)
    (run,) = runs(api, stack)
    assert run["status"] == "pending"


@every_automatic_door
def test_a_suspended_stack_gets_one_trace_however_often_it_is_asked(
    api: Api, stack: Stack, door: Door
) -> None:
    put(stack, suspended=True)
    for _ in range(3):
        door(api, stack)
    (run,) = runs(api, stack)
    assert (run["status"], run["message"], run["requests"]) == ("skipped", SUSPENDED, 3)
    assert run["started_at"] is None
    assert queue.claim() is None
    assert catalogue.find(stack.uuid).catch_up is (door is not by_drift)


@every_commit_door
def test_a_stopped_stack_gets_one_trace_and_catches_up_at_its_start(
    api: Api, stack: Stack, door: Door
) -> None:
    put(stack, intent=Intent.STOPPED)
    for _ in range(3):
        door(api, stack)
    (run,) = runs(api, stack)
    assert (run["status"], run["message"], run["requests"]) == ("skipped", STOPPED, 3)
    control.submit(stack.uuid, Action.START, Trigger.API)
    claimed = queue.claim()
    assert claimed and claimed.run.action is Action.START
    ending.finish(claimed.run, Outcome(Status.SUCCEEDED, "start done"), 100)
    newest = runs(api, stack)[-1]
    assert (newest["action"], newest["trigger"]) == ("deploy", "recovery")
    assert newest["status"] == "pending"


def test_a_person_who_redeploys_a_stopped_stack_gets_the_same_trace(api: Api, stack: Stack) -> None:
    put(stack, intent=Intent.STOPPED)
    by_webhook(api, stack)
    by_person(api, stack)
    (run,) = runs(api, stack)
    assert (run["message"], run["requests"]) == (STOPPED, 2)


def test_different_doors_join_one_trace(api: Api, stack: Stack) -> None:
    put(stack, suspended=True)
    for door in OF_COMMITS.values():
        door(api, stack)
    (run,) = runs(api, stack)
    assert run["requests"] == len(OF_COMMITS)


@every_automatic_door
def test_what_waits_in_vain_leaves_the_same_trace_in_its_turn(
    api: Api, stack: Stack, door: Door
) -> None:
    door(api, stack)
    put(stack, suspended=True)
    assert queue.claim() is None
    (run,) = runs(api, stack)
    assert (run["status"], run["message"]) == ("skipped", SUSPENDED)
    assert run["started_at"] is None
    assert catalogue.find(stack.uuid).catch_up is (door is not by_drift)


@every_commit_door
def test_resume_catches_up(api: Api, stack: Stack, door: Door) -> None:
    put(stack, suspended=True)
    door(api, stack)
    answer = api.client.post(f"/stacks/{stack.uuid}/control", json={"command": "resume"})
    run = api.client.get(answer.headers["Location"]).get_json()
    assert (run["action"], run["trigger"], run["status"]) == ("deploy", "recovery", "pending")


def test_resume_of_a_stopped_stack_waits_for_its_start(api: Api, stack: Stack) -> None:
    put(stack, suspended=True, intent=Intent.STOPPED, catch_up=True)
    answer = api.client.post(f"/stacks/{stack.uuid}/control", json={"command": "resume"})
    assert "Location" not in answer.headers
    assert runs(api, stack) == []
    assert catalogue.find(stack.uuid).catch_up


@pytest.mark.parametrize("name", ["polling", "recovery", "drift"])
def test_a_stack_that_is_deleted_gets_nothing_else(api: Api, stack: Stack, name: str) -> None:
    put(stack, deleting=True)
    AUTOMATIC[name](api, stack)
    assert [run["action"] for run in runs(api, stack)] == (["delete"] if name == "recovery" else [])


def test_who_asks_for_a_stack_that_is_deleted_is_told_that_there_is_none(
    api: Api, stack: Stack
) -> None:
    put(stack, deleting=True)
    path = f"/stacks/{stack.uuid}"
    assert api.client.post(f"{path}/control", json={"command": "stop"}).status_code == 404
    headers = {"X-Hub-Signature-256": signature(PUSH)}
    assert api.client.post(f"{path}/webhook", data=PUSH, headers=headers).status_code == 404


def test_drift_asks_for_nothing_while_a_run_goes_on(api: Api, stack: Stack) -> None:
    by_webhook(api, stack)
    assert queue.claim()
    by_drift(api, stack)
    assert [run["action"] for run in runs(api, stack)] == ["webhook"]


def test_what_comes_while_a_run_goes_on_leaves_one_pending_run(api: Api, stack: Stack) -> None:
    by_webhook(api, stack)
    assert queue.claim()
    for door in (*OF_COMMITS.values(), by_person):
        door(api, stack)
    assert [run["status"] for run in runs(api, stack)] == ["running", "pending"]


def test_what_is_put_off_while_a_deploy_goes_on_is_not_forgotten(api: Api, stack: Stack) -> None:
    by_webhook(api, stack)
    claimed = queue.claim()
    assert claimed
    put(stack, suspended=True)
    by_poll(api, stack)  # a newer commit than the one that is being deployed
    ending.finish(claimed.run, Outcome(Status.SUCCEEDED, "Deployed", COMMIT), 100)
    assert catalogue.find(stack.uuid).catch_up
    assert control.resume(stack.uuid)


def test_what_a_person_may_not_do_now_is_told_in_its_turn(api: Api, stack: Stack) -> None:
    put(stack, intent=Intent.STOPPED)
    body = {"command": "pause"}
    answer = api.client.post(f"/stacks/{stack.uuid}/control", json=body)
    assert api.client.get(answer.headers["Location"]).get_json()["status"] == "pending"
    claimed = queue.claim()
    assert claimed
    assert claimed.decision.reason == "The stack is stopped, there is nothing to pause"


def test_a_start_before_it_decides_for_a_redeploy(api: Api, stack: Stack) -> None:
    put(stack, intent=Intent.STOPPED)
    control.submit(stack.uuid, Action.START, Trigger.API)
    by_person(api, stack)
    assert [run["status"] for run in runs(api, stack)] == ["pending", "pending"]


# The history


def test_a_hundred_triggers_that_wait_push_no_real_run_out(api: Api, stack: Stack) -> None:
    put(stack, suspended=True)
    for number in range(SKIPPED_KEPT + 10):
        by_webhook(api, stack)
        with writing() as session:  # something else in between, so that none joins the last
            run = queue.append(session, stack.id, Action.HEAL, Trigger.DRIFT)
            run.status, run.message = Status.SKIPPED, f"number {number}"
    found = api.client.get(f"/stacks/{stack.uuid}/runs?count=100").get_json()["runs"]
    assert found[-1]["status"] == "succeeded"
    skipped = [run for run in found if run["status"] == "skipped"]
    assert SKIPPED_KEPT <= len(skipped) <= SKIPPED_KEPT + 1


def test_skipped_runs_do_not_count_and_the_last_that_changed_something_stays(
    api: Api, stack: Stack
) -> None:
    kept = 3
    for number in range(10):
        by_person(api, stack)
        claimed = queue.claim()
        assert claimed
        status = Status.SKIPPED if number % 2 else Status.FAILED
        ending.finish(claimed.run, Outcome(status, "render: no"), kept)
    found = api.client.get(f"/stacks/{stack.uuid}/runs?count=100").get_json()["runs"]
    statuses = [run["status"] for run in found]
    assert (statuses.count("failed"), statuses.count("skipped")) == (kept, 5)
    assert statuses[-1] == "succeeded"


@pytest.mark.parametrize("field", ["health_timeout", "rollback"])
def test_why_a_commit_is_blocked_outlives_the_run_that_tells_it(
    api: Api, stack: Stack, field: str
) -> None:
    by_webhook(api, stack)
    claimed = queue.claim()
    assert claimed
    ending.finish(claimed.run, Outcome(Status.FAILED, "no", NEWER, outcome="rolled_back"), 1)
    with writing() as session:
        session.delete(session.get_one(Run, claimed.run.id))
    assert catalogue.find(stack.uuid).blocked_because is Blocked.FAILED
    value = {"health_timeout": 900, "rollback": False}[field]
    assert api.client.patch(f"/stacks/{stack.uuid}", json={field: value}).status_code == 200
    assert catalogue.find(stack.uuid).blocked_commit is None
