"""One webhook for all stacks on a repository."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from supervisor.store.words import Status
from tests.support import forges as sent
from tests.support.api import Api
from tests.support.forge_cases import CASES, HUB, SECRETS, Case
from tests.support.forges import DEV, MAIN, NEW, TAG, ZEROS, Sent
from tests.support.hooked import Hooked, hooked, send

INVALID = {"error": "Payload signature is invalid"}


@pytest.fixture
def make(api: Api) -> Iterator[Callable[..., Hooked]]:
    """Make stacks that are gone after the test."""
    made: list[Hooked] = []

    def one(**fields: Any) -> Hooked:
        made.append(hooked(api, **fields))
        return made[-1]

    yield one
    for stack in made:
        api.client.delete(f"/stacks/{stack.uuid}")


def deliver(api: Api, call: Sent, **environ: str) -> TestResponse:
    return send(api, "/webhook", call, **environ)


def results(answer: TestResponse) -> dict[str, str]:
    return {each["uuid"]: each["result"] for each in answer.get_json()["stacks"]}


def test_every_stack_on_the_repository_is_told_and_answered_for(
    api: Api, make: Callable[..., Hooked]
) -> None:
    web = make(name="web")
    by_ssh = make(name="by ssh", git_repository="ssh://git@GIT.example.org:7999/ada/shop")
    dev = make(name="dev", git_reference=DEV)
    polling = make(name="polling", strategy="polling", polling_interval=300)
    elsewhere = make(name="elsewhere", git_repository="https://git.example.org/ada/other.git")
    foreign = make(name="foreign", signature_secret="another secret")
    headed = make(name="headed", signature_header="X-Gitea-Signature")
    answer = deliver(api, sent.github(sent.push()))
    assert answer.status_code == 202
    assert answer.get_json() == {
        "message": "Webhook received",
        "stacks": [
            _told(web, "web", "accepted", None, web.runs[0]["uuid"]),
            _told(by_ssh, "by ssh", "accepted", None, by_ssh.runs[0]["uuid"]),
            _told(dev, "dev", "ignored", f"Another reference was pushed: {MAIN}", None),
        ],
    }
    for stack, runs, row in (
        (web, 2, "accepted"),
        (by_ssh, 2, "accepted"),
        (dev, 1, "ignored"),
        (polling, 1, None),
        (elsewhere, 1, None),
        (foreign, 1, "refused"),
        (headed, 1, "refused"),
    ):
        assert len(stack.runs) == runs
        assert [each["result"] for each in stack.deliveries] == ([row] if row else [])


def test_fifty_stacks_share_one_webhook(api: Api, make: Callable[..., Hooked]) -> None:
    stacks = [make(compose_file=f"{number}/compose.yml") for number in range(50)]
    answer = deliver(api, sent.github(sent.push()))
    assert answer.status_code == 202
    assert results(answer) == {stack.uuid: "accepted" for stack in stacks}
    runs = {each["uuid"]: each["run"] for each in answer.get_json()["stacks"]}
    for stack in stacks:
        assert stack.runs[0]["uuid"] == runs[stack.uuid]
        (row,) = stack.deliveries
        assert (row["result"], row["run"]) == ("accepted", runs[stack.uuid])


def _told(
    stack: Hooked, name: str, result: str, reason: str | None, run: str | None
) -> dict[str, str | None]:
    return {"uuid": stack.uuid, "name": name, "result": result, "reason": reason, "run": run}


@pytest.mark.parametrize(
    "case",
    [case for case in CASES.values() if case.reason is None],
    ids=[name for name, case in CASES.items() if case.reason is None],
)
def test_every_forge_names_its_repository(
    api: Api, make: Callable[..., Hooked], case: Case
) -> None:
    secret = {"signature_secret": SECRETS[case.header]} if case.header in SECRETS else {}
    stack = make(signature_header=case.header, **secret)
    answer = deliver(api, case.sent)
    assert (answer.status_code, results(answer)) == (202, {stack.uuid: "accepted"})


def test_unknown_repositories_and_wrong_secrets_are_refused_in_the_same_words(
    api: Api, stack: Hooked
) -> None:
    elsewhere = sent.push(repository={"clone_url": "https://git.example.org/ada/none.git"})
    answers = [
        deliver(api, sent.github(elsewhere)),
        deliver(api, sent.github(sent.push(), secret="another secret")),
        deliver(api, sent.github(sent.push(), secret=None)),
        deliver(api, sent.github({"zen": "x"}, "ping")),
        deliver(api, sent.github(sent.push(repository=None))),
        deliver(api, sent.github(sent.push(repository={"clone_url": ["x"], "ssh_url": ""}))),
        deliver(api, Sent({}, b"")),
        deliver(api, Sent({}, b"[" * 100_000)),
    ]
    assert {(each.status_code, each.data) for each in answers} == {(400, answers[0].data)}
    assert answers[0].get_json() == INVALID
    assert len(stack.runs) == 1
    (row,) = stack.deliveries
    assert (row["result"], row["count"]) == ("refused", 2)


def test_the_payload_picks_no_stack_but_those_that_its_secret_proves(
    api: Api, make: Callable[..., Hooked]
) -> None:
    own = make(signature_secret="the own secret")
    other = make(git_repository="https://git.example.org/ada/other.git")
    names = sent.addresses() | {"ssh_url": "git@git.example.org:ada/other.git"}
    call = sent.github(sent.push(repository=names), secret="the own secret")
    assert results(deliver(api, call)) == {own.uuid: "accepted"}
    assert len(other.runs) == 1


def test_what_was_deleted_or_concerns_no_stack_is_answered_200(api: Api, stack: Hooked) -> None:
    for call in (
        sent.github(sent.push(TAG)),
        sent.github(sent.push(after=ZEROS)),
        sent.github(sent.short("main", "branch"), "delete"),
        sent.github({"repository": sent.addresses()}, "ping"),
    ):
        answer = deliver(api, call)
        assert answer.status_code == 200
        assert answer.get_json()["message"] == "Nothing to do for any stack"
        assert results(answer) == {stack.uuid: "ignored"}
    assert len(stack.runs) == 1


def test_a_repetition_runs_for_those_whose_run_failed(
    api: Api, make: Callable[..., Hooked]
) -> None:
    good, bad = make(), make()
    call = sent.github(sent.push())
    deliver(api, call)
    good.end(Status.SUCCEEDED)
    bad.end(Status.FAILED)
    answer = deliver(api, call)
    assert answer.status_code == 202
    assert results(answer) == {good.uuid: "duplicate", bad.uuid: "accepted"}
    assert (len(good.runs), len(bad.runs)) == (2, 3)


def test_what_one_stack_cannot_take_keeps_no_other_back(
    api: Api, make: Callable[..., Hooked]
) -> None:
    full, free = make(), make()
    for number in range(20):
        command = {"command": ("stop", "start")[number % 2]}
        api.client.post(f"/stacks/{full.uuid}/control", json=command)
    answer = deliver(api, sent.github(sent.push()))
    assert answer.status_code == 202
    assert results(answer) == {full.uuid: "ignored", free.uuid: "accepted"}
    assert full.deliveries[0]["reason"] == "20 runs are pending for this stack already"


def test_a_stack_that_is_being_deleted_is_not_told(api: Api, make: Callable[..., Hooked]) -> None:
    going = make()
    assert api.client.delete(f"/stacks/{going.uuid}").status_code == 204
    assert deliver(api, sent.github(sent.push())).status_code == 400
    stays = make()
    assert results(deliver(api, sent.github(sent.push()))) == {stays.uuid: "accepted"}


def test_a_stack_that_moved_is_found_at_its_new_address(api: Api, stack: Hooked) -> None:
    assert stack.change(git_repository="https://new.example.org/ada/shop").status_code == 200
    stack.end(Status.SUCCEEDED)
    assert deliver(api, sent.github(sent.push())).status_code == 400
    moved = sent.push(repository={"clone_url": "https://new.example.org/ada/shop.git"})
    assert deliver(api, sent.github(moved)).status_code == 202


def test_a_plain_request_names_its_repository(api: Api, stack: Hooked) -> None:
    body = b'{"repository": "https://git.example.org/ada/shop.git"}'
    call = Sent({HUB: f"sha256={sent.mac('sha256', body)}"}, body)
    assert results(deliver(api, call)) == {stack.uuid: "accepted"}


def test_the_former_secret_counts_here_too(api: Api, stack: Hooked) -> None:
    stack.change(signature_secret="the second secret", signature_secret_overlap=600)
    for secret in ("the second secret", None):
        call = sent.github(sent.push(), **({"secret": secret} if secret else {}))
        assert results(deliver(api, call)) == {stack.uuid: "accepted"}


def test_the_test_of_a_bitbucket_server_is_answered(api: Api, stack: Hooked) -> None:
    ping = sent.bitbucket({"test": True}, "diagnostics:ping", secret=None)
    answer = deliver(api, ping)
    assert (answer.status_code, answer.get_json()["stacks"]) == (200, [])
    push = sent.bitbucket(sent.server_push((MAIN, NEW, "UPDATE")), "repo:refs_changed", secret=None)
    assert deliver(api, push).status_code == 400


def test_bad_signatures_have_to_wait_here_too(make_api: Callable[..., Api]) -> None:
    api = make_api(bad_signatures_per_minute=2)
    stack = hooked(api)
    bad = sent.github(sent.push(), secret="another secret")
    assert [deliver(api, bad).status_code for _ in range(3)] == [400, 400, 429]
    assert stack.deliver(bad).status_code == 429
    assert deliver(api, sent.github(sent.push())).status_code == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_it_is_a_post(api: Api, method: str) -> None:
    assert api.app.test_client().open("/webhook", method=method).status_code == 401
    assert api.client.open("/webhook", method=method).status_code == 405
