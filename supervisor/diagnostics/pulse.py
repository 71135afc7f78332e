"""Whether the scheduler's loop still goes round."""

import time

STALE_SECONDS = 15


class Pulse:
    """When the loop last went round; beaten by the scheduler's thread, felt by any other."""

    def __init__(self) -> None:
        self._beaten_at = time.monotonic()

    def beat(self) -> None:
        """Note that the loop went round."""
        self._beaten_at = time.monotonic()

    @property
    def stale_seconds(self) -> float:
        """Return for how long there was no beat, 0 while all is well."""
        silent = time.monotonic() - self._beaten_at
        return silent if silent > STALE_SECONDS else 0
