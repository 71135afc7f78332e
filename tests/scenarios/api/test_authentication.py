"""Who may come in, over HTTP: rows A of the threats."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import psutil
import pytest
import requests

from tests.conftest import StartService
from tests.support.raw import send
from tests.support.service import API_KEY, SECRET_KEY_BASE, Service

REFUSED = b'{"error":"Unauthorized"}\n'
RIGHT = f"Authorization: Bearer {API_KEY}"


def is_refused(answer: requests.Response) -> bool:
    """Tell whether an answer is the 401 that everybody without the key gets."""
    return (
        answer.status_code == 401
        and answer.content == REFUSED
        and answer.headers["Content-Type"] == "application/json"
        and answer.headers["WWW-Authenticate"].startswith("Bearer")
    )


@pytest.fixture(scope="module")
def server(shared_service: Service) -> Iterator[Service]:
    """The server; whatever the tests of this module send, it never breaks, and tells no key."""
    yield shared_service
    assert "Traceback" not in shared_service.log_text
    assert API_KEY not in shared_service.log_text
    assert SECRET_KEY_BASE not in shared_service.log_text


# A1, A2, A3, A8, A14, A16: the key, and what is not the key


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {API_KEY[:-1]}x",
        f"Bearer x{API_KEY[1:]}",
        f"Bearer {API_KEY[:-1]}",
        f"Bearer {API_KEY}x",
        f"Bearer {API_KEY.upper()}",
        "Bearer k",
        f"Bearer  {API_KEY}",
        f"Bearer\t{API_KEY}",
        f"Bearer {API_KEY},",
        f"Bearer {API_KEY} {API_KEY}",
        f'Bearer "{API_KEY}"',
        f"Bearer realm={API_KEY}",
        f"Bearer={API_KEY}",
        f"Bearer{API_KEY}",
        f"Token {API_KEY}",
        f"Basic {API_KEY}",
        "Basic c3VwZXJ2aXNvcjpzdXBlcnZpc29y",
        f'Digest username="{API_KEY}"',
        API_KEY,
    ],
)
def test_only_bearer_one_blank_and_the_key_opens(
    server: Service, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = requests.get(f"{server.url}/stacks", headers=headers, timeout=5)
    assert is_refused(answer)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_taken_in_any_case(server: Service, scheme: str) -> None:
    assert server.get("/stacks", headers={"Authorization": f"{scheme} {API_KEY}"}).ok


@pytest.mark.parametrize(
    "options",
    [
        {"params": {"api_key": API_KEY, "token": API_KEY, "access_token": API_KEY}},
        {"cookies": {"key": API_KEY, "session": API_KEY}},
        {"json": {"api_key": API_KEY}},
        {"headers": {"X-API-Key": API_KEY, "X-Auth-Token": API_KEY}},
        {"headers": {"Proxy-Authorization": f"Bearer {API_KEY}"}},
    ],
    ids=["query", "cookie", "body", "header", "proxy"],
)
def test_the_key_counts_in_its_header_only(server: Service, options: dict[str, Any]) -> None:
    assert is_refused(requests.get(f"{server.url}/stacks", timeout=5, **options))


# A5, A6, A7: what only a raw connection can send


def test_a_former_key_is_valid_until_it_is_taken_away(start_service: StartService) -> None:
    former = "the-key-of-last-year-0123"
    service = start_service(SUPERVISOR_FORMER_API_KEY=former)
    old = {"headers": {"Authorization": f"Bearer {former}"}}
    assert service.get("/stacks").status_code == 200
    assert service.get("/stacks", **old).status_code == 200
    assert former not in service.log_text
    del service.environment["SUPERVISOR_FORMER_API_KEY"]
    service.restart()
    assert service.get("/stacks").status_code == 200
    assert service.get("/stacks", **old).status_code == 401


@pytest.mark.parametrize("order", [("Authorization: Bearer bad", RIGHT), (RIGHT, RIGHT)])
def test_two_keys_are_no_key(server: Service, order: tuple[str, str]) -> None:
    for headers in (order, order[::-1]):
        answer = send(server, "GET", "/stacks", *headers)
        assert (answer.status, answer.body) == (401, REFUSED)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (b"Bearer \xc3\xa9\xff", 401),
        (b"Bearer " + API_KEY.encode() + b"\xff", 401),
        (b"Bearer a\x00b", 400),
        (b"Bearer\r\n " + API_KEY.encode(), 400),
    ],
    ids=["not ASCII", "right and more", "NUL", "folded"],
)
def test_bytes_that_no_key_has_are_refused_without_a_break(
    server: Service, value: bytes, status: int
) -> None:
    assert send(server, "GET", "/stacks", b"Authorization: " + value).status == status


@pytest.mark.parametrize(
    ("head", "statuses"),
    [
        ([b"Authorization: Bearer " + b"x" * 8000], {401}),
        ([b"Authorization: Bearer " + b"x" * 9000], {431}),
        ([f"X-{number}: x".encode() for number in range(150)], {431}),
        ([b"Content-Length: -1"], {400}),
    ],
    ids=["8,000 bytes", "9,000 bytes", "150 headers", "negative length"],
)
def test_oversized_heads_are_refused(
    server: Service, head: list[bytes], statuses: set[int]
) -> None:
    assert send(server, "GET", "/stacks", *head).status in statuses
    assert_up_answers(server)


def test_an_endless_request_line_is_refused(server: Service) -> None:
    assert 400 <= send(server, "GET", "/" + "x" * 1_000_000).status < 500
    assert_up_answers(server)


def assert_up_answers(server: Service) -> None:
    assert requests.get(f"{server.url}/up", timeout=30).ok


# A11, A16: paths, methods and browsers


@pytest.mark.parametrize(
    "path",
    [
        "//stacks",
        "/stacks/",
        "/%73tacks",
        "/up/../stacks",
        "/up/..%2fstacks",
        "/up/",
        "/up;/stacks",
        "/stacks/x/webhook/..%2f",
        "/stacks/x/webhook/../control",
        "/STACKS",
        "/stacks%00",
        "/stacks?/up",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_path_goes_around_the_key(server: Service, method: str, path: str) -> None:
    answer = send(server, method, path, "Content-Length: 0")
    if (method, path) == ("GET", "/up/"):
        assert answer.status == 200
    else:
        assert (answer.status, answer.body) == (401, REFUSED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Original-URL", "/up"),
        ("X-Rewrite-URL", "/up"),
        ("X-Forwarded-Prefix", "/up"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Script-Name", "/stacks"),
    ],
)
def test_no_header_turns_a_request_into_another(server: Service, name: str, value: str) -> None:
    assert is_refused(requests.get(f"{server.url}/stacks", headers={name: value}, timeout=5))
    assert isinstance(server.get("/stacks", headers={name: value}).json(), list)


def test_a_browser_on_another_site_gets_nothing(server: Service) -> None:
    origin = {"Origin": "https://evil.example"}
    preflight = origin | {"Access-Control-Request-Method": "POST"}
    simple = origin | {"Content-Type": "text/plain"}
    answers = [
        requests.options(f"{server.url}/stacks", headers=preflight, timeout=5),
        requests.get(f"{server.url}/stacks", headers=origin, timeout=5),
        requests.post(f"{server.url}/stacks", headers=simple, data="{}", timeout=5),
    ]
    assert all(is_refused(answer) for answer in answers)
    answers.append(server.post("/stacks", headers=simple, data="{}"))
    assert answers[-1].status_code == 415
    answers.append(requests.get(f"{server.url}/up", headers=origin, timeout=5))
    for answer in answers:
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


# A13: guessing


def test_a_storm_of_wrong_keys_locks_nobody_out_and_fills_no_log(server: Service) -> None:
    log_before = len(server.log_text)
    statuses: list[int] = []

    def guess() -> None:
        with requests.Session() as session:
            for number in range(40):
                headers = {"Authorization": f"Bearer wrong-{number}"}
                answer = session.get(f"{server.url}/stacks", headers=headers, timeout=10)
                statuses.append(answer.status_code)

    threads = [threading.Thread(target=guess) for _ in range(25)]
    for thread in threads:
        thread.start()
    assert server.get("/stacks").status_code == 200
    assert requests.get(f"{server.url}/up", timeout=5).status_code == 200
    for thread in threads:
        thread.join()
    assert statuses == [401] * 1000
    assert server.get("/stacks").status_code == 200
    assert len(server.log_text) - log_before < 2000


# A15: what strangers learn


def test_nobody_learns_anything_without_the_key(server: Service) -> None:
    stack = server.create_stack(name="Canary in the mine", git_repository="file:///nowhere.git")
    server.wait_for_run(stack["uuid"], status="failed")
    told = "canary", stack["uuid"], "nowhere", str(server.storage), "/work", "gevent", "werkzeug"
    for path in ("/", "/up", "/metrics", "/favicon.ico", "/robots.txt", "/stacks", "/static/x"):
        answer = requests.get(f"{server.url}{path}", timeout=5)
        assert is_refused(answer) or path == "/up"
        shown = f"{answer.headers} {answer.text}".lower()
        assert not [word for word in told if word.lower() in shown]
        assert not re.search(r"\d+\.\d+\.\d+", answer.headers.get("Server", ""))
    deliver = f"{server.url}/stacks/{stack['uuid']}/webhook"
    assert "canary" not in requests.post(deliver, data=b"{}", timeout=5).text.lower()


# A18: headers of proxies


def test_places_are_relative_whatever_host_a_request_claims(server: Service) -> None:
    claims = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "192.0.2.66",
        "Forwarded": "host=evil.example;for=192.0.2.66",
    }
    fields = {
        "name": f"stack {uuid4()}",
        "git_repository": "file:///nowhere.git",
        "git_reference": "main",
        "compose_file": "compose.yml",
        "strategy": "polling",
        "polling_interval": 3600,
    }
    answer = server.post("/stacks", json=fields, headers=claims)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/stacks/{answer.json()['uuid']}"
    assert "evil" not in f"{answer.headers}{answer.text}{server.log_text}"
    assert "192.0.2.66" not in server.log_text


def test_the_key_is_in_no_process_list(server: Service) -> None:
    arguments = []
    for process in server.processes:
        with suppress(psutil.NoSuchProcess):  # a command that has just ended
            arguments.append(" ".join(process.cmdline()))
    assert len(arguments) > 1
    assert not [line for line in arguments if API_KEY in line or SECRET_KEY_BASE in line]


@pytest.mark.row("P14")
def test_a_connection_that_says_nothing_holds_nobody_up(server: Service) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port)), timeout=5) for _ in range(50)]
    try:
        assert_up_answers(server)
        assert send(server, "GET", "/stacks", RIGHT).status == 200
    finally:
        for connection in silent:
            connection.close()
