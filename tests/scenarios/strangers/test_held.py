"""However many connections strangers hold, /up answers, and so does what has a key."""

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
import requests

from tests.support.service import API_KEY, Service
from tests.support.strangers import Attack, Crowd
from tests.support.triggers import signature

COUNT = 1200
HOST = b" HTTP/1.1\r\nHost: localhost\r\n"
BODY = b"POST /webhook" + HOST + b"Content-Length: 1000\r\n\r\n"
ATTACKS = {
    "bodies": Attack(BODY, b"x"),
    "bodies of a stack": Attack(BODY.replace(b"/web", b"/stacks/x/web"), b"x"),
    "bodies in chunks": Attack(
        b"POST /webhook" + HOST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"
    ),
    "bodies for nobody": Attack(BODY.replace(b"/webhook", b"/stacks"), b"x"),
    "bodies of /up": Attack(BODY.replace(b"POST /webhook", b"GET /up"), b"x"),
    "heads": Attack(b"GET /up" + HOST, b"X: x\r\n", again=400),
    "silence": Attack(b"", again=400),
    "answers that nobody takes": Attack(
        (b"GET /openapi.json" + HOST + b"\r\n") * 12, takes_answers=False
    ),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that needs no engine."""
    service = Service(tmp_path_factory.mktemp("served")).start(healthy=False)
    yield service
    service.close()
    assert "Traceback" not in service.log_text


def up(service: Service) -> None:
    """Ask for /up on a connection of its own; without an engine it tells so."""
    assert requests.get(f"{service.url}/up", timeout=5).status_code in (200, 503)


@pytest.mark.parametrize("kind", ATTACKS)
def test_strangers_that_hold_connections_stop_nobody(served: Service, kind: str) -> None:
    with Crowd(served, ATTACKS[kind], COUNT).at_work():
        for _ in range(8):
            up(served)
            assert served.get("/stacks", timeout=5).status_code == 200
            answer = served.post("/stacks", json={"name": "x" * 100_000}, timeout=5)
            assert answer.status_code == 422
            time.sleep(0.5)


def test_unfinished_bodies_are_few_and_the_others_are_told_at_once(served: Service) -> None:
    with Crowd(served, ATTACKS["bodies"], 300).at_work() as crowd:
        answers = [line for line in crowd.answers if line.startswith(b"HTTP")]
        # What arrives at once needs none of the places.
        body = b"{}"
        headers = {"X-Hub-Signature-256": signature(body)}
        url = f"{served.url}/stacks/{uuid4()}/webhook"
        delivered = requests.post(url, data=body, headers=headers, timeout=5)
        keyed = requests.post(
            url, data=body, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=5
        )
    assert len(answers) > 50
    assert set(answers) == {b"HTTP/1.1 503 SERVICE UNAVAILABLE"}
    assert (delivered.status_code, keyed.status_code) == (400, 404)
