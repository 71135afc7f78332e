"""Requests byte by byte, for what no HTTP client would send."""

import socket
from contextlib import suppress
from dataclasses import dataclass

from tests.support.service import Service


@dataclass
class Answer:
    """What came back: a status, the head, the body."""

    status: int
    head: bytes
    body: bytes


def connect(service: Service, seconds: float = 15) -> socket.socket:
    """Open a connection to the server."""
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=seconds)


def request(method: str, path: str, *headers: str | bytes, body: bytes = b"") -> bytes:
    """Return a request as it is on the wire; nothing is added but Host and Connection."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    encoded = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return b"\r\n".join(encoded) + b"\r\n\r\n" + body


def send(
    service: Service, method: str, path: str, *headers: str | bytes, body: bytes = b""
) -> Answer:
    """Send a request on a connection of its own; return the answer."""
    with connect(service) as connection:
        # The server may answer and close before it has taken everything.
        with suppress(ConnectionError):
            connection.sendall(request(method, path, *headers, body=body))
        return receive(connection)


def receive(connection: socket.socket) -> Answer:
    """Read an answer until the server closes."""
    received = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 "), received[:200]
    return Answer(int(head.split()[1]), head, body)
