"""Wakes the threads that carry runs out."""

import threading


class Bell:
    """Wake real threads; a ring between looking and waiting is not lost."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        """Return how often it rang; look before you look for work."""
        return self._rings

    def ring(self, *, everyone: bool = False) -> None:
        """Wake one waiting thread, who looks for more work when it is done, or all of them."""
        with self._changed:
            self._rings += 1
            if everyone:
                self._changed.notify_all()
            else:
                self._changed.notify()

    def wait(self, rings: int, seconds: float) -> None:
        """Wait until it rang more often than that, at most so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._rings != rings, seconds)


queue_bell = Bell()
