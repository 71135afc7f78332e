"""What becomes of the calls of every forge, asked through the API."""

import pytest

from supervisor.store.words import Status
from tests.support import forges as sent
from tests.support.api import Api
from tests.support.forge_cases import CASES, HUB, SECRETS, Case
from tests.support.forges import DEV, MAIN, NEW, TAG, ZEROS, Sent
from tests.support.hooked import Hooked, github, hooked
from tests.support.service import SIGNATURE_SECRET

INVALID = {"error": "Payload signature is invalid"}


# Every call of every forge


HEADERS = {case.header for case in CASES.values()}


@pytest.fixture(scope="module")
def by_header(api: Api) -> dict[str, Hooked]:
    """A stack for each header that forges sign in."""
    return {
        header: hooked(
            api, signature_header=header, signature_secret=SECRETS.get(header, SIGNATURE_SECRET)
        )
        for header in HEADERS
    }


@pytest.fixture(scope="module")
def foreign(api: Api) -> dict[str, Hooked]:
    """The same with a secret that no forge here knows."""
    fields = {"signature_secret": "another:secret-000"}
    return {header: hooked(api, signature_header=header, **fields) for header in HEADERS}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_call_is_answered_and_recorded(by_header: dict[str, Hooked], case: Case) -> None:
    stack = by_header[case.header]
    before = len(stack.runs)
    answer = stack.deliver(case.sent)
    row = stack.deliveries[0]
    assert (row["forge"], row["references"]) == (case.forge, case.references or None)
    assert row["delivery_id"]
    if case.reason is None:
        assert (answer.status_code, row["result"]) == (202, "accepted")
        assert answer.get_json() == {"message": "Webhook received", "run": row["run"]}
        assert answer.headers["Location"] == f"/stacks/{stack.uuid}/runs/{row['run']}"
        assert stack.runs[0]["trigger"] == "webhook"
        stack.end(Status.SUCCEEDED)
    else:
        assert (answer.status_code, answer.get_json()["result"]) == (200, "ignored")
        assert case.reason in answer.get_json()["message"]
        assert (row["result"], row["reason"]) == ("ignored", answer.get_json()["message"])
        assert "Location" not in answer.headers
    assert len(stack.runs) == before + (case.reason is None)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_call_with_another_secret_is_refused(
    foreign: dict[str, Hooked], case: Case
) -> None:
    stack = foreign[case.header]
    answer = stack.deliver(case.sent)
    assert (answer.status_code, answer.get_json()) == (400, INVALID)
    assert len(stack.runs) == 1


# What a stack follows


@pytest.mark.parametrize(
    ("followed", "pushed", "status"),
    [
        (MAIN, MAIN, 202),
        ("main", MAIN, 202),
        ("main", DEV, 200),
        (TAG, TAG, 202),
        ("v1", TAG, 202),
        (TAG, "refs/heads/v1", 200),
        (NEW, MAIN, 200),
    ],
)
def test_only_the_followed_reference_triggers(
    stack: Hooked, followed: str, pushed: str, status: int
) -> None:
    assert stack.change(git_reference=followed).status_code == 200
    if stack.runs[0]["status"] == "pending":
        stack.end(Status.SUCCEEDED)
    before = len(stack.runs)
    assert stack.deliver(github(pushed)).status_code == status
    assert len(stack.runs) == before + (status == 202)


def test_a_plain_request_triggers_also_a_stack_that_follows_a_commit(stack: Hooked) -> None:
    stack.change(git_reference=NEW)
    stack.end(Status.FAILED)
    plain = Sent({HUB: f"sha256={sent.mac('sha256', b'go')}"}, b"go")
    assert stack.deliver(plain).status_code == 202
    assert stack.deliveries[0]["forge"] == "generic"


def test_a_deletion_leaves_what_runs(stack: Hooked) -> None:
    answer = stack.deliver(github(after=ZEROS, deleted=True))
    assert answer.get_json()["message"] == f"{MAIN} was deleted; what runs stays"
    assert len(stack.runs) == 1


# Repeated deliveries


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.SKIPPED])
def test_a_repeated_delivery_whose_run_ended_well_does_nothing(
    stack: Hooked, status: Status
) -> None:
    call = github()
    run = stack.deliver(call).get_json()["run"]
    stack.end(status)
    for _ in range(3):
        answer = stack.deliver(call)
        expected = {"message": "This delivery was handled before", "result": "duplicate"}
        assert (answer.status_code, answer.get_json()) == (200, expected)
    assert stack.runs[0]["uuid"] == run
    assert [row["result"] for row in stack.deliveries][:4] == ["duplicate"] * 3 + ["accepted"]
    assert {row["run"] for row in stack.deliveries[:4]} == {run}


@pytest.mark.parametrize("status", [Status.FAILED, Status.INTERRUPTED])
def test_a_repeated_delivery_whose_run_did_not_runs_again(stack: Hooked, status: Status) -> None:
    call = github()
    first = stack.deliver(call).get_json()["run"]
    stack.end(status)
    second = stack.deliver(call)
    assert second.status_code == 202
    assert second.get_json()["run"] != first
    stack.end(Status.SUCCEEDED)
    assert stack.deliver(call).status_code == 200


def test_a_repeated_delivery_whose_run_was_dropped_runs_again(stack: Hooked) -> None:
    call = github()
    first = stack.deliver(call).get_json()["run"]
    cancelled = stack.api.client.post(f"/stacks/{stack.uuid}/control", json={"command": "cancel"})
    assert cancelled.status_code == 204
    assert stack.runs[0]["status"] == "skipped"
    assert stack.deliver(call).get_json()["run"] != first


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING])
def test_a_repeated_delivery_whose_run_is_under_way_names_it(stack: Hooked, status: Status) -> None:
    call = github()
    first = stack.deliver(call)
    stack.end(status)
    again = stack.deliver(call)
    assert (again.status_code, again.get_json()) == (202, first.get_json())
    assert (stack.runs[0]["requests"], len(stack.runs)) == (1, 2)


def test_another_delivery_of_the_same_push_runs(stack: Hooked) -> None:
    stack.deliver(github())
    stack.end(Status.SUCCEEDED)
    assert stack.deliver(github()).status_code == 202
    stack.end(Status.SUCCEEDED)
    plain = github()
    del plain.headers["X-GitHub-Delivery"]
    for _ in range(2):
        assert stack.deliver(plain).status_code == 202
        stack.end(Status.SUCCEEDED)


def test_an_id_counts_for_its_stack_alone(api: Api, stack: Hooked) -> None:
    call = github()
    stack.deliver(call)
    stack.end(Status.SUCCEEDED)
    other = hooked(api)
    assert other.deliver(call).status_code == 202
