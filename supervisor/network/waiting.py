"""The connections on which clients without a key keep Supervisor waiting: few, the newest ones."""

import socket
from collections import defaultdict
from contextlib import suppress
from typing import Protocol

from supervisor.network.addresses import client_name

MOST = 300


class Connection(Protocol):
    """What is needed of a socket."""

    def shutdown(self, how: int, /) -> object:
        """End what reads or writes here, also if it waits."""


class Waiting:
    """Ends the oldest connection of the address that has most, where a newcomer finds no room.

    Whether a newcomer asks for /up or has a key is known only after it was read. One that says at
    once what it wants is gone from here before its turn to make room comes.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._clients: dict[Connection, str] = {}
        self._by_client: defaultdict[str, dict[Connection, None]] = defaultdict(dict)

    def add(self, connection: Connection, address: str) -> None:
        """Count a connection whose client has something to send or to take."""
        self.remove(connection)
        client = client_name(address)
        self._clients[connection] = client
        self._by_client[client][connection] = None
        if len(self._clients) > self._most:
            self._make_room()

    def remove(self, connection: Connection) -> None:
        """Count a connection no more: its request has arrived, or it is closed."""
        client = self._clients.pop(connection, None)
        if client is not None:
            own = self._by_client[client]
            del own[connection]
            if not own:
                del self._by_client[client]

    def _make_room(self) -> None:
        # Each is in the order of their coming; the first of several with as many is the oldest.
        client = max(self._by_client, key=lambda name: len(self._by_client[name]))
        oldest = next(iter(self._by_client[client]))
        self.remove(oldest)
        # Not gevent's: it has whoever waits there fail with an error that gunicorn logs as its own.
        # https://www.gevent.org/api/gevent.socket.html
        line: Connection = getattr(oldest, "_sock", oldest)
        with suppress(OSError):  # closed meanwhile
            line.shutdown(socket.SHUT_RDWR)


waiting = Waiting()
