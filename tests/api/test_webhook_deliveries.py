"""What is shown of deliveries, and who has to wait."""

from collections.abc import Callable
from uuid import uuid4

from tests.support import forges as sent
from tests.support.api import Api
from tests.support.forge_cases import HUB
from tests.support.forges import MAIN
from tests.support.hooked import Hooked, github, hooked
from tests.support.service import SIGNATURE_SECRET

WRONG = {"X_Hub_Signature_256": "sha256=" + "0" * 64}


def test_a_delivery_is_shown_without_its_body_and_signature(stack: Hooked) -> None:
    call = github(forced=True)
    stack.deliver(call)
    answer = stack.api.client.get(f"/stacks/{stack.uuid}/deliveries")
    (row,) = answer.get_json()["deliveries"]
    assert row.pop("at").endswith("Z")
    assert row == {
        "forge": "github",
        "event": "push",
        "references": MAIN,
        "delivery_id": call.headers["X-GitHub-Delivery"],
        "who": "ada",
        "result": "accepted",
        "reason": None,
        "run": stack.runs[0]["uuid"],
        "count": 1,
    }
    stored = b"".join(path.read_bytes() for path in stack.api.storage.glob("supervisor.db*"))
    assert call.headers["X-GitHub-Delivery"].encode() in stored
    for words in (call.headers[HUB][7:], SIGNATURE_SECRET, "ada@example.org", "shop/compare"):
        assert words.encode() not in stored


def test_the_newest_hundred_are_kept(stack: Hooked) -> None:
    for number in range(103):
        stack.deliver(github(f"refs/heads/b{number}"))
    shown = [row["references"] for row in stack.deliveries]
    assert shown == [f"refs/heads/b{number}" for number in range(102, 2, -1)]
    path = f"/stacks/{stack.uuid}/deliveries"
    assert len(stack.api.client.get(path).get_json()["deliveries"]) == 20
    assert len(stack.api.client.get(f"{path}?count=1").get_json()["deliveries"]) == 1
    for count in ("0", "101", "x", "-1"):
        assert stack.api.client.get(f"{path}?count={count}").status_code == 400
    assert stack.api.app.test_client().get(path).status_code == 401
    assert stack.api.client.get(f"/stacks/{uuid4()}/deliveries").status_code == 404


def test_bad_signatures_are_one_row_that_counts(stack: Hooked) -> None:
    stack.deliver(github())
    for _ in range(5):
        assert stack.deliver(github().with_headers(**WRONG)).status_code == 400
    assert stack.deliver(sent.gitea({}, "x" * 400, secret="another one")).status_code == 400
    refused, accepted = stack.deliveries
    assert accepted["result"] == "accepted"
    assert (refused["result"], refused["count"]) == ("refused", 6)
    assert refused["reason"] == "The signature is missing or wrong"
    # Nobody has proven what it says.
    assert not any(refused[name] for name in ("references", "delivery_id", "who", "run"))
    assert (refused["forge"], refused["event"]) == ("github", "push")


def test_an_unsigned_call_does_not_make_a_signed_one_with_its_id_a_duplicate(stack: Hooked) -> None:
    call = github()
    assert stack.deliver(call.with_headers(**WRONG)).status_code == 400
    assert stack.deliver(call).status_code == 202


def test_a_signed_call_to_a_polling_stack_shows_why_nothing_happens(stack: Hooked) -> None:
    assert stack.change(strategy="polling", polling_interval=300).status_code == 200
    assert stack.deliver(github()).status_code == 409
    (row,) = stack.deliveries
    assert (row["result"], row["reason"]) == ("ignored", "Stack strategy is not webhook")


def test_a_delivery_that_finds_the_queue_full_shows_it(stack: Hooked) -> None:
    for number in range(20):
        command = ("stop", "start")[number % 2]
        path = f"/stacks/{stack.uuid}/control"
        assert stack.api.client.post(path, json={"command": command}).status_code == 204
    assert stack.deliver(github()).status_code == 409
    (row,) = stack.deliveries
    assert (row["result"], row["reason"]) == (
        "ignored",
        "20 runs are pending for this stack already",
    )


def test_many_bad_signatures_have_to_wait_and_good_ones_do_not(
    make_api: Callable[..., Api],
) -> None:
    stack = hooked(make_api(bad_signatures_per_minute=3))
    bad = github().with_headers(**WRONG)
    attacker, other = {"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.2"}
    answers = [stack.deliver(bad, **attacker) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429, 429]
    assert answers[-1].get_json() == {"error": "Too many bad signatures"}
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61
    assert stack.deliver(github(), **attacker).status_code == 202
    assert stack.deliver(bad, **attacker).status_code == 429
    assert stack.deliver(bad, **other).status_code == 400
    assert stack.deliver(github(), **other).status_code == 202
