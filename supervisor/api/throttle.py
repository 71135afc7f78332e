"""Slows down addresses that send many bad signatures; a good one never makes a client wait."""

import threading
import time
from collections import OrderedDict

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
        at = time.monotonic()
        with self._lock:
            began, count = self._counts.pop(address, (at, 0))
            if at - began > WINDOW_SECONDS:
                began, count = at, 0
            self._counts[address] = (began, count + 1)
            while len(self._counts) > MOST_ADDRESSES:
                self._counts.popitem(last=False)
        return int(began + WINDOW_SECONDS - at) + 1 if count >= self._allowed else 0
