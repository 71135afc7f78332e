"""Nothing that a client without a key sends fills the log."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import pytest

from tests.support.raw import connect, receive
from tests.support.service import Service
from tests.support.waiting import wait_until

LINE = b"GET /" + b"\xff\x1b" * 2000 + b" HTTP/1.1\r\n"
RUBBISH = {
    "no request line": b"\xff" * 4000 + b"\r\n\r\n",
    "no method": b"\x01" * 20 + b" / HTTP/1.1\r\n\r\n",
    "a long line": b"GET /" + b"\xff" * 9000 + b" HTTP/1.1\r\n\r\n",
    "an odd version": b"GET /" + b"x" * 3000 + b" HTTP/7.8" + b"\xff" * 900 + b"\r\n\r\n",
    "no header": LINE + b"\xff" * 4000 + b"\r\n\r\n",
    "a header's odd value": LINE + b"Host: \x00" + b"\xff" * 4000 + b"\r\n\r\n",
    "an odd framing": LINE + b"Transfer-Encoding: " + b"x" * 4000 + b"\r\n\r\n",
    "two lengths": LINE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "an expectation": LINE + b"Expect: " + b"x" * 4000 + b"\r\n\r\n",
    "an odd chunk": b"POST /webhook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"x" * 4000
    + b"\r\n",
    "a long path": b"GET /" + b"%ff" * 1300 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "half a request": LINE,
}


@pytest.fixture(scope="module")
def debugged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that says all that it can; it needs no engine."""
    folder = tmp_path_factory.mktemp("debugged")
    service = Service(folder, SUPERVISOR_LOG_LEVEL="debug").start(healthy=False)
    yield service
    service.close()


@pytest.mark.parametrize("kind", RUBBISH)
def test_rubbish_of_strangers_makes_a_few_short_lines(debugged: Service, kind: str) -> None:
    before = debugged.log.stat().st_size
    for _ in range(40):
        with connect(debugged) as connection, suppress(OSError, AssertionError):
            connection.sendall(RUBBISH[kind])
            connection.shutdown(socket.SHUT_WR)
            receive(connection)
    # A request of somebody with a key is logged after all that came before it.
    mark = uuid4().hex
    debugged.get("/stacks", headers={"X-Request-Id": mark})
    wait_until(lambda: mark in debugged.log_text, "the mark is logged")
    written = debugged.log.read_bytes()[before:]
    assert len(written) < 6000
    assert all(len(line) < 4000 for line in written.splitlines())
