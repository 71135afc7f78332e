"""What clients without a secret cost: little work, few writes, and nobody else's deliveries."""

import hmac
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support import forges as sent
from tests.support.api import Api
from tests.support.forge_cases import HUB
from tests.support.forges import Sent
from tests.support.hooked import Hooked, github, hooked, send

WRONG = "sha256=" + "0" * 64
NOT_WEBHOOK = "Stack strategy is not webhook"
STRANGER = {"REMOTE_ADDR": "192.0.2.1"}


def large(size: int = 1_000_000) -> dict[str, Any]:
    """A push of many commits, of about this size."""
    commits = [{"id": f"{n:040x}", "added": ["a/file"] * 20} for n in range(size // 700)]
    return sent.push(commits=commits)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """How many digests were made, and how many texts were parsed, over a body of any length."""
    counts = {"digests": 0, "parsed": 0}
    digest, loads = hmac.digest, json.loads

    def counting_digest(key: bytes, message: bytes, name: str) -> bytes:
        counts["digests"] += 1
        return digest(key, message, name)

    def counting_loads(text: Any, **options: Any) -> Any:
        counts["parsed"] += isinstance(text, bytes) and b'"repository"' in text
        return loads(text, **options)

    monkeypatch.setattr(hmac, "digest", counting_digest)
    monkeypatch.setattr(json, "loads", counting_loads)
    yield counts


def everywhere(stack: Hooked, call: Sent, **environ: str) -> list[TestResponse]:
    """Send it to the stack's own address, and to that of its repository."""
    return [stack.deliver(call, **environ), send(stack.api, "/webhook", call, **environ)]


def data_version(connection: sqlite3.Connection) -> int:
    """Return a number that another connection's write changes."""
    found: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return found


# Work


def test_a_delivery_costs_as_many_digests_as_there_are_secrets(
    make_api: Callable[..., Api], counted: dict[str, int]
) -> None:
    api = make_api()
    for number in range(12):
        hooked(api, signature_secret=f"the secret {number % 3}")
    call = sent.github(sent.push(), secret="another secret")
    counted["digests"] = 0
    assert send(api, "/webhook", call).status_code == 400
    assert counted["digests"] == 3


def test_a_large_body_that_nothing_proves_costs_the_same_with_many_stacks(
    make_api: Callable[..., Api],
) -> None:
    took = []
    for stacks in (1, 60):
        api = make_api()
        for _ in range(stacks):
            hooked(api)
        call = sent.github(large(), secret="another secret")
        send(api, "/webhook", call)  # what is written once a minute
        least = []
        for _ in range(5):
            before = time.process_time()
            assert send(api, "/webhook", call).status_code == 400
            least.append(time.process_time() - before)
        took.append(min(least))
    one, many = took
    assert many < one + 0.03, took


def test_nothing_is_parsed_that_no_secret_proves(stack: Hooked, counted: dict[str, int]) -> None:
    small, big = sent.github(sent.push()), sent.github(large())
    wrong = {"X_Hub_Signature_256": WRONG}
    assert stack.deliver(small.with_headers(**wrong)).status_code == 400
    for call in (big.with_headers(**wrong), Sent({}, big.body)):
        for answer in everywhere(stack, call):
            assert answer.status_code in (400, 413)
    assert counted["parsed"] == 0
    assert [answer.status_code for answer in everywhere(stack, big)] == [202, 202]
    assert counted["parsed"] == 2


def test_a_large_body_is_read_where_there_are_many_secrets(make_api: Callable[..., Api]) -> None:
    api = make_api()
    stacks = [hooked(api, signature_secret=f"the secret {number}") for number in range(20)]
    call = sent.github(large(), secret="the secret 19")
    answer = send(api, "/webhook", call)
    assert answer.status_code == 202
    assert [each["uuid"] for each in answer.get_json()["stacks"]] == [stacks[19].uuid]


def test_a_body_without_a_signature_is_small(stack: Hooked) -> None:
    for size, status in ((128 * 1024, 400), (128 * 1024 + 1, 413), (1024**2, 413)):
        for answer in everywhere(stack, Sent({}, b"x" * size)):
            assert answer.status_code == status
    assert answer.get_json() == {"error": "A body without a signature may have 128 KiB at most"}
    for answer in everywhere(stack, Sent({HUB: WRONG}, b"x" * 1024**2)):
        assert answer.status_code == 400
    key = stack.api.client.post(stack.path, data=b"x" * 1024**2)
    assert key.status_code == 400


# Writes


def test_refusals_are_written_once_a_minute(stack: Hooked) -> None:
    bad = github().with_headers(X_Hub_Signature_256=WRONG)
    everywhere(stack, bad)
    with closing(sqlite3.connect(stack.api.storage / "supervisor.db")) as connection:
        before = data_version(connection)
        for _ in range(10):
            everywhere(stack, bad)
        assert data_version(connection) == before
        assert stack.deliver(github()).status_code == 202
        assert data_version(connection) > before
    refused = [row for row in stack.deliveries if row["result"] == "refused"]
    assert [row["count"] for row in refused] == [22]


def test_calls_to_a_stack_without_a_secret_are_written_once_a_minute(api: Api) -> None:
    none = {"signature_header": None, "signature_secret": None}
    polling = hooked(api, strategy="polling", **none)
    assert polling.deliver(github()).status_code == 409
    with closing(sqlite3.connect(api.storage / "supervisor.db")) as connection:
        before = data_version(connection)
        assert [polling.deliver(github()).status_code for _ in range(5)] == [409] * 5
        assert data_version(connection) == before
    (row,) = polling.deliveries
    assert (row["result"], row["reason"], row["count"]) == ("ignored", NOT_WEBHOOK, 6)


def test_each_reason_that_a_call_proves_nothing_has_a_row_of_its_own(api: Api) -> None:
    none = {"strategy": "polling", "signature_header": None, "signature_secret": None}
    bad = github().with_headers(X_Hub_Signature_256=WRONG)
    stack = hooked(api)
    assert stack.deliver(github("refs/heads/other")).status_code == 200
    assert stack.deliver(bad).status_code == 400
    assert stack.change(**none).status_code == 200
    assert [stack.deliver(bad).status_code for _ in range(2)] == [409] * 2
    found = [(row["result"], row["reason"], row["count"]) for row in stack.deliveries]
    assert found == [
        ("ignored", NOT_WEBHOOK, 2),
        ("refused", "The signature is missing or wrong", 1),
        ("ignored", "Another reference was pushed: refs/heads/other", 1),
    ]


# The throttle


def test_wrong_signatures_are_stopped_before_work_and_good_ones_are_not(
    make_api: Callable[..., Api], counted: dict[str, int]
) -> None:
    stack = hooked(make_api(bad_signatures_per_minute=3))
    unsigned = Sent({"X-GitHub-Event": "push"}, github().body)
    for _ in range(4):
        everywhere(stack, unsigned, **STRANGER)
    counted.update(digests=0, parsed=0)
    for call in (unsigned, Sent({}, b"x" * 100_000)):
        for answer in everywhere(stack, call, **STRANGER):
            assert answer.status_code == 429
    wrong = sent.github(large()).with_headers(X_Hub_Signature_256=WRONG)
    assert send(stack.api, "/webhook", wrong, **STRANGER).status_code == 429
    assert counted == {"digests": 0, "parsed": 0}
    for good in (github(), sent.github(large())):
        assert stack.deliver(good, **STRANGER).status_code == 202
    assert send(stack.api, "/webhook", github(), **STRANGER).status_code == 202


def test_one_customers_addresses_of_version_6_are_one_client(make_api: Callable[..., Api]) -> None:
    stack = hooked(make_api(bad_signatures_per_minute=2))
    bad = github().with_headers(X_Hub_Signature_256=WRONG)
    found = [stack.deliver(bad, REMOTE_ADDR=f"2001:db8::{n}").status_code for n in range(4)]
    assert found == [400, 400, 429, 429]
    assert stack.deliver(bad, REMOTE_ADDR="2001:db8:1::1").status_code == 400
