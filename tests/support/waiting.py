"""Waiting for something to become true, with an end; what takes long is noted until then."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

NOTED_SECONDS = 0.5


@dataclass(eq=False)
class Wait:
    """One wait of one thread; `took` is None while it goes on, and where a test's limit cut it."""

    what: str
    took: float | None = None
    began: float = field(default_factory=time.monotonic)
    thread: str = field(default_factory=lambda: threading.current_thread().name)


class Journal:
    """What a test has waited for: all that goes on, and what took its time."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.clear()

    def clear(self) -> None:
        """Begin anew: another test starts now."""
        self._start, self._waits = time.monotonic(), list[Wait]()

    @contextmanager
    def noted(self, what: str) -> Iterator[None]:
        """Note what a with block waits for."""
        wait = Wait(what)
        self._waits.append(wait)
        try:
            yield
        except Exception:
            self._end(wait)
            raise
        self._end(wait)  # not where a limit cuts it off: that is no Exception

    def _end(self, wait: Wait) -> None:
        wait.took = time.monotonic() - wait.began
        if wait.took < NOTED_SECONDS:
            with suppress(ValueError):  # of a former test's thread
                self._waits.remove(wait)

    def told(self) -> str:
        """Return a line for each wait, oldest first."""
        return "".join(map(self._line, tuple(self._waits))) or "nothing that is noted\n"

    def _line(self, wait: Wait) -> str:
        how_long = "to the limit" if wait.took is None else f"for {wait.took:6.1f} s"
        began = wait.began - self._start
        return f"from {began:6.1f} s on, {how_long}: {wait.what} ({wait.thread})\n"


journal = Journal()
noted = journal.noted


def wait_until(
    check: Callable[[], T | None], what: str, seconds: float = 60, every: float = 0.05
) -> T:
    """Return the first true value of `check`; fail with `what` when there is none in time."""
    end = time.monotonic() + seconds
    with noted(f"{what}, within {seconds} s"):
        while not (found := check()):
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(every)
    return found


@contextmanager
def well_within(seconds: float) -> Iterator[None]:
    """Fail where it takes longer. Give ten times what it takes on a quiet machine, or more.

    It is for what would otherwise take for ever: nothing is measured with it.
    """
    begun = time.monotonic()
    yield
    took = time.monotonic() - begun
    assert took < seconds, f"{took:.1f} s, and not well within {seconds} s"
