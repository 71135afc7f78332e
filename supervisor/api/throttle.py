"""Slows down addresses that send many bad signatures; a good one never makes a client wait."""

import threading
import time
from collections import OrderedDict

from supervisor.network.addresses import client_name

WINDOW_SECONDS = 60
MOST_ADDRESSES = 10_000


class Throttle:
    """Count bad signatures by address, in bounded memory."""

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def note(self, address: str) -> int:
        """Count a bad one; return how many seconds the address is to wait, 0 while it may go on."""
        at, client = time.monotonic(), client_name(address)
        with self._lock:
            began, count = self._counts.pop(client, (at, 0))
            if at - began > WINDOW_SECONDS:
                began, count = at, 0
            self._counts[client] = (began, count + 1)
            while len(self._counts) > MOST_ADDRESSES:
                self._counts.popitem(last=False)
        return int(began + WINDOW_SECONDS - at) + 1 if count >= self._allowed else 0

    def is_spent(self, address: str) -> bool:
        """Tell whether the next bad one of this address will be told to wait; count nothing."""
        with self._lock:
            began, count = self._counts.get(client_name(address), (0.0, 0))
        return count >= self._allowed and time.monotonic() - began <= WINDOW_SECONDS
