"""Places for what may take its time: few in all, and fewer for each client."""

import threading
from collections import Counter

from supervisor.network.addresses import client_name


class Places:
    """Counts who has a place."""

    def __init__(self, in_all: int, each: int) -> None:
        self._in_all, self._each = in_all, each
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """Take a place for a client; return whether there was one."""
        client = client_name(address)
        with self._lock:
            if self._taken.total() >= self._in_all or self._taken[client] >= self._each:
                return False
            self._taken[client] += 1
            return True

    def give_back(self, address: str) -> None:
        """Give a place back that was taken."""
        client = client_name(address)
        with self._lock:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]
