"""Clients without a key that hold as many connections as they can: on loopback, and for a time."""

import resource
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.support.service import Service

MOST_SECONDS = 30
SETTLED_SECONDS = 2


@dataclass(frozen=True)
class Attack:
    """What each connection sends at once and each second after that; how many come anew in one."""

    first: bytes
    then: bytes = b""
    again: int = 20
    takes_answers: bool = True


class Crowd:
    """Many connections of one kind; those that are ended are made anew."""

    def __init__(self, service: Service, attack: Attack, count: int) -> None:
        host, port = service.url.removeprefix("http://").split(":")
        self._place = (host, int(port))
        self._attack, self._count = attack, count
        self._selector = selectors.DefaultSelector()
        self._open: set[socket.socket] = set()
        self._done = threading.Event()
        self.answers: list[bytes] = []

    @contextmanager
    def at_work(self) -> Iterator["Crowd"]:
        """Hold the connections meanwhile; for so many seconds at most."""
        needed = self._count + 200
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, needed)), hard))
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            time.sleep(SETTLED_SECONDS + 1)  # until all are there
            yield self
        finally:
            self._done.set()
            thread.join(MOST_SECONDS)

    def _work(self) -> None:
        start = time.monotonic()
        end, due, anew = start + MOST_SECONDS, start + 1, 0
        for _ in range(self._count):
            self._connect()
        while not self._done.is_set() and (now := time.monotonic()) < end:
            for key, _events in self._selector.select(0.002):
                self._take(key.fileobj)  # type: ignore[arg-type]
            if len(self._open) < self._count and anew < (now - start) * self._attack.again:
                self._connect()
                anew += 1
            if now > due:
                due += 1
                for connection in [*self._open]:
                    self._send(connection, self._attack.then)
        for connection in [*self._open]:
            self._close(connection)

    def _connect(self) -> None:
        connection = socket.socket()
        if not self._attack.takes_answers:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(self._place)
        connection.setblocking(False)
        self._open.add(connection)
        if self._attack.takes_answers:
            self._selector.register(connection, selectors.EVENT_READ)
        self._send(connection, self._attack.first)

    def _send(self, connection: socket.socket, part: bytes) -> None:
        try:
            connection.send(part)
        except BlockingIOError:
            pass  # it takes no more
        except OSError:
            self._close(connection)

    def _take(self, connection: socket.socket) -> None:
        try:
            part = connection.recv(65536)
        except OSError:
            part = b""
        if part:
            self.answers.append(part.split(b"\r\n")[0])
        else:
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        if connection in self._open:
            self._open.remove(connection)
            with suppress(KeyError):
                self._selector.unregister(connection)
            connection.close()
