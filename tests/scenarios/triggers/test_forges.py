"""Deliveries by real HTTP clients to the real server."""

import http.client
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import StartService
from tests.support import forges as sent
from tests.support.compose_files import compose, sleeper
from tests.support.forge_cases import CASES, HUB
from tests.support.forges import DEV, Sent
from tests.support.repository import Repository
from tests.support.service import SIGNATURE_SECRET, UNFINISHED, Service
from tests.support.waiting import wait_until

INVALID = b'{"error":"Payload signature is invalid"}\n'


class Caller:
    """A forge's end of a connection, kept open as long as the server does."""

    def __init__(self, service: Service) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=30)

    def send(self, path: str, call: Sent) -> tuple[int, bytes]:
        """Send a call; return the status and the body."""
        headers = {name: value.encode().decode("latin-1") for name, value in call.headers.items()}
        self._connection.request("POST", path, body=call.body, headers=headers)
        answer = self._connection.getresponse()
        self.headers = answer.headers
        return answer.status, answer.read()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def caller(shared_service: Service) -> Iterator[Caller]:
    with closing(Caller(shared_service)) as caller:
        yield caller


class Watched:
    """A stack on the real server that is never deployed: its repository is empty."""

    def __init__(self, service: Service, repository: Repository, **fields: Any) -> None:
        self.service = service
        self.uuid = str(service.create_stack(git_repository=repository.url, **fields)["uuid"])
        self.path = f"/stacks/{self.uuid}/webhook"
        service.wait_for_run(self.uuid, status="failed")

    @property
    def runs(self) -> list[dict[str, Any]]:
        return self.service.runs(self.uuid)

    @property
    def deliveries(self) -> list[dict[str, Any]]:
        answer = self.service.get(f"/stacks/{self.uuid}/deliveries?count=100")
        found: list[dict[str, Any]] = answer.json()["deliveries"]
        return found


@pytest.fixture(scope="module")
def watched(shared_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    repository = Repository(tmp_path_factory.mktemp("hooks") / "repository")
    stack = Watched(shared_service, repository)
    # What is accepted is skipped: the next thousand cost nothing.
    order = {"command": "suspend"}
    assert shared_service.post(f"/stacks/{stack.uuid}/control", json=order).status_code == 204
    return stack


# Anything at all

NAMES = (
    *("X-GitHub-Event", "X-Gitea-Event", "X-Gogs-Event", "X-Forgejo-Event", "X-Gitlab-Event"),
    *("X-Event-Key", "X-GitHub-Delivery", "X-Gitea-Delivery", "X-Request-UUID", "Idempotency-Key"),
    *("Content-Type", "Content-Encoding", "Accept", "Authorization", "X-Hub-Signature", HUB),
    *("webhook-id", "webhook-timestamp", "X-HTTP-Method-Override", "X-Forwarded-For", "Cookie"),
)
values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))
headers_of_any_kind = st.dictionaries(st.sampled_from(NAMES), values, max_size=6)
bodies = st.binary(max_size=300) | st.sampled_from([case.sent.body for case in CASES.values()])
each_address = pytest.mark.parametrize("path", ["/stacks/{}/webhook", "/webhook"])


def asked_for(stack: Watched) -> int:
    """Return how often a run was asked for; equal requests share a pending run."""
    return sum(run["requests"] for run in stack.runs)


@each_address
def test_nothing_unsigned_runs_or_breaks(watched: Watched, caller: Caller, path: str) -> None:
    @settings(max_examples=60)
    @given(body=bodies, headers=headers_of_any_kind)
    def is_refused(body: bytes, headers: dict[str, str]) -> None:
        to = path.format(watched.uuid)
        assert caller.send(to, Sent(headers, body)) == (400, INVALID)

    asked = asked_for(watched)
    is_refused()
    assert asked_for(watched) == asked
    assert "Traceback" not in watched.service.log_text


def test_whatever_is_signed_is_understood(watched: Watched, caller: Caller) -> None:
    @settings(max_examples=60)
    @given(body=bodies, headers=headers_of_any_kind)
    def is_understood(body: bytes, headers: dict[str, str]) -> None:
        signed = {HUB: f"sha256={sent.mac('sha256', body)}"}
        status, answer = caller.send(watched.path, Sent(headers | signed, body))
        assert status in (200, 202), answer

    is_understood()
    assert "Traceback" not in watched.service.log_text


# Secrets


def test_a_secret_is_changed_without_a_gap(
    watched: Watched, caller: Caller, shared_service: Service
) -> None:
    def answers(secret: str) -> int:
        return caller.send(watched.path, sent.github(sent.push(), secret=secret))[0]

    secrets = [f"secret number {number}" for number in range(4)]
    place = f"/stacks/{watched.uuid}"
    shared_service.patch(place, json={"signature_secret": secrets[0]})
    for former, new in pairwise(secrets):
        assert (answers(former), answers(new)) == (202, 400)
        change = {"signature_secret": new, "signature_secret_overlap": 30}
        assert shared_service.patch(place, json=change).status_code == 200
        assert (answers(former), answers(new)) == (202, 202)
    shared_service.patch(place, json={"signature_secret": "s" * 20, "signature_secret_overlap": 1})
    wait_until(lambda: answers(secrets[-1]) == 400, "the former secret has run out")
    assert answers("s" * 20) == 202
    shared_service.patch(place, json={"signature_secret": SIGNATURE_SECRET})
    assert (answers("s" * 20), answers(SIGNATURE_SECRET)) == (400, 202)


def test_bad_signatures_have_to_wait_and_hold_up_no_good_ones(
    start_service: StartService, tmp_path: Path
) -> None:
    service = start_service(SUPERVISOR_BAD_SIGNATURES_PER_MINUTE="5")
    stack = Watched(service, Repository(tmp_path / "repository"))
    bad = sent.github(sent.push(), secret="another secret")

    def flood(path: str) -> Counter[int]:
        with closing(Caller(service)) as attacker:
            statuses = Counter(attacker.send(path, bad)[0] for _ in range(30))
            assert 1 <= int(attacker.headers["Retry-After"]) <= 61
        return statuses

    with ThreadPoolExecutor(4) as pool, closing(Caller(service)) as friend:
        floods = [pool.submit(flood, path) for path in (stack.path, "/webhook") * 2]
        good = [friend.send(stack.path, sent.github(sent.push()))[0] for _ in range(20)]
        assert good == [202] * 20
        assert sum((each.result() for each in floods), Counter()) == {400: 5, 429: 115}
    refused = [row for row in stack.deliveries if row["result"] == "refused"]
    assert len(refused) <= 2  # a row a minute
    assert sum(row["count"] for row in refused) == 60
    assert {row["reason"] for row in refused} == {"The signature is missing or wrong"}


# Repetitions


def test_a_repetition_runs_until_its_run_has_succeeded_also_after_a_restart(
    service: Service, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "repository")
    stack = Watched(service, repository)
    call = sent.github(sent.push())

    def repeat() -> tuple[int, str]:
        with closing(Caller(service)) as forge:
            status, answer = forge.send(stack.path, call)
        return status, json.loads(answer).get("run", "")

    _, first = repeat()
    service.wait_for_run(stack.uuid, first, status="failed")
    repository.commit(compose({"web": sleeper(network_mode="none")}))
    status, second = repeat()
    assert status == 202
    assert second != first
    # The call names a commit that there isn't: only what the repository says is deployed.
    assert service.wait_for_run(stack.uuid, second)["commit_after"] == repository.head
    assert repeat() == (200, "")
    service.restart()
    assert repeat() == (200, "")
    assert [row["result"] for row in stack.deliveries] == [*["duplicate"] * 2, *["accepted"] * 2]
    assert stack.runs[0]["uuid"] == second


# A database that takes nothing


@contextmanager
def locked(service: Service) -> Iterator[None]:
    """Hold the database as another program would."""
    path = service.storage / "supervisor.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def signed(watched: Watched) -> list[dict[str, Any]]:
    """Return the deliveries but those with a bad signature, which are written later."""
    return [delivery for delivery in watched.deliveries if delivery["result"] != "refused"]


@pytest.mark.row("P7")
def test_only_a_trigger_that_cannot_be_stored_is_503(
    watched: Watched, caller: Caller, shared_service: Service
) -> None:
    call = sent.github(sent.push())
    for_nothing = {
        "another reference": (sent.github(sent.push(DEV)), 200),
        "ping": (sent.github({"zen": "x"}, "ping"), 200),
        "a bad signature": (sent.github(sent.push(), secret="another secret"), 400),
    }
    wait_until(lambda: not any(run["status"] in UNFINISHED for run in watched.runs), "it is quiet")
    runs, deliveries = watched.runs, signed(watched)
    with locked(shared_service):
        status, answer = caller.send(watched.path, call)
        assert (status, int(caller.headers["Retry-After"]) > 0) == (503, True)
        assert json.loads(answer) == {"error": "The database is busy: send this again"}
        for other, expected in for_nothing.values():
            assert caller.send(watched.path, other)[0] == expected
    assert (watched.runs, signed(watched)) == (runs, deliveries)
    assert caller.send(watched.path, call)[0] == 202
