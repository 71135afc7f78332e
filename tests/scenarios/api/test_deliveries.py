"""Deliveries as only a raw connection can send them: rows S of the threats."""

import json

import psutil
import pytest

from tests.support.raw import connect, receive, request, send
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import signature
from tests.support.waiting import well_within

HEADER = "X-Hub-Signature-256"
PUSH = b'{"ref": "refs/heads/main"}'
INVALID = {"error": "Payload signature is invalid"}
DIGITS = signature(PUSH).removeprefix("sha256=")


# S7, S12 to S16: what only a raw connection can send


@pytest.fixture(scope="module")
def path(shared_service: Service, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The webhook of a stack on the real server; its repository is empty, so nothing comes up."""
    repository = Repository(tmp_path_factory.mktemp("webhook") / "repository")
    stack = shared_service.create_stack(git_repository=repository.url)
    shared_service.wait_for_run(stack["uuid"], status="failed")
    return f"/stacks/{stack['uuid']}/webhook"


def finished(service: Service, path: str) -> int:
    """Return the number of runs, once all have ended."""
    uuid = path.split("/")[2]
    service.wait_for_run(uuid, status="failed")
    return len(service.runs(uuid))


def memory(service: Service) -> int:
    return sum(psutil.Process(process.pid).memory_info().rss for process in service.processes)


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


CHUNKED = "Transfer-Encoding: chunked"
LENGTH = f"Content-Length: {len(PUSH)}"
RIGHT = f"{HEADER}: {signature(PUSH)}"
WRONG = f"{HEADER}: sha256={'0' * 64}"


def test_a_signature_that_comes_twice_is_refused(shared_service: Service, path: str) -> None:
    before = finished(shared_service, path)
    for pair in ((WRONG, RIGHT), (RIGHT, WRONG), (RIGHT, RIGHT)):
        assert send(shared_service, "POST", path, LENGTH, *pair, body=PUSH).status == 400
    assert finished(shared_service, path) == before


def test_a_signature_in_bytes_that_are_not_ascii_is_refused(
    shared_service: Service, path: str
) -> None:
    value = HEADER.encode() + b": sha256=\xc3\xa9\xff" + DIGITS.encode()
    answer = send(shared_service, "POST", path, LENGTH, value, body=PUSH)
    assert (answer.status, json.loads(answer.body)) == (400, INVALID)


def test_a_huge_length_is_refused_before_a_byte_of_it_comes(
    shared_service: Service, path: str
) -> None:
    before = memory(shared_service)
    answer = send(shared_service, "POST", path, "Content-Length: 1073741824")
    assert answer.status == 413  # and not 408, for none came
    assert json.loads(answer.body) == {"error": "The body is larger than 1 MiB"}
    assert memory(shared_service) - before < 5 * 1024**2


def test_a_huge_chunked_body_is_refused_in_bounded_memory(
    shared_service: Service, path: str
) -> None:
    before = memory(shared_service)
    body = chunks(*[b"x" * 65536] * 400)
    assert send(shared_service, "POST", path, CHUNKED, body=body).status == 413
    assert memory(shared_service) - before < 10 * 1024**2


@pytest.mark.parametrize("body", [b"zz\r\n", b"-5\r\n", b"5\r\nabcdefg", b"5;\r\n"], ids=ascii)
def test_a_body_in_wrong_chunks_is_refused(shared_service: Service, path: str, body: bytes) -> None:
    answer = send(shared_service, "POST", path, CHUNKED, body=body)
    assert answer.status == 400
    assert json.loads(answer.body) == {"error": "The body is broken off or wrongly framed"}
    assert "broke" not in shared_service.log_text


@pytest.mark.parametrize("framing", [CHUNKED, "Content-Length: 9"])
def test_a_body_that_is_broken_off_leaves_no_trace(
    shared_service: Service, path: str, framing: str
) -> None:
    with connect(shared_service) as connection:
        connection.sendall(request("POST", path, framing, body=b"5\r\nab"))
    assert send(shared_service, "POST", path, LENGTH, WRONG, body=PUSH).status == 400
    assert "Traceback" not in shared_service.log_text


@pytest.mark.parametrize("count", [2, 7])
def test_a_body_in_chunks_is_put_together(shared_service: Service, path: str, count: int) -> None:
    before = finished(shared_service, path)
    step = -(-len(PUSH) // count)
    body = chunks(*[PUSH[at : at + step] for at in range(0, len(PUSH), step)])
    assert send(shared_service, "POST", path, CHUNKED, RIGHT, body=body).status == 202
    assert finished(shared_service, path) == before + 1


def test_a_body_of_just_the_limit_is_taken(shared_service: Service, path: str) -> None:
    for size, status in ((1024**2, 202), (1024**2 + 1, 413)):
        body = b"x" * size
        signed = f"{HEADER}: {signature(body)}"
        for framing, sent in (
            (f"Content-Length: {size}", body),
            (CHUNKED, chunks(*[body[at : at + 65536] for at in range(0, size, 65536)])),
        ):
            answer = send(shared_service, "POST", path, framing, signed, body=sent)
            assert answer.status == status


@pytest.mark.parametrize(
    "framing",
    [
        (CHUNKED, LENGTH),
        (LENGTH, "Content-Length: 5"),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding: xchunked",),
        ("Content-Length: +5",),
        ("Content-Length: 0x5",),
    ],
    ids=str,
)
def test_two_ways_to_say_where_a_body_ends_are_refused(
    shared_service: Service, path: str, framing: tuple[str, ...]
) -> None:
    before = finished(shared_service, path)
    answer = send(shared_service, "POST", path, *framing, RIGHT, body=PUSH)
    assert answer.status in (400, 501)
    assert finished(shared_service, path) == before


@pytest.mark.row("P14")
def test_a_body_that_comes_too_slowly_ends_the_connection(
    shared_service: Service, path: str
) -> None:
    with connect(shared_service, 90) as stuck, connect(shared_service, 90) as chunked:
        stuck.sendall(request("POST", path, "Content-Length: 100", body=b"abc"))
        chunked.sendall(request("POST", path, CHUNKED, body=b"5\r\nab"))
        assert receive(stuck).status == 408
        with well_within(5):  # one after the other it would be ten seconds more
            assert receive(chunked).status == 408
    assert shared_service.get("/stacks").status_code == 200
