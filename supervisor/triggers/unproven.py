"""Counts the calls that nothing proves, so that they write to the database once a minute only."""

import threading
import time
from collections import OrderedDict

QUIET_SECONDS = 60
MOST_ROWS = 10_000


class Unproven:
    """How many such calls each stack had, for each reason, since one was written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, str | None], tuple[float, int]] = OrderedDict()

    def count(self, uuid: str, reason: str) -> int | None:
        """Count a call; return how many were held back if it is to be written, else None."""
        at = time.monotonic()
        with self._lock:
            written, held = self._held.pop((uuid, reason), (None, 0))
            due = written is None or at - written >= QUIET_SECONDS
            self._held[uuid, reason] = (at, 0) if written is None or due else (written, held + 1)
            while len(self._held) > MOST_ROWS:
                self._held.popitem(last=False)
        return held if due else None

    def held(self, uuid: str, reason: str | None) -> int:
        """Return how many are held back."""
        with self._lock:
            return self._held.get((uuid, reason), (0.0, 0))[1]
