"""Which secret and which digest count, and for how long."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.support import forges as sent
from tests.support.api import Api
from tests.support.forges import MAIN, NEW
from tests.support.hooked import Hooked, github, hooked
from tests.support.service import SIGNATURE_SECRET


def test_a_former_secret_is_valid_for_the_time_that_was_given(stack: Hooked) -> None:
    fields = {"signature_secret": "the second secret", "signature_secret_overlap": 600}
    changed = stack.change(**fields)
    assert changed.status_code == 200
    until = changed.get_json()["former_secret_until"]
    assert until > changed.get_json()["updated_at"]
    new = sent.github(sent.push(), secret="the second secret")
    assert [stack.deliver(call).status_code for call in (github(), new)] == [202, 202]
    _pass(stack, 601)
    assert [stack.deliver(call).status_code for call in (github(), new)] == [400, 202]


def _pass(stack: Hooked, seconds: int) -> None:
    """Let time have gone by, for what a stack remembers of its former secret."""
    with closing(sqlite3.connect(stack.api.storage / "supervisor.db")) as database, database:
        column = "former_secret_until"
        moved = f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-{seconds} seconds')"
        database.execute(f"UPDATE stacks SET {column} = {moved} WHERE uuid = ?", (stack.uuid,))


def test_a_change_without_an_overlap_ends_the_former_ones(stack: Hooked) -> None:
    stack.change(signature_secret="the second secret", signature_secret_overlap=600)
    stack.change(signature_secret="the third secret")
    second = sent.github(sent.push(), secret="the second secret")
    third = sent.github(sent.push(), secret="the third secret")
    calls = (github(), second, third)
    assert [stack.deliver(call).status_code for call in calls] == [400, 400, 202]
    assert stack.api.client.get(f"/stacks/{stack.uuid}").get_json()["former_secret_until"] is None


def test_only_the_last_of_several_former_secrets_is_valid(stack: Hooked) -> None:
    stack.change(signature_secret="the second secret", signature_secret_overlap=600)
    stack.change(signature_secret="the third secret", signature_secret_overlap=600)
    second = sent.github(sent.push(), secret="the second secret")
    assert [stack.deliver(call).status_code for call in (github(), second)] == [400, 202]


def test_an_overlap_is_for_a_change_of_the_secret(stack: Hooked) -> None:
    for fields in ({"signature_secret": SIGNATURE_SECRET}, {"signature_secret": "********"}, {}):
        changed = stack.change(signature_secret_overlap=600, **fields)
        assert (changed.status_code, changed.get_json()["former_secret_until"]) == (200, None)
    assert stack.change(signature_secret_overlap=-1).status_code == 422
    assert "signature_secret_overlap" not in stack.change(name="shown").get_json()


@pytest.mark.parametrize("allowed", [False, True])
def test_sha1_counts_only_where_the_setting_allows_it(
    make_api: Callable[..., Api], allowed: bool
) -> None:
    stack = hooked(make_api(allow_sha1=allowed), signature_header="X-Hub-Signature")
    assert stack.deliver(github()).status_code == (202 if allowed else 400)


def test_the_secret_for_azure_is_a_user_and_a_password(stack: Hooked) -> None:
    answer = stack.change(signature_header="Authorization", signature_secret="no colon here")
    assert answer.status_code == 422
    assert list(answer.get_json()["error"]) == ["signature_secret"]


def test_the_test_of_a_bitbucket_server_may_be_unsigned(stack: Hooked) -> None:
    stack.change(signature_header="X-Hub-Signature")
    ping = sent.bitbucket({"test": True}, "diagnostics:ping", secret=None)
    answer = stack.deliver(ping)
    assert (answer.status_code, answer.get_json()["result"]) == (200, "ignored")
    assert "only a push shows" in answer.get_json()["message"]
    wrong = sent.bitbucket({"test": True}, "diagnostics:ping", secret="another secret")
    assert stack.deliver(wrong).status_code == 400
    push = sent.bitbucket(sent.server_push((MAIN, NEW, "UPDATE")), "repo:refs_changed", secret=None)
    assert stack.deliver(push).status_code == 400
    assert len(stack.runs) == 1
